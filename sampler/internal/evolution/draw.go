package evolution

import (
	"math"
	"math/rand/v2"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/sampler/internal/sobol"
	"github.com/bluefin-hpo/bluefin/trial"
)

// draw returns a point of the unit cube for trial t. The points of a generation
// are spread evenly unless they must be independent.
func (e search) draw(t *trial.Trial, r *rand.Rand, independent bool) []float64 {
	index := t.Number - e.began // negative only for a trial that is restarted later
	even := !independent && index >= 0 && (e.state.Generation > 0 || e.restarts.count > 0)
	draw := func(r *rand.Rand) []float64 {
		if !even {
			return e.state.Draw(r)
		}
		even = false // a point out of bounds is replaced by an independent draw
		return e.state.Point(e.spread(index, r))
	}
	if e.margined != nil {
		plain := draw
		draw = func(r *rand.Rand) []float64 { return e.margined.Encode(plain(r)) }
	}
	return e.bounds.Fold(e.bounds.Draw(r, draw))
}

// spread returns the point with the given index of a sequence that is evenly
// distributed as N(0, I). Each generation has its own sequence.
func (e search) spread(index int, r *rand.Rand) []float64 {
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
// trials had finished, and between studies, by the last of them.
func scrambleOf(last *trial.Trial, finished int) uint64 {
	values := make([]float64, len(last.Params))
	for i, p := range last.Params {
		values[i] = p.Value
	}
	return cube.Hash(uint64(finished), values...)
}
