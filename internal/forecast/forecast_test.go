package forecast

import (
	"math"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// training returns a trial whose loss falls towards end, after steps of 20.
func training(number int, x float64, steps int) *trial.Trial {
	t := &trial.Trial{Number: number, State: trial.Waiting, Params: []trial.Param{
		{Name: "x", Value: x, Dist: space.Float{Low: 0, High: 1}},
		{Name: "kind", Value: float64(number / 3 % 3), Dist: space.Categorical{Choices: []any{"a", "b", "c"}}},
	}}
	for s := range steps {
		t.Reports = append(t.Reports, trial.Report{Step: s + 1, Value: ending(x) + 0.5*math.Exp(-float64(s)/5)})
	}
	return t
}

func ending(x float64) float64 { return 0.1 + (x-0.3)*(x-0.3) }

func TestForecastFollowsCurvesAndSettings(t *testing.T) {
	for _, d := range []trial.Direction{trial.Minimize, trial.Maximize} {
		sign := 1.0
		if d == trial.Maximize {
			sign = -1
		}
		var trials []*trial.Trial
		for i := range 30 {
			u := training(i, float64(i*7%30)/29, []int{20, 6, 3}[i%3])
			for k := range u.Reports {
				u.Reports[k].Value *= sign
			}
			trials = append(trials, u)
		}
		f, ok := New(d, trials, 20, Fit)
		if !ok {
			t.Fatal("there is no forecast")
		}
		missed := 0 // predictions are distributions, so a few are
		for _, u := range trials {
			x, _ := u.Param("x")
			end, ok := f.Trial(u.Number)
			want := f.Scaled(sign * (ending(x.Value) + 0.5*math.Exp(-19.0/5)))
			if !ok || end.SD > 0.7 || math.Abs(end.Mean-want) > 3*end.SD+0.05 {
				missed++
				t.Logf("%v: trial %d with %d reports is predicted to end at %v, want about %v", d, u.Number, len(u.Reports), end, want)
			}
		}
		if missed > 3 {
			t.Errorf("%v: %d of 30 predictions are off by more than three standard deviations", d, missed)
		}
		good, bad := f.Params(map[string]float64{"x": 0.3, "kind": 1}), f.Params(map[string]float64{"x": 0.95, "kind": 1})
		if !(good.Mean < bad.Mean-good.SD) {
			t.Errorf("%v: x = 0.3 is predicted at %v, x = 0.95 at %v", d, good, bad)
		}
		if limit := f.Scaled(sign * 0.2); !(good.Below(limit) > 0.8 && bad.Below(limit) < 0.2) {
			t.Errorf("%v: chances to end below 0.2 are %v and %v", d, good.Below(limit), bad.Below(limit))
		}
	}
}

// Values that a training can report must not break the model.
func TestForecastOfStrangeValues(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, values := range map[string][]float64{
		"NaN": {nan, nan, nan, nan}, "equal": {1, 1, 1, 1}, "infinite": {inf, -inf, inf, 3}, "huge": {1e308, -1e308, 1e300, 0},
		"one": {2, nan, nan, inf},
	} {
		var trials []*trial.Trial
		for i, v := range values {
			u := training(i, float64(i)/4, 4)
			for k := range u.Reports {
				u.Reports[k].Value = v
			}
			trials = append(trials, u)
		}
		f, ok := New(trial.Minimize, trials, 20, Fit)
		if !ok {
			t.Errorf("%s: there is no forecast", name)
			continue
		}
		if end, _ := f.Trial(0); math.IsNaN(end.Mean) || math.IsNaN(end.SD) || math.IsInf(end.Mean, 0) {
			t.Errorf("%s: the prediction is %v", name, end)
		}
	}
	if _, ok := New(trial.Minimize, nil, 20, Fit); ok {
		t.Error("there is a forecast of nothing")
	}
}

func TestScaleHasAnInverse(t *testing.T) {
	for _, d := range []trial.Direction{trial.Minimize, trial.Maximize} {
		s := scaleOf(d, []float64{1, 2, 3, 4, 5, 6, 7, 100})
		for _, v := range []float64{1, 1.5, 2, 4, 6, 9, 50} {
			if got := s.value(s.of(v)); math.Abs(got-v) > 1e-6*v && (d == trial.Minimize || v < 50) {
				t.Errorf("%v: %v becomes %v and %v", d, v, s.of(v), got)
			}
		}
		if d.Better(1, 2) != (s.of(1) < s.of(2)) {
			t.Errorf("%v: the scale of 1 is %v, of 2 %v", d, s.of(1), s.of(2))
		}
	}
}

func TestLongCurvesAreThinned(t *testing.T) {
	for _, n := range []int{1, 24, 25, 1000} {
		chosen := thin(n)
		if len(chosen) > longest || chosen[len(chosen)-1] != n-1 || chosen[0] != 0 {
			t.Errorf("of %d reports %v are chosen", n, chosen)
		}
	}
}
