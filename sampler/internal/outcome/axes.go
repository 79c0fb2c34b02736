package outcome

import (
	"cmp"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// axesOf returns the parameters with a choice that any of the trials has, sorted by name, each with
// its latest distribution.
func axesOf(trials []*trial.Trial) space.Space {
	latest := map[string]space.Dist{}
	for _, t := range trials {
		for _, p := range t.Params {
			latest[p.Name] = p.Dist
		}
	}
	var sp space.Space
	for name, d := range latest {
		if d.Len() != 1 {
			sp = append(sp, space.Dimension{Name: name, Dist: d})
		}
	}
	slices.SortFunc(sp, func(a, b space.Dimension) int { return cmp.Compare(a.Name, b.Name) })
	return sp
}

// outside is how far beyond its current range a value may lie, as a multiple of half the range.
const outside = 2

// place returns a coordinate in [-1, 1] for each parameter, given its value in internal form; of a
// choice its index. A parameter that value does not have is NaN.
func place(sp space.Space, value func(name string) (float64, bool)) []float64 {
	z := make([]float64, len(sp))
	for i, d := range sp {
		switch v, ok := value(d.Name); {
		case !ok:
			z[i] = math.NaN()
		case cube.IsCategorical(d.Dist):
			z[i] = v
		default:
			z[i] = min(max(2*d.Dist.Unit(v)-1, -outside), outside)
		}
	}
	return z
}

// placeOf is place of a trial.
func placeOf(sp space.Space, t *trial.Trial) []float64 {
	return place(sp, func(name string) (float64, bool) {
		p, ok := t.Param(name)
		return p.Value, ok
	})
}
