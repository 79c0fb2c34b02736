package pruner

import (
	"fmt"
	"math"

	"github.com/bluefin-hpo/bluefin/trial"
)

// Patient gives a trial time to improve: as long as one of its newest
// Patience+1 reports is at most MinDelta worse than its best before them, the
// trial goes on. After that Pruner decides, if there is one, or the trial stops:
// alone, Patient is early stopping. NaN reports count as reports but never as
// the best; if all on one side are NaN, the trial goes on. The decisions are
// those of Optuna's PatientPruner.
//
// A Pruner that is not asked does not see the report, so that successive
// halving fills its rungs only with trials that have lost Patient's patience.
type Patient struct {
	// Pruner decides about a trial that has not improved. It must be safe for
	// concurrent use; nil: stop it.
	Pruner interface {
		Prune(h trial.History, t *trial.Trial) (Verdict, error)
	}

	Patience int     // reports in a row without improvement that are forgiven; ≥ 0
	MinDelta float64 // reports worse than the best by at most this much are as good; ≥ 0, finite
}

// Prune says whether to stop t after its newest report. It is an error if a
// field is out of its range or the study has several objectives; other errors
// are Pruner's.
func (p Patient) Prune(h trial.History, t *trial.Trial) (Verdict, error) {
	d, err := direction(h, p.check())
	if err != nil {
		return Verdict{}, err
	}
	split := len(t.Reports) - 1 - p.Patience
	if split <= 0 {
		return Verdict{}, nil
	}
	before, since := bestReport(t.Reports[:split], d), bestReport(t.Reports[split:], d)
	if d == trial.Maximize {
		before, since = -before, -since
	}
	switch {
	case !(before+p.MinDelta < since):
		return Verdict{}, nil
	case p.Pruner == nil:
		return Verdict{Prune: true}, nil
	}
	return p.Pruner.Prune(h, t)
}

// Bracketing returns that of Pruner, nil if it has none.
func (p Patient) Bracketing(h trial.History) Bracketing {
	if b, ok := p.Pruner.(interface {
		Bracketing(h trial.History) Bracketing
	}); ok {
		return b.Bracketing(h)
	}
	return nil
}

func (p Patient) check() error {
	if !(p.MinDelta >= 0 && !math.IsInf(p.MinDelta, 1)) {
		return fmt.Errorf("Patient.MinDelta is %v, want a finite number, at least 0", p.MinDelta)
	}
	return atLeast("Patient.Patience", p.Patience, 0)
}
