package sampler

import (
	"github.com/bluefin-hpo/bluefin/space"
)

// Random draws every parameter on its own and uniformly: in ln x if the
// distribution is logarithmic, with equal mass for every value of a grid. It
// learns nothing from the history. See Bergstra and Bengio, "Random Search
// for Hyper-Parameter Optimization" (JMLR 13, 2012).
type Random struct{}

// Sample returns a value of d in internal form. It never fails.
func (Random) Sample(r Request, name string, d space.Dist) (float64, error) {
	return d.Value(r.Rand.Float64()), nil
}
