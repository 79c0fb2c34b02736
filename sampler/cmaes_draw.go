package sampler

import (
	"math"
	"math/rand/v2"

	"github.com/bluefin-hpo/bluefin/sampler/internal/sobol"
	"github.com/bluefin-hpo/bluefin/sampler/internal/splitmix"
	"github.com/bluefin-hpo/bluefin/trial"
)

// draw draws a point of the unit cube for the trial of r.
func (e evolution) draw(r Request, independent bool) []float64 {
	index := r.Trial.Number - e.began // at least 0, but for a trial that is begun again
	even := !independent && index >= 0 && (e.state.Generation > 0 || e.restarts.count > 0)
	draw := func(r *rand.Rand) []float64 {
		if !even {
			return e.state.Draw(r)
		}
		even = false // what is out of bounds is replaced by independent draws
		return e.state.Point(e.spread(index, r))
	}
	if e.margined != nil {
		plain := draw
		draw = func(r *rand.Rand) []float64 { return e.margined.Encode(plain(r)) }
	}
	return e.bounds.Fold(e.bounds.Draw(r.Rand, draw))
}

// spread returns point index of a sequence that is evenly distributed as N(0, I),
// another one in each generation.
func (e evolution) spread(index int, r *rand.Rand) []float64 {
	z := make([]float64, e.state.Dim)
	for i := range z {
		if i >= sobol.MaxDim {
			z[i] = r.NormFloat64()
			continue
		}
		u := sobol.At(uint64(index), i, &sobol.Scramble{Seed: e.scramble})
		z[i] = -math.Sqrt2 * math.Erfcinv(2*max(u, 0x1p-54))
	}
	return z
}

// scrambleOf returns a number that differs between generations, by how many
// trials had finished, and between studies, by the last one of them.
func scrambleOf(last *trial.Trial, finished int) uint64 {
	h := splitmix.Mix(uint64(finished))
	for _, p := range last.Params {
		h = splitmix.Mix(h ^ math.Float64bits(p.Value))
	}
	return h
}
