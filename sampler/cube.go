package sampler

import (
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// gridLimit is the largest number of values of a numeric parameter that is not
// taken for continuous.
const gridLimit = 1000

// gridOf returns the places in the unit interval of the values of a numeric
// parameter, nil if they are a continuum or too many.
func gridOf(d space.Dist) []float64 {
	n := d.Len()
	if n > gridLimit {
		return nil
	}
	var values []float64
	for k := range n {
		if i, ok := d.(space.Int); ok {
			values = append(values, i.Unit(float64(i.Low+k*max(i.Step, 1))))
		} else {
			values = append(values, (float64(k)+0.5)/float64(n))
		}
	}
	return values
}

// pointOf returns where a trial is on the axes, if it has all parameters.
func pointOf(joint space.Space, t *trial.Trial) (x []float64, ok bool) {
	x = make([]float64, len(joint))
	for i, d := range joint {
		p, ok := t.Param(d.Name)
		if !ok || !d.Dist.Contains(p.Value) || isCategorical(d.Dist) != isCategorical(p.Dist) {
			return nil, false
		}
		x[i] = p.Value
		if !isCategorical(d.Dist) {
			x[i] = d.Dist.Unit(p.Value)
		}
	}
	return x, true
}
