package bayesopt

import (
	"math"

	"github.com/bluefin-hpo/bluefin/sampler/internal/belief"
	"github.com/bluefin-hpo/bluefin/sampler/internal/gp"
)

const (
	trust = 5.0 // trials after which the belief weighs as much as the expected improvement
	doubt = 0.1 // how likely it is, of each parameter, that the belief about it is wrong
)

// A beliefTerm is the logarithm of the density that a good point is believed to have, times a
// factor that falls with the number of trials: Hvarfner et al., "πBO" (ICLR 2022).
type beliefTerm struct {
	space     Space
	densities []*belief.Density // by parameter; nil: nothing is believed
	factor    float64
}

// beliefTerms returns the term of what is believed, unless the trials contradict it.
func (g Space) beliefTerms(r Request) []gp.Term {
	held := belief.Held(r.History, r.Beliefs)
	t := beliefTerm{g, make([]*belief.Density, len(g.Space)), trust / float64(len(r.History.Finished()))}
	any := false
	for i, d := range g.Space {
		if b := held.Belief(d.Name, d.Dist); b != nil {
			d.Belief = b
			p := belief.Of(d)
			t.densities[i], any = &p, true
		}
	}
	if !any {
		return nil
	}
	return []gp.Term{t}
}

// Value implements gp.Term.
func (t beliefTerm) Value(x []float64) float64 { return t.Gradient(x, nil) }

// Gradient implements gp.Term. A nil grad is for the value alone.
func (t beliefTerm) Gradient(x, grad []float64) float64 {
	_, idle := t.space.fold(x)
	sum := 0.0
	for i, p := range t.densities {
		if p == nil || idle != nil && idle[i] {
			continue
		}
		log, slope := p.Log(x[i])
		density := (1 - doubt) * math.Exp(log)
		sum += math.Log(density + doubt)
		if grad != nil {
			grad[i] += t.factor * slope * density / (density + doubt)
		}
	}
	return t.factor * sum
}
