// Package forecast predicts where the learning curves of trials end: it is the door from trials to
// the model of package curve, for schedulers and pruners.
package forecast

import (
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/internal/curve"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A Forecast is what the reports of trials say about the ends of their curves. It is safe for
// concurrent use.
type Forecast struct {
	Settings
	scale  scale
	model  *curve.Model
	trials []*trial.Trial // those of the model
	index  map[int]int    // of a trial, by number
}

// most is the largest number of trials that the model sees.
const most = 240

// longest is the largest number of reports of one trial that the model sees.
const longest = 24

// position returns where a step is: 0 at the start, 1 at the last one. Curves bend early, so it is
// logarithmic.
func position(step, last int) float64 {
	return math.Min(math.Log1p(float64(step))/math.Log1p(float64(last)), 1)
}

// thin returns indices of at most longest of n reports: the last one, and others at about
// equal ratios of their index.
func thin(n int) []int {
	var chosen []int
	for k := range longest {
		i := k
		if n > longest {
			i = int(math.Round(math.Pow(float64(n), float64(k)/(longest-1)))) - 1
		}
		if i < n && (len(chosen) == 0 || i > chosen[len(chosen)-1]) {
			chosen = append(chosen, i)
		}
	}
	return chosen
}

// New returns the forecast of the trials with reports, whose full training ends at step last ≥ 1.
// kernel chooses the kernel of the curves. It reports false if there is nothing to learn from.
func New(d trial.Direction, trials []*trial.Trial, last int, kernel func([]curve.Curve) curve.Kernel) (*Forecast, bool) {
	f := &Forecast{index: map[int]int{}}
	var values []float64
	for _, t := range trials {
		if len(t.Reports) == 0 || t.State == trial.Failed {
			continue
		}
		f.trials = append(f.trials, t)
		for _, i := range thin(len(t.Reports)) {
			values = append(values, t.Reports[i].Value)
		}
	}
	if len(f.trials) == 0 {
		return nil, false
	}
	f.limit(d)
	f.Settings, f.scale = newSettings(f.trials), scaleOf(d, values)
	curves := make([]curve.Curve, len(f.trials))
	for n, t := range f.trials {
		c := curve.Curve{X: f.point(valueOf(t))}
		for _, i := range thin(len(t.Reports)) {
			r := t.Reports[i]
			at, z := position(r.Step, last), f.scale.of(r.Value)
			if k := len(c.Steps); k > 0 && c.Steps[k-1] == at { // beyond the end
				c.Values[k-1] = z
				continue
			}
			c.Steps, c.Values = append(c.Steps, at), append(c.Values, z)
		}
		curves[n] = c
	}
	var ok bool
	f.model, ok = curve.Condition(kernel(curves), curves)
	return f, ok
}

// limit leaves the model as many trials as it can afford: the best ones by their last reports, and
// a sample of the others.
func (f *Forecast) limit(d trial.Direction) {
	if len(f.trials) > most {
		ranked := slices.Clone(f.trials)
		last := func(t *trial.Trial) float64 { return t.Reports[len(t.Reports)-1].Value }
		slices.SortStableFunc(ranked, func(a, b *trial.Trial) int {
			switch x, y := last(a), last(b); {
			case d.Better(x, y):
				return -1
			case d.Better(y, x):
				return 1
			}
			return 0
		})
		const best = most * 3 / 4
		f.trials = ranked[:best:best]
		for i, rest := 0, ranked[best:]; i < most-best; i++ {
			f.trials = append(f.trials, rest[i*len(rest)/(most-best)])
		}
	}
	for i, t := range f.trials {
		f.index[t.Number] = i
	}
}

func valueOf(t *trial.Trial) func(string) (float64, bool) {
	return func(name string) (float64, bool) {
		p, ok := t.Param(name)
		return p.Value, ok
	}
}

// An End is a prediction of where a curve ends: normal on the scale of the model, on which less is
// better.
type End struct{ Mean, SD float64 }

// Trial returns the prediction for a trial, and whether it has reports.
func (f *Forecast) Trial(number int) (End, bool) {
	i, ok := f.index[number]
	if !ok {
		return End{}, false
	}
	mean, variance := f.model.Curve(i)
	return End{mean, math.Sqrt(variance)}, true
}

// Params returns the prediction for new parameters, in internal form.
func (f *Forecast) Params(params map[string]float64) End {
	mean, variance := f.model.Setting(f.point(func(name string) (float64, bool) {
		v, ok := params[name]
		return v, ok
	}))
	return End{mean, math.Sqrt(variance)}
}

// Scaled returns a value of the objective on the scale of the model.
func (f *Forecast) Scaled(value float64) float64 { return f.scale.of(value) }

// Value is the inverse of Scaled.
func (f *Forecast) Value(scaled float64) float64 { return f.scale.value(scaled) }

// Below returns the probability that the curve ends below limit.
func (e End) Below(limit float64) float64 { return math.Erfc(-(limit-e.Mean)/e.SD/math.Sqrt2) / 2 }

// Improvement returns by how much the curve ends below limit, on average, counting 0 where it does
// not.
func (e End) Improvement(limit float64) float64 {
	z := (limit - e.Mean) / e.SD
	return e.SD * (math.Exp(-z*z/2)/math.Sqrt(2*math.Pi) + z*math.Erfc(-z/math.Sqrt2)/2)
}
