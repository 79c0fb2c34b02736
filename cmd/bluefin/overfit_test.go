package main

import "testing"

func TestOverfitting(t *testing.T) {
	for name, c := range map[string]struct {
		losses [][2]float64
		over   bool
	}{
		"both fall":                             {[][2]float64{{2, 2.5}, {1, 1.5}}, false},
		"validation rises while training falls": {[][2]float64{{2, 2}, {1, 1.25}, {0.5, 1.5}}, true},
		"validation rises a little":             {[][2]float64{{1, 1.25}, {0.5, 1.3}}, false},
		"both rise: too large steps":            {[][2]float64{{1, 1.25}, {2, 3}}, false},
		"one epoch":                             {[][2]float64{{1, 1.25}}, false},
	} {
		if got := overfits(c.losses); got != c.over {
			t.Errorf("%s: over-fitted: %t, want %t", name, got, c.over)
		}
	}
}
