package pruner

import (
	"cmp"
	"errors"

	"github.com/bluefin-hpo/bluefin/trial"
)

// Dominance stops a trial whose report is dominated by those of several other trials at the same
// step: each of them is at least as good in every objective, and better in one. It takes any number
// of objectives. The trials of the front are spared, however poor they are by one objective.
//
// Others are Complete and Pruned trials that are feasible. NaN, an objective that is not known, is worse
// than any number.
type Dominance struct {
	By            int // how many others must dominate the trial; ≥ 0, 0: 3
	StartupTrials int // prune nothing before this many trials are Complete; 0: 5, negative: none
	WarmupSteps   int // prune nothing before this step; ≥ 0
	IntervalSteps int // judge one report in this many steps, counted from WarmupSteps; 0: 1
}

// Prune decides whether to stop t after its newest report. It is an error if a field is out of range.
func (p Dominance) Prune(h trial.History, t *trial.Trial) (Verdict, error) {
	if err := p.check(); err != nil {
		return Verdict{}, err
	}
	curve := t.Curve()
	steps := make([]trial.Report, len(curve))
	for i, at := range curve {
		steps[i].Step = at.Step
	}
	if len(curve) == 0 || !due(steps, p.WarmupSteps, p.IntervalSteps) {
		return Verdict{}, nil
	}
	now := curve[len(curve)-1]
	complete, others := 0, 0
	for _, u := range h.Finished() {
		if u.State == trial.Complete {
			complete++
		}
		if u.State == trial.Failed || u.Violation() > 0 || u.Number == t.Number {
			continue
		}
		then, ok := u.PointAt(now.Step)
		if ok && len(then.Values) == len(now.Values) && dominates(then.Values, now.Values, h.Directions()) {
			others++
		}
	}
	if complete == 0 || complete < cmp.Or(p.StartupTrials, 5) {
		return Verdict{}, nil
	}
	return Verdict{Prune: others >= cmp.Or(p.By, 3)}, nil
}

func (p Dominance) check() error {
	return errors.Join(
		atLeast("Dominance.By", p.By, 0),
		atLeast("Dominance.WarmupSteps", p.WarmupSteps, 0),
		atLeast("Dominance.IntervalSteps", p.IntervalSteps, 0),
	)
}

// dominates reports whether a is at least as good as b in every objective, and better in one.
func dominates(a, b []float64, directions []trial.Direction) bool {
	better := false
	for k, d := range directions {
		if d.Better(b[k], a[k]) {
			return false
		}
		better = better || d.Better(a[k], b[k])
	}
	return better
}
