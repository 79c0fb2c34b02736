package sampler

import (
	"github.com/bluefin-hpo/bluefin/sampler/internal/belief"
	"github.com/bluefin-hpo/bluefin/sampler/internal/outcome"
	"github.com/bluefin-hpo/bluefin/space"
)

// Random draws every parameter independently and uniformly: in ln x for a
// logarithmic range, with equal mass for every value of a grid. It learns nothing,
// except that it does not draw again what was infeasible. A parameter with a belief is
// drawn from a mixture of the belief and the uniform distribution, in which the belief
// fades, and trial 0 has its most likely value. See Bergstra and Bengio, "Random
// Search for Hyper-Parameter Optimization" (JMLR 13, 2012).
type Random struct{}

// Sample returns a value of d in internal form. It never fails.
func (Random) Sample(r Request, name string, d space.Dist) (float64, error) {
	if x, ok := belief.One(belief.Held(r.History, r.Beliefs), r.Trial, r.Rand, name, d); ok {
		return x, nil
	}
	return d.Value(r.Rand.Float64()), nil
}

// SampleJoint draws what no infeasible trial had, where parameters with finitely many
// values might repeat it; otherwise nothing. It never fails.
func (Random) SampleJoint(r Request) (map[string]float64, error) {
	return outcome.Untried(r.History, belief.Held(r.History, r.Beliefs), r.Trial, r.Rand), nil
}

// orRandom returns s, or Random if s is nil.
func orRandom(s Sampler) Sampler {
	if s == nil {
		return Random{}
	}
	return s
}
