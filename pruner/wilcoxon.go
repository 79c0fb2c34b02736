package pruner

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/internal/signedrank"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Wilcoxon stops a trial that is significantly worse than the best one, for an
// objective that is the mean over many instances (problems, folds, games): a
// report's step is the number of the instance, its value the score there. A
// one-sided signed-rank test compares the two trials on the instances that both
// have. The order of the instances should differ from trial to trial. It says
// nothing about curves, whose steps follow from each other.
//
// A trial goes on, whatever the test says, while the mean of its own reports is
// at least as good as the value of the best trial; if it has, or the best trial
// has, an infinite or NaN report; and if the best trial has none. The best is
// trial.History's. See Wilcoxon, "Individual Comparisons by Ranking Methods"
// (Biometrics Bulletin 1, 1945). The decisions are those of Optuna's
// WilcoxonPruner with SciPy 1.10.
type Wilcoxon struct {
	// Threshold is the p-value below which a trial is stopped, 0 to 1: the
	// higher, the earlier. 0: 0.1.
	Threshold float64

	StartupSteps int // prune nothing with fewer common instances; never with one; 0: 2
}

// Prune says whether to stop t after its newest report. It is an error if a
// field is out of its range or the study has several objectives.
func (p Wilcoxon) Prune(h trial.History, t *trial.Trial) (Verdict, error) {
	d, err := direction(h, p.check())
	if err != nil {
		return Verdict{}, err
	}
	best, ok := h.Best()
	if !ok || !finite(t.Reports) || !finite(best.Reports) {
		return Verdict{}, nil
	}
	diff := differences(t.Reports, best.Reports)
	if len(diff) < max(2, p.StartupSteps) || !d.Better(best.Values[0], mean(t.Reports)) {
		return Verdict{}, nil
	}
	worse, less := signedrank.OneSided(diff)
	if d == trial.Maximize {
		worse = less
	}
	return Verdict{Prune: worse < p.threshold()}, nil
}

func (p Wilcoxon) check() error {
	if !(0 <= p.Threshold && p.Threshold <= 1) {
		return fmt.Errorf("Wilcoxon.Threshold is %v, want 0 to 1", p.Threshold)
	}
	return errors.Join(atLeast("Wilcoxon.StartupSteps", p.StartupSteps, 0))
}

func (p Wilcoxon) threshold() float64 {
	if p.Threshold == 0 {
		return 0.1
	}
	return p.Threshold
}

func finite(reports []trial.Report) bool {
	return !slices.ContainsFunc(reports, func(r trial.Report) bool { return math.IsInf(r.Value, 0) || math.IsNaN(r.Value) })
}

// differences returns a - b at the steps that both have.
func differences(a, b []trial.Report) []float64 {
	var diff []float64
	for _, r := range a {
		if i, ok := slices.BinarySearchFunc(b, r.Step, func(r trial.Report, step int) int { return cmp.Compare(r.Step, step) }); ok {
			diff = append(diff, r.Value-b[i].Value)
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
