package pruner_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/oracle"
	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A report is [step, value, …] in an oracle file.
type report struct {
	step  int
	value float64
}

func (r *report) UnmarshalJSON(text []byte) error {
	var parts []json.RawMessage
	var value oracle.Float
	if err := json.Unmarshal(text, &parts); err != nil {
		return err
	}
	if err := errors.Join(json.Unmarshal(parts[0], &r.step), json.Unmarshal(parts[1], &value)); err != nil {
		return err
	}
	r.value = float64(value)
	return nil
}

func reports(list []report) []trial.Report {
	var out []trial.Report
	for _, r := range list {
		out = append(out, trial.Report{Step: r.step, Value: r.value})
	}
	return out
}

// history returns one of the given trials, numbered in this order.
func history(t testing.TB, direction string, trials ...*trial.Trial) trial.History {
	t.Helper()
	d, err := trial.ParseDirection(direction)
	if err != nil {
		t.Fatal(err)
	}
	log := trial.NewLog([]trial.Direction{d})
	for i, tr := range trials {
		tr.Number = i
		if tr.State == trial.Complete && tr.Values == nil {
			tr.Values = []float64{0}
		}
		log.Put(tr)
	}
	return log.History()
}

// decisions returns whether p prunes after each of the reports.
func decisions(t testing.TB, p pruner.Pruner, h trial.History, list []trial.Report) []bool {
	t.Helper()
	var said []bool
	for i := range list {
		v, err := p.Prune(h, &trial.Trial{Number: 1000, Reports: list[:i+1]})
		if err != nil {
			t.Fatal(err)
		}
		said = append(said, v.Prune)
	}
	return said
}

// curve is a trial whose i-th value is its report at step i+1.
func curve(s trial.State, values ...float64) *trial.Trial {
	t := &trial.Trial{State: s}
	for i, v := range values {
		t.Reports = append(t.Reports, trial.Report{Step: i + 1, Value: v})
	}
	return t
}

// randomCurves are n trials of random states with up to 6 reports each, some
// at gaps, some NaN.
func randomCurves(r *rand.Rand, n int) []*trial.Trial {
	var trials []*trial.Trial
	for range n {
		t := &trial.Trial{State: []trial.State{trial.Complete, trial.Complete, trial.Pruned, trial.Failed, trial.Running}[r.IntN(5)]}
		t.Reports = randomReports(r)
		trials = append(trials, t)
	}
	return trials
}

func randomReports(r *rand.Rand) []trial.Report {
	var list []trial.Report
	for step := range 6 {
		v := float64(r.IntN(8))
		if r.IntN(10) == 0 {
			v = math.NaN()
		}
		if r.IntN(4) > 0 {
			list = append(list, trial.Report{Step: step, Value: v})
		}
	}
	return list
}

// negated is the same trials with all values negated.
func negated(trials []*trial.Trial) []*trial.Trial {
	var out []*trial.Trial
	for _, t := range trials {
		u := *t
		u.Reports = negatedReports(t.Reports)
		out = append(out, &u)
	}
	return out
}

func negatedReports(list []trial.Report) []trial.Report {
	var out []trial.Report
	for _, r := range list {
		out = append(out, trial.Report{Step: r.Step, Value: -r.Value})
	}
	return out
}

func TestSettingsOutsideTheirRangeAreErrorsThatNameThem(t *testing.T) {
	for _, c := range []struct {
		p    pruner.Pruner
		want string
	}{
		{pruner.Percentile{Percentile: -0.5}, "Percentile.Percentile is -0.5, want 0 to 100"},
		{pruner.Percentile{Percentile: 100.5}, "Percentile.Percentile is 100.5, want 0 to 100"},
		{pruner.Percentile{Percentile: math.NaN()}, "Percentile.Percentile is NaN, want 0 to 100"},
		{pruner.Percentile{WarmupSteps: -1}, "Percentile.WarmupSteps is -1, want at least 0"},
		{pruner.Median{IntervalSteps: -2}, "Median.IntervalSteps is -2, want at least 0"},
		{pruner.Median{MinTrials: -1}, "Median.MinTrials is -1, want at least 0"},
		{pruner.SuccessiveHalving{MinResource: -1}, "SuccessiveHalving.MinResource is -1, want at least 0"},
		{pruner.SuccessiveHalving{ReductionFactor: 1}, "SuccessiveHalving.ReductionFactor is 1, want at least 2"},
		{pruner.SuccessiveHalving{ReductionFactor: -4}, "SuccessiveHalving.ReductionFactor is -4, want at least 2"},
		{pruner.SuccessiveHalving{MinEarlyStoppingRate: -1}, "SuccessiveHalving.MinEarlyStoppingRate is -1, want at least 0"},
		{pruner.SuccessiveHalving{MinResource: 1, BootstrapCount: -1}, "SuccessiveHalving.BootstrapCount is -1, want at least 0"},
		{pruner.SuccessiveHalving{BootstrapCount: 2}, "SuccessiveHalving.BootstrapCount is 2, want 0 when MinResource is 0 (derived from the history)"},
		{pruner.Hyperband{MinResource: -1}, "Hyperband.MinResource is -1, want at least 0"},
		{pruner.Hyperband{MaxResource: -1}, "Hyperband.MaxResource is -1, want at least 0"},
		{pruner.Hyperband{MinResource: 4, MaxResource: 3}, "Hyperband.MaxResource is 3, want at least MinResource, which is 4, or 0"},
		{pruner.Hyperband{ReductionFactor: 1}, "Hyperband.ReductionFactor is 1, want at least 2"},
		{pruner.Hyperband{BootstrapCount: -1}, "Hyperband.BootstrapCount is -1, want at least 0"},
		{pruner.Threshold{Lower: new(2.0), Upper: new(1.0)}, "Threshold.Lower is 2 and Threshold.Upper 1, want Lower ≤ Upper"},
		{pruner.Threshold{Upper: new(math.NaN())}, "Threshold.Lower is -Inf and Threshold.Upper NaN, want Lower ≤ Upper"},
		{pruner.Threshold{WarmupSteps: -1}, "Threshold.WarmupSteps is -1, want at least 0"},
		{pruner.Threshold{IntervalSteps: -1}, "Threshold.IntervalSteps is -1, want at least 0"},
		{pruner.Patient{Patience: -1}, "Patient.Patience is -1, want at least 0"},
		{pruner.Patient{MinDelta: -0.5}, "Patient.MinDelta is -0.5, want a finite number, at least 0"},
		{pruner.Patient{MinDelta: math.Inf(1)}, "Patient.MinDelta is +Inf, want a finite number, at least 0"},
		{pruner.Wilcoxon{Threshold: -0.1}, "Wilcoxon.Threshold is -0.1, want 0 to 1"},
		{pruner.Wilcoxon{Threshold: 1.1}, "Wilcoxon.Threshold is 1.1, want 0 to 1"},
		{pruner.Wilcoxon{Threshold: math.NaN()}, "Wilcoxon.Threshold is NaN, want 0 to 1"},
		{pruner.Wilcoxon{StartupSteps: -1}, "Wilcoxon.StartupSteps is -1, want at least 0"},
	} {
		_, err := c.p.Prune(history(t, "minimize"), curve(trial.Running, 1))
		if err == nil || err.Error() != c.want {
			t.Errorf("%+v: got error %v, want %q", c.p, err, c.want)
		}
	}
}

func TestSettingsAtTheEndsOfTheirRangeAreTaken(t *testing.T) {
	for _, p := range []pruner.Pruner{
		pruner.Percentile{Percentile: 0, StartupTrials: -1},
		pruner.Percentile{Percentile: 100, WarmupSteps: math.MaxInt, IntervalSteps: math.MaxInt, MinTrials: math.MaxInt, StartupTrials: math.MaxInt},
		pruner.SuccessiveHalving{MinResource: 1, ReductionFactor: 2},
		pruner.SuccessiveHalving{MinResource: math.MaxInt, ReductionFactor: math.MaxInt, MinEarlyStoppingRate: 1 << 40, BootstrapCount: math.MaxInt},
		pruner.Hyperband{MinResource: 1, MaxResource: 1, ReductionFactor: 2},
		pruner.Hyperband{MinResource: 1, MaxResource: 1 << 60, ReductionFactor: 2},
		pruner.Hyperband{MinResource: math.MaxInt, MaxResource: math.MaxInt, ReductionFactor: math.MaxInt, BootstrapCount: math.MaxInt},
		pruner.Threshold{WarmupSteps: math.MaxInt, IntervalSteps: math.MaxInt, Lower: new(math.Inf(-1)), Upper: new(math.Inf(1))},
		pruner.Patient{Patience: math.MaxInt, MinDelta: math.MaxFloat64},
		pruner.Wilcoxon{Threshold: 1, StartupSteps: math.MaxInt},
	} {
		v, err := p.Prune(history(t, "minimize"), curve(trial.Running, 1, 2))
		if err != nil || v.Prune {
			t.Errorf("%+v: got (%v, %v), want no pruning of the first trial", p, v, err)
		}
	}
}

// everyPruner is the zero value of each.
var everyPruner = []pruner.Pruner{
	pruner.Percentile{}, pruner.Median{}, pruner.SuccessiveHalving{}, pruner.Hyperband{},
	pruner.Threshold{}, pruner.Patient{}, pruner.Wilcoxon{},
}

func TestPruningForSeveralObjectivesIsAnError(t *testing.T) {
	h := trial.NewLog([]trial.Direction{trial.Minimize, trial.Minimize}).History()
	for _, p := range everyPruner {
		if _, err := p.Prune(h, curve(trial.Running, 1)); err == nil || !strings.Contains(err.Error(), "2 objectives") {
			t.Errorf("%T: got error %v, want one about 2 objectives", p, err)
		}
	}
}

func TestTrialWithoutReportsContinues(t *testing.T) {
	h := history(t, "minimize", curve(trial.Complete, 1), curve(trial.Complete, 1), curve(trial.Complete, 1), curve(trial.Complete, 1), curve(trial.Complete, 1))
	for _, p := range everyPruner {
		v, err := p.Prune(h, &trial.Trial{Number: 9})
		if err != nil || v.Prune || v.Attrs != nil {
			t.Errorf("%T: got (%v, %v), want the empty verdict", p, v, err)
		}
	}
}
