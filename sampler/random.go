package sampler

import (
	"github.com/bluefin-hpo/bluefin/space"
)

// Random draws every parameter independently and uniformly: in ln x for a
// logarithmic range, with equal mass for every value of a grid. It learns nothing.
// See Bergstra and Bengio, "Random Search for Hyper-Parameter Optimization" (JMLR
// 13, 2012).
type Random struct{}

// Sample returns a value of d in internal form. It never fails.
func (Random) Sample(r Request, name string, d space.Dist) (float64, error) {
	return d.Value(r.Rand.Float64()), nil
}

// orRandom returns s, or Random if s is nil.
func orRandom(s Sampler) Sampler {
	if s == nil {
		return Random{}
	}
	return s
}
