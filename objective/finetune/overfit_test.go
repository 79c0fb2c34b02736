package finetune

import "testing"

func TestOverfitting(t *testing.T) {
	for name, c := range map[string]struct {
		losses [][2]float64
		gap    float64
		over   bool
	}{
		"both fall":                             {[][2]float64{{2, 2.5}, {1, 1.5}}, 0.5, false},
		"validation rises while training falls": {[][2]float64{{2, 2}, {1, 1.25}, {0.5, 1.5}}, 0.25, true},
		"validation rises a little":             {[][2]float64{{1, 1.25}, {0.5, 1.3}}, 0.25, false},
		"both rise: too large steps":            {[][2]float64{{1, 1.25}, {2, 3}}, 0.25, false},
		"one epoch":                             {[][2]float64{{1, 1.25}}, 0.25, false},
	} {
		o, ok := Overfitting(c.losses)
		if !ok || o.Gap != c.gap || o.Over() != c.over {
			t.Errorf("%s: %+v, over-fitted: %t, want a gap of %v, %t", name, o, o.Over(), c.gap, c.over)
		}
	}
	if _, ok := Overfitting(nil); ok {
		t.Error("no losses say something")
	}
}
