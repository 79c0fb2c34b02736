package sampler

import (
	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// pointOf returns where a trial is on the axes, if it has all parameters.
func pointOf(joint space.Space, t *trial.Trial) (x []float64, ok bool) {
	x = make([]float64, len(joint))
	for i, d := range joint {
		p, ok := t.Param(d.Name)
		if !ok || !d.Dist.Contains(p.Value) || cube.IsCategorical(d.Dist) != cube.IsCategorical(p.Dist) {
			return nil, false
		}
		x[i] = cube.Unit(d.Dist, p.Value)
	}
	return x, true
}
