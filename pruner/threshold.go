package pruner

import (
	"errors"
	"fmt"
	"math"

	"github.com/bluefin-hpo/bluefin/trial"
)

// Threshold stops a trial whose newest report is NaN or leaves fixed limits: a loss that has
// exploded, an accuracy that is useless. It looks at no other trial, and only at the first report
// in each interval of steps. The decisions are those of Optuna's ThresholdPruner, which requires a
// limit; without one, only NaN stops a trial.
type Threshold struct {
	Lower, Upper *float64 // stop below, above; not NaN, Lower ≤ Upper; nil: no limit

	WarmupSteps   int // prune nothing before this step; ≥ 0
	IntervalSteps int // judge one report in this many steps, counted from WarmupSteps; 0: 1
}

// Prune decides whether to stop t after its newest report. It is an error if a field is out of
// range or the study has several objectives.
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
