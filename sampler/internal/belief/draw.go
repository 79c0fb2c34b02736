package belief

import (
	"math/rand/v2"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// near is how many of the draws before there is a model come from the beliefs; the others are
// uniform, to learn whether the beliefs are right. See Mallik et al., "PriorBand" (NeurIPS 2023).
const near = 0.7

// Startup draws all parameters with beliefs, before there is a model: their most likely values in
// trial 0, then either all from their beliefs or all uniformly. It returns nil without beliefs.
func Startup(beliefs space.Space, t *trial.Trial, r *rand.Rand) map[string]float64 {
	if len(beliefs) == 0 {
		return nil
	}
	values := make(map[string]float64, len(beliefs))
	believing := r.Float64() < near
	for _, d := range beliefs {
		switch {
		case t.Number == 0:
			values[d.Name] = d.Belief.Mode()
		case believing:
			values[d.Name] = Of(d).Draw(r)
		default:
			values[d.Name] = d.Dist.Value(r.Float64())
		}
	}
	return values
}

// One draws a single parameter of beliefs as Startup does. It reports false if beliefs do not have
// it with the distribution d.
func One(beliefs space.Space, t *trial.Trial, r *rand.Rand, name string, d space.Dist) (float64, bool) {
	b := beliefs.Belief(name, d)
	if b == nil {
		return 0, false
	}
	return Startup(space.Space{{Name: name, Dist: d, Belief: b}}, t, r)[name], true
}
