package train

import (
	"math"
	"strings"
	"testing"
)

func TestFactor(t *testing.T) {
	half := math.Sqrt(0.5)
	for name, c := range map[string]struct {
		schedule Schedule
		total    int
		warmup   float64
		want     []float64 // in steps 0 to total-1
	}{
		"constant without warmup":         {Constant, 3, 0, []float64{1, 1, 1}},
		"constant with warmup":            {Constant, 4, 0.5, []float64{0, 0.5, 1, 1}},
		"linear without warmup":           {Linear, 4, 0, []float64{1, 0.75, 0.5, 0.25}},
		"linear with warmup":              {Linear, 6, 1. / 3, []float64{0, 0.5, 1, 0.75, 0.5, 0.25}},
		"a part of a step warms up":       {Linear, 5, 0.05, []float64{0, 1, 0.75, 0.5, 0.25}},
		"cosine without warmup":           {Cosine, 4, 0, []float64{1, (1 + half) / 2, 0.5, (1 - half) / 2}},
		"cosine with warmup":              {Cosine, 6, 1. / 3, []float64{0, 0.5, 1, (1 + half) / 2, 0.5, (1 - half) / 2}},
		"nothing but warmup":              {Linear, 4, 1, []float64{0, 0.25, 0.5, 0.75}},
		"nothing but warmup, with cosine": {Cosine, 2, 1, []float64{0, 0.5}},
		"one step":                        {Linear, 1, 0, []float64{1}},
		"one step of warmup":              {Cosine, 1, 0.1, []float64{0}},
	} {
		for step, want := range c.want {
			if got := (Config{LearningRate: 1, Schedule: c.schedule, WarmupRatio: c.warmup}).withDefaults().rate(step, c.total); math.Abs(got-want) > 1e-15 {
				t.Errorf("%s: factor in step %d is %v, want %v", name, step, got, want)
			}
		}
		if len(c.want) != c.total {
			t.Errorf("%s: %d values for %d steps", name, len(c.want), c.total)
		}
	}
}

func TestCheckKnowsTheSchedules(t *testing.T) {
	for _, s := range schedules() {
		if err := s.Check(); err != nil {
			t.Error(err)
		}
	}
	for _, s := range []Schedule{"", "Linear", "polynom"} {
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), `["constant" "constant_with_warmup" "linear" "cosine" "polynomial" "inverse_sqrt"]`) {
			t.Errorf("%q: error is %v, want one that names the schedules", s, err)
		}
	}
}
