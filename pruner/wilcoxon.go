package pruner

import (
	"cmp"
	"fmt"
	"math"

	"github.com/bluefin-hpo/bluefin/internal/signedrank"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Wilcoxon stops a trial that is significantly worse than the best one, for an objective that is
// the mean over many instances: problems, folds, games. A report's step is the number of the
// instance, its value the score there; the order of the instances should differ from trial to
// trial. A one-sided signed-rank test compares the two trials on the instances that both have. It
// is not for learning curves, whose steps depend on each other.
//
// Whatever the test says, a trial continues while the mean of its reports is at least as good as
// the value of the best trial, or if either trial has a NaN or infinite report. The decisions are
// those of Optuna's WilcoxonPruner with SciPy 1.10.
type Wilcoxon struct {
	// Threshold is the p-value below which a trial is stopped, 0 to 1: the higher, the earlier. 0
	// means 0.1.
	Threshold float64

	StartupSteps int // prune nothing with fewer common instances than this, or than 2; ≥ 0
}

// Prune decides whether to stop t after its newest report. It is an error if a field is out of
// range or the study has several objectives.
func (p Wilcoxon) Prune(h trial.History, t *trial.Trial) (Verdict, error) {
	d, err := direction(h, p.check())
	if err != nil {
		return Verdict{}, err
	}
	best, ok := h.Best()
	if !ok || !finite(t.Reports) || !finite(best.Reports) || !d.Better(best.Values[0], mean(t.Reports)) {
		return Verdict{}, nil
	}
	diff := differences(t.Reports, best.Reports)
	if len(diff) < max(2, p.StartupSteps) {
		return Verdict{}, nil
	}
	worse, less := signedrank.OneSided(diff)
	if d == trial.Maximize {
		worse = less
	}
	return Verdict{Prune: worse < cmp.Or(p.Threshold, 0.1)}, nil
}

func (p Wilcoxon) check() error {
	if !(0 <= p.Threshold && p.Threshold <= 1) {
		return fmt.Errorf("Wilcoxon.Threshold is %v, want 0 to 1", p.Threshold)
	}
	return atLeast("Wilcoxon.StartupSteps", p.StartupSteps, 0)
}

func finite(reports []trial.Report) bool {
	for _, r := range reports {
		if math.IsNaN(r.Value) || math.IsInf(r.Value, 0) {
			return false
		}
	}
	return true
}

// differences returns a - b at the steps that both have.
func differences(a, b []trial.Report) []float64 {
	var diff []float64
	for _, r := range a {
		for len(b) > 0 && b[0].Step < r.Step {
			b = b[1:]
		}
		if len(b) > 0 && b[0].Step == r.Step {
			diff = append(diff, r.Value-b[0].Value)
		}
	}
	return diff
}

func mean(reports []trial.Report) float64 {
	sum := 0.0
	for _, r := range reports {
		sum += r.Value
	}
	return sum / float64(len(reports))
}
