package plot

import (
	"fmt"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/trial"
)

// An EDFPlot shows which share of the trials reached each value, for one or more studies.
type EDFPlot struct {
	Value  Axis       `json:"value"`
	X      []Float    `json:"x"` // 100 values from the lowest to the highest of all studies
	Curves []EDFCurve `json:"curves"`
}

// An EDFCurve is the empirical distribution function of a study.
type EDFCurve struct {
	Study string  `json:"study"`
	Y     []Float `json:"y"` // the share of the complete trials with a value of at most X[i]
}

// A Study is a history with its name.
type Study struct {
	Name    string
	History trial.History
}

// edfValues is how many values an EDFPlot has.
const edfValues = 100

// EDF compares studies by the share of their complete trials that reached each value. Trials whose
// value is infinite or NaN do not count. A study with no other has NaN for shares. If no study has a
// value, the plot has none, and no curves.
func EDF(c Config, studies ...Study) (EDFPlot, error) {
	p := EDFPlot{X: []Float{}, Curves: []EDFCurve{}}
	sorted := make([][]float64, len(studies))
	var all []Float
	for i, s := range studies {
		if err := c.check(s.History); err != nil {
			return EDFPlot{}, fmt.Errorf("study %q: %w", s.Name, err)
		}
		trials, _ := c.finite(s.History)
		for _, v := range c.values(trials) {
			sorted[i], all = append(sorted[i], float64(v)), append(all, v)
		}
		slices.Sort(sorted[i])
	}
	if len(studies) > 0 {
		p.Value = c.value(studies[0].History, all)
	}
	if len(all) == 0 {
		return p, nil
	}
	low, high := float64(p.Value.Low), float64(p.Value.High)
	step := (high - low) / (edfValues - 1)
	for i := range edfValues - 1 {
		x := low + float64(float64(i)*step) // rounded twice, as NumPy does
		if math.IsInf(step, 0) {
			share := float64(i) / (edfValues - 1)
			x = low*(1-share) + high*share
		}
		p.X = append(p.X, Float(x))
	}
	p.X = append(p.X, Float(high))
	for i, s := range studies {
		curve := EDFCurve{Study: s.Name}
		for _, x := range p.X {
			n, _ := slices.BinarySearchFunc(sorted[i], float64(x), func(v, x float64) int {
				if v <= x {
					return -1
				}
				return 1
			})
			curve.Y = append(curve.Y, Float(float64(n)/float64(len(sorted[i]))))
		}
		p.Curves = append(p.Curves, curve)
	}
	return p, nil
}
