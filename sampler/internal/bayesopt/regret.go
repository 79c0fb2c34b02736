package bayesopt

import (
	"math"

	"github.com/bluefin-hpo/bluefin/sampler/internal/gp"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Regret returns an upper bound of how much better than the best complete trial of a history any
// point of sp is, in units of the value: with high probability, the difference between the largest
// upper bound of the process and the largest lower bound at a complete trial (Makarova et al.,
// "Automatic Termination for Hyperparameter Optimization", AutoML 2022, equation 5, with the width
// that Optuna's terminator uses, a fifth of the theory's). It reports false without a feasible
// complete trial.
func (m *Model) Regret(r Request, sp Space) (float64, bool) {
	direction := r.History.Directions()[0]
	all := newData(sp, r.History.Finished(), direction)
	if order := all.order(direction); len(order) == 0 || !isResult(all.trials[order[0]]) {
		return 0, false
	}
	f := m.fit(all, "", lastRefit(len(all.trials)))
	warped := gp.Warp(all.goals)
	transform := gp.TransformOf(warped)
	p, ok := gp.Condition(f.kernel, f.noise, all.rows, transform.Apply(warped), nil)
	if !ok {
		return 0, false
	}
	const confidence = 0.9
	n, d := float64(len(all.trials)), float64(max(len(sp.Space), 1))
	upper := gp.UpperBound{Posterior: p, Width: math.Sqrt(2 * math.Log(d*n*n*math.Pi*math.Pi/(6*(1-confidence))) / 5)}
	lower := gp.UpperBound{Posterior: p, Width: -upper.Width}
	search := gp.Search{Axes: sp.axes(), Fold: sp.fold, Terms: []gp.Term{upper}}
	best := math.Inf(-1)
	top := math.Inf(-1)
	for i, t := range all.trials {
		top = math.Max(top, upper.Value(all.rows[i]))
		if isResult(t) {
			best = math.Max(best, lower.Value(all.rows[i]))
			search.Good = append(search.Good, sp.unfold(all.rows[i]))
		}
	}
	x, _ := sp.fold(search.Best(r.Rand))
	top = math.Max(top, upper.Value(x))
	return math.Max(0, transform.Invert(top)-transform.Invert(best)), true
}

// isResult reports whether a trial has a value that could be the best.
func isResult(t *trial.Trial) bool { return t.State == trial.Complete && t.Violation() == 0 }
