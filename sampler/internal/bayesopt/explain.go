package bayesopt

import (
	"math"

	"github.com/bluefin-hpo/bluefin/sampler/internal/gp"
	"github.com/bluefin-hpo/bluefin/trial"
)

// An Explanation is what a Model knows; see sampler.Explanation.
type Explanation struct {
	Trials  int          // that it learned from
	Lengths []float64    // d: length scales, at most longest; nil: there is no process
	Best    *trial.Trial // with the best predicted mean, complete and feasible; nil: there is none
	Facts   []Fact
}

// A Fact is a sampler.Fact.
type Fact struct {
	Name    string
	Value   float64
	Meaning string
}

// longest is the largest length scale that is told apart.
const longest = 1000

// Explain describes the processes for a trial and rates its parameters. At least one trial of the
// history must have finished.
func (m *Model) Explain(r Request, sp Space) Explanation {
	all, _, terms := m.condition(r, sp)
	e := Explanation{Trials: len(all.trials)}
	x, placed := sp.point(r.Trial)
	for _, t := range terms {
		if p, ok := t.Term.(price); ok {
			e.Facts = append(e.Facts, Fact{"seconds", math.Exp(p.seconds.Log(r.Trial.Drawn)),
				"how long a trial at the point takes; GP maximizes the expected improvement per second"})
			continue
		}
		if c, ok := t.Term.(chance); ok {
			e.Facts = append(e.Facts, Fact{"chance_to_run", c.chances.At(r.Trial.Drawn),
				"the chance that a trial at the point does not fail and is not infeasible"})
			continue
		}
		if t.constraint != "" {
			if placed {
				e.Facts = append(e.Facts, Fact{"chance_" + t.constraint, math.Exp(t.Value(x)),
					"the chance that the point satisfies the constraint"})
			}
			continue
		}
		if t.posterior == nil {
			if placed {
				e.add("log_hypervolume_improvement", t.Value(x), "the logarithm of the expected gain in hypervolume, "+
					"in standardized objectives, which GP maximizes")
			}
			continue
		}
		for _, w := range t.fit.kernel.Weights {
			e.Lengths = append(e.Lengths, min(1/math.Sqrt(w), longest))
		}
		warped := gp.Warp(all.goals)
		transform := gp.TransformOf(warped)
		value := func(mean float64) float64 { // in units of the objective
			if r.History.Directions()[0] == trial.Minimize {
				return -transform.Invert(mean)
			}
			return transform.Invert(mean)
		}
		// The transform is not linear, so deviations depend on where they are.
		width := func(mean, sd float64) float64 {
			return (transform.Invert(mean+sd) - transform.Invert(mean-sd)) / 2
		}
		best, means := math.Inf(-1), t.posterior.Means()
		for i, u := range all.trials {
			if u.State == trial.Complete && u.Violation() == 0 {
				if means[i] > best {
					best, e.Best = means[i], u
				}
			}
		}
		if e.Best != nil {
			e.add("noise_sd", width(best, math.Sqrt(t.fit.noise)), "the standard deviation of the noise")
			e.add("best_mean", value(best), "the best predicted mean of a complete trial")
		}
		if placed {
			mean, variance := t.posterior.At(x)
			e.add("mean", value(mean),
				"the predicted value at the point; of values below the median only the rank counts, so bad ones are mild")
			e.add("sd", width(mean, math.Sqrt(max(variance, 0))), "the standard deviation of that prediction")
			if e.Best != nil {
				e.add("expected_improvement", transform.Invert(best+math.Exp(t.Value(x)))-transform.Invert(best),
					"over the best mean; GP maximizes it on a bent scale")
			}
		}
	}
	return e
}

// add adds a fact about the objective, unless its number overflows.
func (e *Explanation) add(name string, value float64, meaning string) {
	if !math.IsInf(value, 0) && !math.IsNaN(value) {
		e.Facts = append(e.Facts, Fact{name, value, meaning})
	}
}
