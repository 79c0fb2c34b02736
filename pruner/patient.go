package pruner

import (
	"fmt"
	"math"

	"github.com/bluefin-hpo/bluefin/trial"
)

// Patient gives a trial time to improve. While one of its newest Patience+1 reports is at most
// MinDelta worse than the best of those before, the trial continues. Otherwise Pruner decides;
// without one the trial stops, so Patient alone is early stopping.
//
// NaN reports count as reports but never as the best. If all before, or all since, are NaN, the
// trial continues. The decisions are those of Optuna's PatientPruner. Pruner does not see reports
// that Patient lets pass: the rungs of successive halving then hold only trials that stagnated.
type Patient struct {
	Pruner   Pruner  // decides about a trial that has not improved; nil: stop it
	Patience int     // this many reports in a row without improvement are tolerated; ≥ 0
	MinDelta float64 // a report worse than the best by at most this much is as good; ≥ 0, finite
}

// Prune decides whether to stop t after its newest report. It is an error if a field is out of
// range or the study has several objectives; other errors are those of Pruner.
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
	case !(before+p.MinDelta < since): // also if one is NaN
		return Verdict{}, nil
	case p.Pruner == nil:
		return Verdict{Prune: true}, nil
	}
	return p.Pruner.Prune(h, t)
}

// Bracketing returns that of Pruner, nil if it has none.
func (p Patient) Bracketing(h trial.History) Bracketing {
	if b, ok := p.Pruner.(BracketPruner); ok {
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

// bestReport returns the best value of the reports, NaN if there is no other.
func bestReport(reports []trial.Report, d trial.Direction) float64 {
	best := math.NaN()
	for _, r := range reports {
		if d.Better(r.Value, best) {
			best = r.Value
		}
	}
	return best
}
