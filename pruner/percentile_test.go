package pruner_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/oracle"
	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/trial"
)

// none is how the fields write a 0 that is not the default.
func none(n int) int {
	if n == 0 {
		return -1
	}
	return n
}

func TestPercentileDecidesAsOptuna(t *testing.T) {
	var file struct {
		Percentile []struct {
			Direction  string
			Percentile float64
			Startup    int `json:"n_startup_trials"`
			Warmup     int `json:"n_warmup_steps"`
			Interval   int `json:"interval_steps"`
			MinTrials  int `json:"n_min_trials"`
			History    []struct {
				State string
				IV    []report
			}
			Reports []report
			Want    []bool `json:"prune_after_each_report"`
		}
	}
	oracle.Load(t, "pruners.json", &file)
	pruned := 0
	for i, c := range file.Percentile {
		var trials []*trial.Trial
		for _, past := range c.History {
			s, err := trial.ParseState(past.State)
			if err != nil {
				t.Fatal(err)
			}
			trials = append(trials, &trial.Trial{State: s, Reports: reports(past.IV)})
		}
		p := pruner.Percentile{Percentile: c.Percentile, StartupTrials: none(c.Startup), WarmupSteps: c.Warmup, IntervalSteps: c.Interval, MinTrials: c.MinTrials}
		got := decisions(t, p, history(t, c.Direction, trials...), reports(c.Reports))
		if !slices.Equal(got, c.Want) {
			t.Errorf("case %d, %+v: got %v, want %v", i, p, got, c.Want)
		}
		if slices.Contains(c.Want, true) {
			pruned++
		}
	}
	t.Logf("%d cases, %d of them with pruning", len(file.Percentile), pruned)
	if len(file.Percentile) < 128 || pruned < 31 {
		t.Errorf("got %d cases and %d with pruning, want at least 128 and 31", len(file.Percentile), pruned)
	}
}

func TestMedianZeroValueDecidesAsOptunaDefault(t *testing.T) {
	var file struct {
		Median []struct {
			Direction string
			Completed [][]report
			Reports   []report
			Want      []bool `json:"prune_after_each_report"`
		} `json:"median_default"`
	}
	oracle.Load(t, "pruners.json", &file)
	for i, c := range file.Median {
		var trials []*trial.Trial
		for _, past := range c.Completed {
			trials = append(trials, &trial.Trial{State: trial.Complete, Reports: reports(past)})
		}
		got := decisions(t, pruner.Median{}, history(t, c.Direction, trials...), reports(c.Reports))
		if !slices.Equal(got, c.Want) {
			t.Errorf("case %d: got %v, want %v", i, got, c.Want)
		}
	}
	if len(file.Median) < 32 {
		t.Errorf("got %d cases, want at least 32", len(file.Median))
	}
}

// five are enough Complete trials for the default StartupTrials; their reports
// at step 1 are 1 … 5, with median 3.
func five() []*trial.Trial {
	var trials []*trial.Trial
	for _, v := range []float64{4, 1, 5, 3, 2} {
		trials = append(trials, curve(trial.Complete, v, v, v, v, v, v))
	}
	return trials
}

func TestPercentileRules(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	one := func(v float64) []trial.Report { return []trial.Report{{Step: 1, Value: v}} }
	for _, c := range []struct {
		name    string
		p       pruner.Pruner
		trials  []*trial.Trial
		reports []trial.Report
		want    bool // after the last report
	}{
		{"worse than the median", pruner.Median{}, five(), one(3.5), true},
		{"equal to the median", pruner.Median{}, five(), one(3), false},
		{"four Complete trials are too few by default", pruner.Median{}, five()[:4], one(9), false},
		{"four are enough if asked for", pruner.Median{StartupTrials: 4}, five()[:4], one(9), true},
		{"a negative startup means none", pruner.Median{StartupTrials: -1}, five()[:1], one(9), true},
		{"without a Complete trial there is nothing to compare", pruner.Median{StartupTrials: -1}, nil, one(9), false},
		{"nothing but NaN without a Complete trial", pruner.Median{StartupTrials: -1}, nil, one(nan), false},
		{"only NaN to compare with", pruner.Median{StartupTrials: -1}, []*trial.Trial{curve(trial.Complete, nan)}, one(9), false},
		{"pruned and failed trials are no reference", pruner.Median{StartupTrials: -1}, []*trial.Trial{curve(trial.Pruned, 1), curve(trial.Failed, 1), curve(trial.Running, 1)}, one(9), false},
		{"an earlier good report saves", pruner.Median{}, five(), []trial.Report{{Step: 1, Value: 2}, {Step: 2, Value: 9}}, false},
		{"NaN after a good report saves", pruner.Median{}, five(), []trial.Report{{Step: 1, Value: 2}, {Step: 2, Value: nan}}, false},
		{"nothing but NaN is pruned", pruner.Median{}, five(), one(nan), true},
		{"nothing but NaN is pruned at a step that nobody reported", pruner.Median{}, five(), []trial.Report{{Step: 50, Value: nan}}, true},
		{"a step that nobody reported", pruner.Median{}, five(), []trial.Report{{Step: 50, Value: 9}}, false},
		{"a first report at a late step is judged there", pruner.Median{}, five(), []trial.Report{{Step: 6, Value: 9}}, true},
		{"below the warm-up", pruner.Median{WarmupSteps: 2}, five(), one(9), false},
		{"at the warm-up", pruner.Median{WarmupSteps: 1}, five(), one(9), true},
		{"second report in the interval", pruner.Median{IntervalSteps: 3}, five(), []trial.Report{{Step: 1, Value: 9}, {Step: 2, Value: 9}}, false},
		{"first report in the next interval", pruner.Median{IntervalSteps: 3}, five(), []trial.Report{{Step: 2, Value: 9}, {Step: 5, Value: 9}}, true},
		{"too few reports at this step", pruner.Median{MinTrials: 6}, five(), one(9), false},
		{"just enough reports at this step", pruner.Median{MinTrials: 5}, five(), one(9), true},
		{"percentile 0 wants the best", pruner.Percentile{Percentile: 0}, five(), one(1.5), true},
		{"percentile 0 keeps one as good as the best", pruner.Percentile{Percentile: 0}, five(), one(1), false},
		{"percentile 100 keeps the worst", pruner.Percentile{Percentile: 100}, five(), one(5), false},
		{"percentile 100 prunes what is worse than the worst", pruner.Percentile{Percentile: 100}, five(), one(5.5), true},
		{"percentile 25 of five is the second", pruner.Percentile{Percentile: 25}, five(), one(2), false},
		{"NaN references do not count", pruner.Median{}, append(five(), curve(trial.Complete, nan)), one(3.5), true},
		{"infinite references are numbers", pruner.Median{StartupTrials: -1}, []*trial.Trial{curve(trial.Complete, 1), curve(trial.Complete, 2), curve(trial.Complete, inf)}, one(3), true},
		{"between a finite and an infinite reference", pruner.Median{StartupTrials: -1}, []*trial.Trial{curve(trial.Complete, 1), curve(trial.Complete, -inf)}, one(0), true},
		{"between two opposite infinite references", pruner.Median{StartupTrials: -1}, []*trial.Trial{curve(trial.Complete, inf), curve(trial.Complete, -inf)}, one(0), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, direction := range []string{"minimize", "maximize"} {
				trials, list := c.trials, c.reports
				if direction == "maximize" {
					trials, list = negated(trials), negatedReports(list)
				}
				said := decisions(t, c.p, history(t, direction, trials...), list)
				if got := said[len(said)-1]; got != c.want {
					t.Errorf("%s: got %v, want %v", direction, got, c.want)
				}
			}
		})
	}
}

func TestMaximizingIsMinimizingTheNegative(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pruned := 0
	for i := range 500 {
		trials, list := randomCurves(r, 8), randomReports(r)
		for _, p := range []pruner.Pruner{
			pruner.Percentile{Percentile: 25 * float64(r.IntN(5)), StartupTrials: -1, IntervalSteps: 1 + r.IntN(3), MinTrials: 1 + r.IntN(3)},
			pruner.SuccessiveHalving{MinResource: 1 + r.IntN(2), ReductionFactor: 2},
		} {
			a := decisions(t, p, history(t, "minimize", trials...), list)
			b := decisions(t, p, history(t, "maximize", negated(trials)...), negatedReports(list))
			if !slices.Equal(a, b) {
				t.Fatalf("round %d, %+v: minimizing gives %v, maximizing the negative %v", i, p, a, b)
			}
			if slices.Contains(a, true) {
				pruned++
			}
		}
	}
	if pruned < 100 {
		t.Errorf("only %d of 1000 rounds pruned: the test shows little", pruned)
	}
}

func TestHigherPercentilePrunesLess(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		h, list := history(t, "minimize", randomCurves(r, 8)...), randomReports(r)
		var before []bool
		for percent := 0.0; percent <= 100; percent += 12.5 {
			said := decisions(t, pruner.Percentile{Percentile: percent, StartupTrials: -1}, h, list)
			for i := range before {
				if said[i] && !before[i] {
					t.Fatalf("percentile %v prunes at report %d, a lower one did not", percent, i)
				}
			}
			before = said
		}
	}
}

func BenchmarkMedian(b *testing.B) {
	for _, n := range []int{100, 1000, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := rand.New(rand.NewPCG(5, 6))
			var trials []*trial.Trial
			for range n {
				trials = append(trials, curve(trial.Complete, r.Float64(), r.Float64(), r.Float64()))
			}
			h, t := history(b, "minimize", trials...), &trial.Trial{Number: n, Reports: curve(trial.Running, 0, 0, 0).Reports}
			for b.Loop() {
				if _, err := (pruner.Median{}).Prune(h, t); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// One decision about a trial with many reports, each a little better than the last.
func BenchmarkLongTrial(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000} {
		long := func(scale float64) []trial.Report {
			var list []trial.Report
			for step := range n {
				list = append(list, trial.Report{Step: step, Value: scale / float64(step+1)})
			}
			return list
		}
		var trials []*trial.Trial
		for i := range 10 {
			trials = append(trials, &trial.Trial{State: trial.Complete, Reports: long(float64(i + 1))})
		}
		h, t := history(b, "minimize", trials...), &trial.Trial{Number: 99, Reports: long(2.5)}
		for _, p := range []pruner.Pruner{pruner.Median{}, pruner.Patient{Patience: 5}, pruner.Wilcoxon{}} {
			b.Run(fmt.Sprintf("%T/%d", p, n), func(b *testing.B) {
				for b.Loop() {
					if _, err := p.Prune(h, t); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
