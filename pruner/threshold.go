package pruner

import (
	"errors"
	"fmt"
	"math"

	"github.com/bluefin-hpo/bluefin/trial"
)

// Threshold stops a trial whose newest report leaves fixed limits or is NaN: a
// loss that has exploded, an accuracy that no one would use. It looks at no
// other trial. Of reports within an interval of steps only the first is
// judged. The decisions are those of Optuna's ThresholdPruner; without a limit,
// which Optuna refuses, only NaN stops a trial.
type Threshold struct {
	Lower, Upper *float64 // stop below, above; not NaN, Lower ≤ Upper; nil: no limit

	WarmupSteps   int // prune nothing at steps below; ≥ 0
	IntervalSteps int // judge one report per interval of so many steps, counted from WarmupSteps; 0: 1
}

// Prune says whether to stop t after its newest report. It is an error if a
// field is out of its range or the study has several objectives.
func (p Threshold) Prune(h trial.History, t *trial.Trial) (Verdict, error) {
	_, err := direction(h, p.check())
	if err != nil {
		return Verdict{}, err
	}
	last, ok := t.LastReport()
	if !ok || !due(t.Reports, p.WarmupSteps, p.IntervalSteps) {
		return Verdict{}, nil
	}
	low, high := p.limits()
	return Verdict{Prune: !(low <= last.Value && last.Value <= high)}, nil // NaN is outside
}

func (p Threshold) check() error {
	if low, high := p.limits(); !(low <= high) {
		return fmt.Errorf("Threshold.Lower is %v and Threshold.Upper %v, want Lower ≤ Upper", low, high)
	}
	return errors.Join(
		atLeast("Threshold.WarmupSteps", p.WarmupSteps, 0),
		atLeast("Threshold.IntervalSteps", p.IntervalSteps, 0),
	)
}

func (p Threshold) limits() (low, high float64) {
	low, high = math.Inf(-1), math.Inf(1)
	if p.Lower != nil {
		low = *p.Lower
	}
	if p.Upper != nil {
		high = *p.Upper
	}
	return low, high
}
