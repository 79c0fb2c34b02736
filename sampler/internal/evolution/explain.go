package evolution

import (
	"math"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// An Explanation is what a Strategy knows; see sampler.Explanation. Coordinates are those of the
// unit cube.
type Explanation struct {
	Trials int // complete
	Space  space.Space
	Mean   []float64 // d, in [0, 1]; nil before the first generation
	SD     []float64 // d
	Axes   [][]float64
	AxisSD []float64
	Facts  []Fact
}

// A Fact is a sampler.Fact.
type Fact struct {
	Name    string
	Value   float64
	Meaning string
}

// Explain describes the distribution after the finished trials of h and rates the parameters of t.
func (s *Strategy) Explain(h trial.History, beliefs space.Space, t *trial.Trial) Explanation {
	now := s.fold(h, beliefs)
	e := Explanation{Trials: now.complete, Space: now.space}
	if now.state == nil {
		return e
	}
	state := now.state
	e.Mean = make([]float64, state.Dim)
	for i, m := range now.bounds.Fold(state.Mean) {
		e.Mean[i] = min(max(m, 0), 1)
	}
	for i := range state.Dim {
		sd := state.Deviation(i)
		if now.margined != nil {
			sd *= now.margined.Scale[i]
		}
		e.SD = append(e.SD, sd)
	}
	e.Axes, e.AxisSD = state.Axes()
	e.Facts = []Fact{
		{"generation", float64(state.Generation), "generations that the distribution has learned from"},
		{"population", float64(state.Lambda), "trials per generation"},
		{"told", float64(len(now.members)), "finished trials of the current generation"},
		{"sigma", state.Sigma, "the step size, which scales all deviations"},
		{"axis_ratio", e.AxisSD[0] / e.AxisSD[len(e.AxisSD)-1], "the longest axis divided by the shortest"},
		{"restarts", float64(now.restarts.count), "searches that have ended"},
	}
	if x, ok := pointOf(now.space, t); ok {
		distance := state.Distance(now.bounds.Unfold(x))
		e.Facts = append(e.Facts,
			Fact{"distance", distance, "how far the point is from the mean, in standard deviations along the axes"},
			Fact{"typical_distance", math.Sqrt(float64(state.Dim)), "the root mean square distance of a draw"})
	}
	return e
}
