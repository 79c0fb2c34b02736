package pruner_test

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/oracle"
	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/trial"
)

func TestPatientDecidesAsOptuna(t *testing.T) {
	var file struct {
		Patient []struct {
			Direction string
			Patience  int
			MinDelta  float64 `json:"min_delta"`
			Wrapped   *string
			Completed [][]report
			Reports   []report
			Want      []bool `json:"prune_after_each_report"`
		}
	}
	oracle.Load(t, "pruners.json", &file)
	pruned, wrapped := 0, 0
	for i, c := range file.Patient {
		p := pruner.Patient{Patience: c.Patience, MinDelta: c.MinDelta}
		if c.Wrapped != nil {
			if *c.Wrapped != "median(n_startup_trials=0)" {
				t.Fatalf("case %d: unknown pruner %s", i, *c.Wrapped)
			}
			p.Pruner = pruner.Median{StartupTrials: -1}
			wrapped++
		}
		var trials []*trial.Trial
		for _, past := range c.Completed {
			trials = append(trials, &trial.Trial{State: trial.Complete, Reports: reports(past)})
		}
		got := decisions(t, p, history(t, c.Direction, trials...), reports(c.Reports))
		if !slices.Equal(got, c.Want) {
			t.Errorf("case %d, %+v: got %v, want %v", i, p, got, c.Want)
		}
		if slices.Contains(c.Want, true) {
			pruned++
		}
	}
	t.Logf("%d cases, %d of them with pruning, %d with a pruner inside", len(file.Patient), pruned, wrapped)
	if len(file.Patient) < 48 || wrapped < 12 || pruned < 10 {
		t.Errorf("got %d cases, %d with pruning, %d with a pruner inside: the file has lost some", len(file.Patient), pruned, wrapped)
	}
}

// always stops every trial and marks it with an attribute.
type always struct{}

func (always) Prune(trial.History, *trial.Trial) (pruner.Verdict, error) {
	return pruner.Verdict{Prune: true, Attrs: map[string]json.RawMessage{"asked": nil}}, nil
}

func TestPatientRules(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name   string
		p      pruner.Patient
		values []float64
		want   bool
	}{
		{"no patience forgives nothing", pruner.Patient{}, []float64{1, 2}, true},
		{"no patience, as good as before", pruner.Patient{}, []float64{1, 1}, false},
		{"one report is none to compare with", pruner.Patient{}, []float64{9}, false},
		{"just as many reports as are tolerated", pruner.Patient{Patience: 2}, []float64{1, 2, 2}, false},
		{"one more", pruner.Patient{Patience: 2}, []float64{1, 2, 2, 2}, true},
		{"an improvement among them", pruner.Patient{Patience: 2}, []float64{1, 2, 0.5, 2}, false},
		{"as good as the best among them", pruner.Patient{Patience: 2}, []float64{1, 2, 1, 2}, false},
		{"the best before counts, not the last", pruner.Patient{Patience: 1}, []float64{1, 5, 3, 2}, true},
		{"worse by the delta", pruner.Patient{MinDelta: 0.5}, []float64{1, 1.5}, false},
		{"worse by more than the delta", pruner.Patient{MinDelta: 0.5}, []float64{1, 1.625}, true},
		{"NaN is not an improvement", pruner.Patient{Patience: 1}, []float64{1, 2, nan}, true},
		{"nothing but NaN since", pruner.Patient{Patience: 1}, []float64{1, nan, nan}, false},
		{"nothing but NaN before", pruner.Patient{Patience: 1}, []float64{nan, 1, 2}, false},
		{"the most patience of all", pruner.Patient{Patience: math.MaxInt}, []float64{1, 2, 3}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, direction := range []string{"minimize", "maximize"} {
				now := curve(trial.Running, c.values...)
				if direction == "maximize" {
					now.Reports = negatedReports(now.Reports)
				}
				v, err := c.p.Prune(history(t, direction), now)
				if err != nil || v.Prune != c.want || v.Attrs != nil {
					t.Errorf("%s: got (%v, %v), want %v", direction, v, err, c.want)
				}
				c.p.Pruner = always{}
				v, err = c.p.Prune(history(t, direction), now)
				if err != nil || v.Prune != c.want || (v.Attrs != nil) != c.want {
					t.Errorf("%s: got (%v, %v), want the pruner inside asked %v", direction, v, err, c.want)
				}
				c.p.Pruner = nil
			}
		})
	}
}

func TestPatientPassesOnTheErrorOfItsPruner(t *testing.T) {
	p := pruner.Patient{Pruner: pruner.Percentile{Percentile: 101}}
	if _, err := p.Prune(history(t, "minimize"), curve(trial.Running, 1, 2)); err == nil {
		t.Error("no error, want that of the pruner inside")
	}
}
