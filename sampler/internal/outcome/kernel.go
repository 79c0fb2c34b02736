package outcome

import (
	"math"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/space"
)

// A kernel is the prior covariance of a function that is mostly linear in the coordinates:
//
//	1 + slope Σ a·b + bend·exp(-½ slope |a-b|²)
//
// Memory and time are nearly products of powers of settings, so their logarithms are linear in those
// of the settings, and a linear function is learned from the fewest trials. All axes share one slope:
// in 30 trials, a slope for each did not find the border of the memory any sooner.
type kernel struct {
	categorical []bool // by axis
	slope       float64
}

const bend = 0.5

func newKernel(sp space.Space, slope float64) kernel {
	k := kernel{slope: slope}
	for _, d := range sp {
		k.categorical = append(k.categorical, cube.IsCategorical(d.Dist))
	}
	return k
}

// at returns the covariance of the values at two points. Coordinates that are missing add nothing to
// the linear part and are near each other only.
func (k kernel) at(a, b []float64) float64 {
	product, square := 0.0, 0.0
	for i, u := range a {
		switch v := b[i]; {
		case math.IsNaN(u) || math.IsNaN(v):
			if math.IsNaN(u) != math.IsNaN(v) {
				square++
			}
		case k.categorical[i] && u == v:
			product++
		case k.categorical[i]:
			square++
		default:
			product += u * v
			square += (u - v) * (u - v)
		}
	}
	return 1 + k.slope*product + k.bend()*math.Exp(-k.slope*square/2)
}

// descend adds factor times the gradient of at(a, b) by b to grad, except on axes of choices.
func (k kernel) descend(a, b []float64, factor float64, grad []float64) {
	bent := k.at(a, b)
	product := 0.0
	for i, u := range a {
		switch v := b[i]; {
		case math.IsNaN(u) || math.IsNaN(v):
		case k.categorical[i] && u == v:
			product++
		case !k.categorical[i]:
			product += u * v
		}
	}
	bent -= 1 + k.slope*product // bend·exp(…)
	for i, u := range a {
		if v := b[i]; !k.categorical[i] && !math.IsNaN(u) && !math.IsNaN(v) {
			grad[i] += factor * k.slope * (u - bent*(v-u))
		}
	}
}

// bend returns the variance of the part that is not linear: none without a slope.
func (k kernel) bend() float64 {
	if k.slope == 0 {
		return 0
	}
	return bend
}
