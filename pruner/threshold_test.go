package pruner_test

import (
	"math"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/oracle"
	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/trial"
)

func TestThresholdDecidesAsOptuna(t *testing.T) {
	var file struct {
		Threshold []struct {
			Lower, Upper *float64
			Warmup       int `json:"n_warmup_steps"`
			Interval     int `json:"interval_steps"`
			Reports      []report
			Want         []bool `json:"prune_after_each_report"`
		}
	}
	oracle.Load(t, "pruners.json", &file)
	pruned := 0
	for i, c := range file.Threshold {
		p := pruner.Threshold{Lower: c.Lower, Upper: c.Upper, WarmupSteps: c.Warmup, IntervalSteps: c.Interval}
		if got := decisions(t, p, history(t, "minimize"), reports(c.Reports)); !slices.Equal(got, c.Want) {
			t.Errorf("case %d: got %v, want %v", i, got, c.Want)
		}
		if slices.Contains(c.Want, true) {
			pruned++
		}
	}
	t.Logf("%d cases, %d of them with pruning", len(file.Threshold), pruned)
	if len(file.Threshold) < 48 || pruned < 20 {
		t.Errorf("got %d cases and %d with pruning: the file has lost some", len(file.Threshold), pruned)
	}
}

func TestThresholdRules(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		name  string
		p     pruner.Threshold
		value float64
		want  bool
	}{
		{"without limits a number continues", pruner.Threshold{}, 1e300, false},
		{"without limits infinity continues", pruner.Threshold{}, inf, false},
		{"without limits NaN stops", pruner.Threshold{}, nan, true},
		{"at the upper limit", pruner.Threshold{Upper: new(2.0)}, 2, false},
		{"above the upper limit", pruner.Threshold{Upper: new(2.0)}, math.Nextafter(2, 3), true},
		{"far below the upper limit", pruner.Threshold{Upper: new(2.0)}, -inf, false},
		{"at the lower limit", pruner.Threshold{Lower: new(0.0)}, 0, false},
		{"below the lower limit", pruner.Threshold{Lower: new(0.0)}, -5e-324, true},
		{"far above the lower limit", pruner.Threshold{Lower: new(0.0)}, inf, false},
		{"the only value allowed", pruner.Threshold{Lower: new(1.0), Upper: new(1.0)}, 1, false},
		{"not the only value allowed", pruner.Threshold{Lower: new(1.0), Upper: new(1.0)}, 1.5, true},
		{"at a step before the warm-up", pruner.Threshold{WarmupSteps: 2}, nan, false},
		{"at the end of the warm-up", pruner.Threshold{WarmupSteps: 1}, nan, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, direction := range []string{"minimize", "maximize"} {
				v, err := c.p.Prune(history(t, direction), curve(trial.Running, c.value))
				if err != nil || v.Prune != c.want || v.Attrs != nil {
					t.Errorf("%s: got (%v, %v), want %v", direction, v, err, c.want)
				}
			}
		})
	}
}
