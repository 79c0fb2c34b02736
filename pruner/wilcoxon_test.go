package pruner_test

import (
	"math"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/oracle"
	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/trial"
)

func TestWilcoxonDecidesAsOptuna(t *testing.T) {
	var file struct {
		Wilcoxon []struct {
			Direction string
			Threshold float64 `json:"p_threshold"`
			Startup   int     `json:"n_startup_steps"`
			Completed []struct {
				Value oracle.Float
				IV    []report
			}
			Reports []report
			Want    []bool `json:"prune_after_each_report"`
		}
	}
	oracle.Load(t, "pruners.json", &file)
	pruned := 0
	for i, c := range file.Wilcoxon {
		var trials []*trial.Trial
		for _, past := range c.Completed {
			trials = append(trials, &trial.Trial{State: trial.Complete, Values: []float64{float64(past.Value)}, Reports: ordered(reports(past.IV))})
		}
		p := pruner.Wilcoxon{Threshold: c.Threshold, StartupSteps: c.Startup}
		h := history(t, c.Direction, trials...)
		for n, want := range c.Want {
			// The vectors report in any order of the steps; a record keeps them by step.
			v, err := p.Prune(h, &trial.Trial{Number: 1000, Reports: ordered(reports(c.Reports[:n+1]))})
			if err != nil || v.Prune != want {
				t.Errorf("case %d, after report %d: got (%v, %v), want %v", i, n+1, v.Prune, err, want)
			}
		}
		if slices.Contains(c.Want, true) {
			pruned++
		}
	}
	t.Logf("%d cases, %d of them with pruning", len(file.Wilcoxon), pruned)
	if len(file.Wilcoxon) < 48 || pruned < 10 {
		t.Errorf("got %d cases and %d with pruning: the file has lost some", len(file.Wilcoxon), pruned)
	}
}

func ordered(list []trial.Report) []trial.Report {
	slices.SortFunc(list, func(a, b trial.Report) int { return a.Step - b.Step })
	return list
}

func TestWilcoxonRules(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	best := func(value float64, values ...float64) []*trial.Trial {
		b := curve(trial.Complete, values...)
		b.Values = []float64{value}
		return []*trial.Trial{b}
	}
	eight := []float64{1, 2, 3, 4, 5, 6, 7, 8}
	worse := []float64{2, 3.1, 4.2, 5.3, 6.4, 7.5, 8.6, 9.7}
	for _, c := range []struct {
		name   string
		p      pruner.Wilcoxon
		trials []*trial.Trial
		values []float64
		want   bool
	}{
		{"worse on every instance", pruner.Wilcoxon{}, best(4.5, eight...), worse, true},
		{"no trial to compare with", pruner.Wilcoxon{}, nil, worse, false},
		{"the best has no reports", pruner.Wilcoxon{}, best(4.5), worse, false},
		{"as good as the best by the mean of its reports", pruner.Wilcoxon{}, best(99, eight...), worse, false},
		{"three instances of three reach 0.125, which is no less than 0.1", pruner.Wilcoxon{}, best(0, eight...), worse[:3], false},
		{"four instances of four reach 0.0625, which is", pruner.Wilcoxon{}, best(0, eight...), worse[:4], true},
		{"0.0625 is not less than itself", pruner.Wilcoxon{Threshold: 0.0625}, best(0, eight...), worse[:4], false},
		{"a higher threshold needs fewer", pruner.Wilcoxon{Threshold: 0.26}, best(0, eight...), worse[:2], true},
		{"one instance is never enough", pruner.Wilcoxon{Threshold: 1}, best(0, eight...), worse[:1], false},
		{"threshold 1 stops whatever is not the best", pruner.Wilcoxon{Threshold: 1}, best(0, eight...), []float64{2, 2, 2}, true},
		{"more instances asked for", pruner.Wilcoxon{StartupSteps: 9}, best(4.5, eight...), worse, false},
		{"just enough instances", pruner.Wilcoxon{StartupSteps: 8}, best(4.5, eight...), worse, true},
		{"instances that the best does not have do not count", pruner.Wilcoxon{}, best(0, eight[:3]...), worse, false},
		{"an infinite report of its own", pruner.Wilcoxon{}, best(4.5, eight...), append([]float64{inf}, worse[1:]...), false},
		{"a NaN report of its own", pruner.Wilcoxon{}, best(4.5, eight...), append([]float64{nan}, worse[1:]...), false},
		{"an infinite report of the best", pruner.Wilcoxon{}, best(4.5, append([]float64{-inf}, eight[1:]...)...), worse, false},
		{"equal on every instance", pruner.Wilcoxon{}, best(0, eight...), eight, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, direction := range []string{"minimize", "maximize"} {
				trials, now := c.trials, curve(trial.Running, c.values...)
				if direction == "maximize" {
					trials, now.Reports = negated(trials), negatedReports(now.Reports)
					for _, u := range trials {
						u.Values = []float64{-u.Values[0]}
					}
				}
				v, err := c.p.Prune(history(t, direction, trials...), &trial.Trial{Number: 9, Reports: now.Reports})
				if err != nil || v.Prune != c.want {
					t.Errorf("%s: got (%v, %v), want %v", direction, v, err, c.want)
				}
			}
		})
	}
}
