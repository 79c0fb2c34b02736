package pruner

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/trial"
)

// Percentile stops a trial whose best report so far is worse than the given percentile of what the
// Complete trials reported at the same step.
//
// Only the first report in each interval of steps is judged. NaN reports are ignored on both sides;
// a trial that has reported nothing else is stopped. The decisions are those of Optuna's
// PercentilePruner, with one exception: a percentile interpolated between a finite and an infinite
// value is infinite here and NaN, which never stops a trial, there.
type Percentile struct {
	// Percentile is the share of reports a trial must be among, in percent, 0 to 100: at 25 it
	// survives in the best quarter. There is no default; 0 stops whatever is worse than the best.
	Percentile float64

	StartupTrials int // prune nothing before this many trials are Complete; 0: 5, negative: none
	WarmupSteps   int // prune nothing before this step; ≥ 0
	IntervalSteps int // judge one report in this many steps, counted from WarmupSteps; 0: 1
	MinTrials     int // prune nothing at a step that fewer Complete trials reported; 0: 1
}

// Prune decides whether to stop t after its newest report. It is an error if a field is out of
// range or the study has several objectives.
func (p Percentile) Prune(h trial.History, t *trial.Trial) (Verdict, error) {
	return p.prune(h, t, "Percentile")
}

// prune is Prune of the struct with the given name, Percentile or Median, which errors mention.
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
	if complete == 0 || complete < cmp.Or(p.StartupTrials, 5) {
		return Verdict{}, nil
	}
	if !anyReport(t, func(v float64) bool { return !math.IsNaN(v) }) {
		return Verdict{Prune: true}, nil
	}
	if len(at) < max(p.MinTrials, 1) {
		return Verdict{}, nil
	}
	percent := p.Percentile
	if d == trial.Maximize {
		percent = 100 - percent
	}
	limit := percentile(at, percent)
	return Verdict{Prune: !anyReport(t, func(v float64) bool { return !d.Better(limit, v) })}, nil
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

// anyReport reports whether a report of t is as asked. It starts at the newest, since that mostly
// decides: a trial with n reports is asked about n times.
func anyReport(t *trial.Trial, asked func(value float64) bool) bool {
	for _, r := range slices.Backward(t.Reports) {
		if asked(r.Value) {
			return true
		}
	}
	return false
}

// reportsAt returns how many trials are Complete, and what they reported at the step.
func reportsAt(h trial.History, step int) (complete int, values []float64) {
	for _, t := range h.Finished() {
		if t.State != trial.Complete {
			continue
		}
		complete++
		i, ok := slices.BinarySearchFunc(t.Reports, step, func(r trial.Report, step int) int { return r.Step - step })
		if ok {
			values = append(values, t.Reports[i].Value)
		}
	}
	return complete, values
}

// percentile interpolates linearly between the order statistics, as NumPy's nanpercentile does by
// default: the smallest is the 0th percentile, the largest the 100th. NaN values do not count; it
// returns NaN if there are no others. It sorts the values.
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
	case t < 0.5: // start at the nearer end, to lose the fewest digits
		return a + width*t
	default:
		return b - width*(1-t)
	}
}
