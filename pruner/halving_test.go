package pruner_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/oracle"
	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/trial"
)

// play runs t on p, one report after the other, until it is pruned or the
// reports end, and returns how many were made. It keeps the attributes as the
// engine does.
func play(tb testing.TB, p pruner.Pruner, h trial.History, t *trial.Trial, list []trial.Report) int {
	tb.Helper()
	t.SystemAttrs = map[string]json.RawMessage{}
	t.State = trial.Complete
	for i, r := range list {
		t.Reports = append(t.Reports, r)
		v, err := p.Prune(h, t)
		if err != nil {
			tb.Fatal(err)
		}
		maps.Copy(t.SystemAttrs, v.Attrs)
		if v.Prune {
			t.State = trial.Pruned
			return i + 1
		}
	}
	t.Values = []float64{0}
	return len(list)
}

func TestSuccessiveHalvingReplaysOptunaStudies(t *testing.T) {
	var file struct {
		Studies []struct {
			Direction string
			Resource  json.RawMessage `json:"min_resource"`
			Factor    int             `json:"reduction_factor"`
			Rate      int             `json:"min_early_stopping_rate"`
			Bootstrap int             `json:"bootstrap_count"`
			Trials    []struct {
				Reports []report
				Pruned  bool
				Rungs   map[string]oracle.Float
			}
		} `json:"successive_halving"`
	}
	oracle.Load(t, "pruners.json", &file)
	pruned, auto := 0, 0
	for i, c := range file.Studies {
		p := pruner.SuccessiveHalving{ReductionFactor: c.Factor, MinEarlyStoppingRate: c.Rate, BootstrapCount: c.Bootstrap}
		if string(c.Resource) == `"auto"` {
			auto++
		} else if err := json.Unmarshal(c.Resource, &p.MinResource); err != nil {
			t.Fatal(err)
		}
		var past []*trial.Trial
		for n, want := range c.Trials {
			now := &trial.Trial{Number: n}
			made := play(t, p, history(t, c.Direction, past...), now, reports(want.Reports))
			if made != len(want.Reports) || (now.State == trial.Pruned) != want.Pruned {
				t.Fatalf("study %d, trial %d: %v after %d reports, want pruned=%v after %d", i, n, now.State, made, want.Pruned, len(want.Reports))
			}
			if len(now.SystemAttrs) != len(want.Rungs) {
				t.Fatalf("study %d, trial %d: got rungs %s, want %v", i, n, now.SystemAttrs, want.Rungs)
			}
			for key, value := range want.Rungs {
				var got oracle.Float
				if err := json.Unmarshal(now.SystemAttrs[key], &got); err != nil || got != value {
					t.Fatalf("study %d, trial %d: got %s = %v (%v), want %v", i, n, key, got, err, value)
				}
			}
			if want.Pruned {
				pruned++
			}
			past = append(past, now)
		}
	}
	t.Logf("%d studies, %d with the resource derived, %d trials pruned", len(file.Studies), auto, pruned)
	if len(file.Studies) < 29 || auto < 8 || pruned < 100 {
		t.Errorf("got %d studies, %d with the resource derived, %d trials pruned: the file has lost some", len(file.Studies), auto, pruned)
	}
}

func rung(n int, value string) map[string]json.RawMessage {
	return map[string]json.RawMessage{fmt.Sprint("completed_rung_", n): json.RawMessage(value)}
}

func TestSuccessiveHalvingRules(t *testing.T) {
	type attrs = map[string]json.RawMessage
	done := func(values ...string) []*trial.Trial {
		var trials []*trial.Trial
		for i, v := range values {
			s := []trial.State{trial.Complete, trial.Pruned, trial.Failed, trial.Running}[i%4]
			trials = append(trials, &trial.Trial{State: s, SystemAttrs: rung(0, v)})
		}
		return trials
	}
	one := pruner.SuccessiveHalving{MinResource: 1, ReductionFactor: 2}
	for _, c := range []struct {
		name   string
		p      pruner.SuccessiveHalving
		trials []*trial.Trial
		own    attrs
		report trial.Report
		want   bool
		set    attrs
	}{
		{"the first to arrive passes", one, nil, nil, trial.Report{Step: 1, Value: 7}, false, rung(0, "7.0")},
		{"before the first rung nothing is kept", one, nil, nil, trial.Report{Step: 0, Value: 7}, false, nil},
		{"before the first rung NaN is ignored", one, nil, nil, trial.Report{Step: 0, Value: math.NaN()}, false, nil},
		{"NaN at a rung", one, nil, nil, trial.Report{Step: 1, Value: math.NaN()}, true, nil},
		{"worse than all, in any state", one, done("1", "2.0", "3e0", "4.5"), nil, trial.Report{Step: 1, Value: 5}, true, rung(0, "5.0")},
		{"in the better half of six", one, done("1", "2", "9", "9", "9"), nil, trial.Report{Step: 1, Value: 3}, false, rung(0, "3.0")},
		{"in the worse half of five", one, done("1", "2", "9", "9"), nil, trial.Report{Step: 1, Value: 3}, true, rung(0, "3.0")},
		{"equal values pass together", one, done("1", "1", "1", "1"), nil, trial.Report{Step: 1, Value: 1}, false, rung(0, "1.0")},
		{"infinity competes", one, done("-Infinity", "Infinity"), nil, trial.Report{Step: 1, Value: 0}, true, rung(0, "0.0")},
		{"a number beyond the range of floats is infinite", one, done("-1e999"), nil, trial.Report{Step: 1, Value: -5}, true, rung(0, "-5.0")},
		{"text that is not a number does not compete", one, done("NaN", `"x"`, "null", "{", ""), nil, trial.Report{Step: 1, Value: 5}, false, rung(0, "5.0")},
		{"an infinite report is kept as Python writes it", one, nil, nil, trial.Report{Step: 1, Value: math.Inf(1)}, false, rung(0, "Infinity")},
		{"a late first report completes several rungs", one, nil, nil, trial.Report{Step: 5, Value: 1}, false, attrs{"completed_rung_0": json.RawMessage("1.0"), "completed_rung_1": json.RawMessage("1.0"), "completed_rung_2": json.RawMessage("1.0")}},
		{"a late first report stops at the first rung that it fails", one, done("0"), nil, trial.Report{Step: 5, Value: 1}, true, rung(0, "1.0")},
		{"rungs that the trial has are not completed again", one, done("0"), rung(0, "1.0"), trial.Report{Step: 2, Value: 1}, false, rung(1, "1.0")},
		{"a repeated step changes nothing", one, done("0"), rung(0, "1.0"), trial.Report{Step: 1, Value: 9}, false, nil},
		{"bootstrap stops the first ones", pruner.SuccessiveHalving{MinResource: 1, ReductionFactor: 2, BootstrapCount: 2}, done("5"), nil, trial.Report{Step: 1, Value: 1}, true, rung(0, "1.0")},
		{"after the bootstrap the best passes", pruner.SuccessiveHalving{MinResource: 1, ReductionFactor: 2, BootstrapCount: 2}, done("5", "5"), nil, trial.Report{Step: 1, Value: 1}, false, rung(0, "1.0")},
		{"the rate leaves out lower rungs", pruner.SuccessiveHalving{MinResource: 1, ReductionFactor: 2, MinEarlyStoppingRate: 2}, nil, nil, trial.Report{Step: 3, Value: 1}, false, nil},
		{"the rate numbers rungs from the first that is left", pruner.SuccessiveHalving{MinResource: 1, ReductionFactor: 2, MinEarlyStoppingRate: 2}, nil, nil, trial.Report{Step: 4, Value: 1}, false, rung(0, "1.0")},
		{"factor 4 by default", pruner.SuccessiveHalving{MinResource: 1}, nil, rung(0, "1.0"), trial.Report{Step: 3, Value: 1}, false, nil},
		{"second rung at 4 by default", pruner.SuccessiveHalving{MinResource: 1}, nil, rung(0, "1.0"), trial.Report{Step: 4, Value: 1}, false, rung(1, "1.0")},
		{"a derived resource needs a Complete trial", pruner.SuccessiveHalving{}, []*trial.Trial{curve(trial.Pruned, 1), curve(trial.Complete), curve(trial.Failed, 1)}, nil, trial.Report{Step: 900, Value: 1}, false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := c.p.Prune(history(t, "minimize", c.trials...), &trial.Trial{Number: 99, SystemAttrs: c.own, Reports: []trial.Report{c.report}})
			if err != nil {
				t.Fatal(err)
			}
			if v.Prune != c.want || fmt.Sprintf("%s", v.Attrs) != fmt.Sprintf("%s", c.set) {
				t.Errorf("got %v %s, want %v %s", v.Prune, v.Attrs, c.want, c.set)
			}
		})
	}
}

func TestDerivedResourceIsThatOfTheFirstCompleteTrialForever(t *testing.T) {
	long := func(s trial.State, step int) *trial.Trial {
		return &trial.Trial{State: s, Reports: []trial.Report{{Step: step, Value: 1}}}
	}
	trials := []*trial.Trial{long(trial.Pruned, 5000), long(trial.Complete, 399), long(trial.Complete, 9000)}
	for n := 2; n <= 3; n++ {
		h := history(t, "minimize", trials[:n]...)
		for step, want := range map[int]string{2: "map[]", 3: "map[completed_rung_0:1.0]", 11: "map[completed_rung_0:1.0]"} {
			v, err := pruner.SuccessiveHalving{}.Prune(h, &trial.Trial{Number: 99, Reports: []trial.Report{{Step: step, Value: 1}}})
			if got := fmt.Sprintf("%s", v.Attrs); err != nil || v.Prune || got != want {
				t.Errorf("%d trials, step %d: got (%v, %s, %v), want rungs %s: resource 399/100 = 3", n, step, v.Prune, got, err, want)
			}
		}
	}
}

func TestTrialDoesNotCompeteWithItself(t *testing.T) {
	self := &trial.Trial{Number: 0, State: trial.Running, SystemAttrs: rung(1, "0")}
	h := history(t, "minimize", self)
	v, err := pruner.SuccessiveHalving{MinResource: 1, ReductionFactor: 2}.Prune(h, &trial.Trial{Number: 0, SystemAttrs: rung(0, "5"), Reports: []trial.Report{{Step: 2, Value: 5}}})
	if err != nil || v.Prune {
		t.Errorf("got (%v, %v), want it to continue: the only value at the rung is its own", v, err)
	}
}

func BenchmarkSuccessiveHalving(b *testing.B) {
	for _, n := range []int{100, 1000, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := rand.New(rand.NewPCG(5, 6))
			var trials []*trial.Trial
			for range n {
				trials = append(trials, &trial.Trial{State: trial.Pruned, SystemAttrs: rung(0, fmt.Sprint(r.Float64()))})
			}
			h, t := history(b, "minimize", trials...), &trial.Trial{Number: n, Reports: []trial.Report{{Step: 1, Value: -1}}}
			for b.Loop() {
				if _, err := (pruner.SuccessiveHalving{MinResource: 1}).Prune(h, t); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
