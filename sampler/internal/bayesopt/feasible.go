package bayesopt

import (
	"math"

	"github.com/bluefin-hpo/bluefin/sampler/internal/belief"
	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/sampler/internal/outcome"
	"github.com/bluefin-hpo/bluefin/space"
)

// runsName is the name of the term of the chance to run.
const runsName = "to run"

// runs returns the term of the chance that a point runs: none if all trials did.
func (m *Model) runs(r Request, sp Space) []term {
	chances := m.outcomes.Chances(r.History.Finished())
	if chances == nil {
		return nil
	}
	return []term{{Term: newChance(r, sp, chances), constraint: runsName}}
}

// A chance is the worth of a point by its chance to run.
type chance struct {
	places
	chances *outcome.Chances
}

func newChance(r Request, sp Space, chances *outcome.Chances) chance {
	return chance{newPlaces(sp, chances.Space(), chances.Place(r.Trial.Drawn)), chances}
}

// places says where points of a space are for what was learned about outcomes.
type places struct {
	space Space
	fixed []float64 // the place of the trial's own parameters
	axis  []int     // by axis of what was learned: that of the space, or -1
}

func newPlaces(sp Space, axes space.Space, fixed []float64) places {
	c := places{space: sp, fixed: fixed}
	for _, d := range axes {
		at := -1
		for i, e := range sp.Space {
			if e.Name == d.Name && space.Equal(e.Dist, d.Dist) {
				at = i
			}
		}
		c.axis = append(c.axis, at)
	}
	return c
}

// Value implements gp.Term.
func (c chance) Value(x []float64) float64 {
	return c.chances.WorthAt(c.place(x), nil)
}

// Gradient implements gp.Term.
func (c chance) Gradient(x, grad []float64) float64 {
	z := c.place(x)
	slopes := make([]float64, len(z))
	value := c.chances.WorthAt(z, slopes)
	c.add(grad, z, slopes, 1)
	return value
}

// add adds factor times the slopes at z to a gradient in the space.
func (c places) add(grad, z, slopes []float64, factor float64) {
	for i, at := range c.axis {
		if at >= 0 && !math.IsNaN(z[i]) {
			grad[at] += 2 * factor * slopes[i]
		}
	}
}

// place returns where x is.
func (c places) place(x []float64) []float64 {
	z := make([]float64, len(c.axis))
	_, idle := c.space.fold(x)
	for i, at := range c.axis {
		switch {
		case at < 0:
			z[i] = c.fixed[i]
		case idle != nil && idle[at]:
			z[i] = math.NaN()
		case cube.IsCategorical(c.space.Space[at].Dist):
			z[i] = x[at]
		default:
			z[i] = 2*x[at] - 1
		}
	}
	return z
}

// Start draws before the model is used: parameters that probably run if some trial did not, else near
// what is believed, else an untried point if the space is finite, else nothing.
func (m *Model) Start(r Request, sp Space) map[string]float64 {
	held := belief.Held(r.History, r.Beliefs)
	if chances := m.outcomes.Chances(r.History.Finished()); chances != nil {
		return chances.Draw(held, r.Trial, r.Running(), r.Rand)
	}
	if len(sp.Space) == 0 {
		return nil
	}
	if near := belief.Startup(held, r.Trial, r.Rand); near != nil {
		return near
	}
	return untried(r, sp)
}
