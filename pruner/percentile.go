package pruner

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/trial"
)

// Percentile stops a trial whose best report so far is worse than the given
// percentile of what the Complete trials reported at the same step.
//
// Only the first report in each interval of steps is judged, and NaN reports
// are passed over, on both sides; a trial that has reported nothing but NaN is
// stopped. The percentile is interpolated linearly.
//
// It is Optuna's PercentilePruner, decision by decision, but for one thing: an
// interpolation between a finite and an infinite value is infinite here, and
// NaN there (which never stops a trial).
type Percentile struct {
	// Percentile is the percentage of reports a trial has to be among, 0 to
	// 100: at 25 a trial survives in the best quarter. There is no default; 0
	// stops all that are worse than the best.
	Percentile float64

	StartupTrials int // prune nothing before so many trials are Complete; 0: 5, negative: none
	WarmupSteps   int // prune nothing at steps below; ≥ 0
	IntervalSteps int // judge one report per interval of so many steps, counted from WarmupSteps; 0: 1
	MinTrials     int // prune nothing at a step that fewer Complete trials reported; 0: 1
}

// Prune says whether to stop t after its newest report. It is an error if a
// field is out of its range or the study has several objectives.
func (p Percentile) Prune(h trial.History, t *trial.Trial) (Verdict, error) {
	return p.prune(h, t, "Percentile")
}

// prune is Prune for the struct of the given name, Percentile or Median, which its errors name.
func (p Percentile) prune(h trial.History, t *trial.Trial, name string) (Verdict, error) {
	d, err := direction(h, p.check(name))
	if err != nil {
		return Verdict{}, err
	}
	last, ok := t.LastReport()
	if !ok || !due(t.Reports, p.WarmupSteps, p.IntervalSteps) {
		return Verdict{}, nil
	}
	complete, at := reportsAt(h, last.Step)
	if complete == 0 || complete < or(p.StartupTrials, 5) {
		return Verdict{}, nil
	}
	best := bestReport(t.Reports, d)
	if math.IsNaN(best) {
		return Verdict{Prune: true}, nil
	}
	if len(at) < or(p.MinTrials, 1) {
		return Verdict{}, nil
	}
	percent := p.Percentile
	if d == trial.Maximize {
		percent = 100 - percent
	}
	return Verdict{Prune: d.Better(percentile(at, percent), best)}, nil // NaN stops nobody
}

func (p Percentile) check(name string) error {
	if !(0 <= p.Percentile && p.Percentile <= 100) {
		return fmt.Errorf("Percentile.Percentile is %v, want 0 to 100", p.Percentile)
	}
	return errors.Join(
		atLeast(name+".WarmupSteps", p.WarmupSteps, 0),
		atLeast(name+".IntervalSteps", p.IntervalSteps, 0),
		atLeast(name+".MinTrials", p.MinTrials, 0),
	)
}

// reportsAt returns how many trials are Complete, and what they reported at
// the step.
func reportsAt(h trial.History, step int) (complete int, values []float64) {
	for _, t := range h.Finished() {
		if t.State != trial.Complete {
			continue
		}
		complete++
		i, ok := slices.BinarySearchFunc(t.Reports, step, func(r trial.Report, step int) int { return cmp.Compare(r.Step, step) })
		if ok {
			values = append(values, t.Reports[i].Value)
		}
	}
	return complete, values
}

// bestReport returns the best value of the reports, NaN if they are all NaN.
func bestReport(reports []trial.Report, d trial.Direction) float64 {
	best := math.NaN()
	for _, r := range reports {
		if d.Better(r.Value, best) {
			best = r.Value
		}
	}
	return best
}

// percentile interpolates linearly between the order statistics of the values,
// as NumPy's nanpercentile does by default: the smallest is the 0th percentile,
// the largest the 100th. NaN values do not count; without others the result is
// NaN. It sorts the values.
func percentile(values []float64, percent float64) float64 {
	values = slices.DeleteFunc(values, math.IsNaN)
	if len(values) == 0 {
		return math.NaN()
	}
	slices.Sort(values)
	index := percent / 100 * float64(len(values)-1)
	i := int(index)
	t := index - float64(i)
	if t == 0 || values[i] == values[i+1] {
		return values[i]
	}
	a, b := values[i], values[i+1]
	switch width := b - a; {
	case math.IsInf(width, 0):
		return a*(1-t) + b*t
	case t < 0.5: // go from the nearer end, to lose the fewest digits
		return a + width*t
	default:
		return b - width*(1-t)
	}
}
