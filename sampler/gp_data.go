package sampler

import (
	"maps"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/gp"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// gpAxes returns the axes of the parameters: choices are their indices, other
// values their places in the unit interval.
func gpAxes(joint space.Space) []gp.Axis {
	axes := make([]gp.Axis, len(joint))
	for i, d := range joint {
		axes[i] = gp.Axis{Values: gridOf(d.Dist)}
		if isCategorical(d.Dist) {
			axes[i] = gp.Axis{Unordered: true}
			for k := range d.Dist.Len() {
				axes[i].Values = append(axes[i].Values, float64(k))
			}
		}
	}
	return axes
}

// gpData are trials with a value for each.
type gpData struct {
	space   gpSpace
	trials  []*trial.Trial
	rows    [][]float64 // n×d: where the trials are
	values  []float64   // n, not standardized
	pending [][]float64 // q×d: where running trials are
}

// add appends a trial, which has all parameters.
func (g *gpData) add(t *trial.Trial, value float64) {
	x, _ := g.space.point(t)
	g.trials, g.rows, g.values = append(g.trials, t), append(g.rows, x), append(g.values, value)
}

// gpConstraints returns the names of the constraints of the trials, sorted.
func gpConstraints(trials []*trial.Trial) []string {
	names := map[string]bool{}
	for _, t := range trials {
		for name := range t.Constraints {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// moments returns the mean and the standard deviation of the finite values, and
// a positive number instead of the latter if they are all equal.
func moments(values []float64) (mean, deviation float64) {
	var finite []float64
	unit := 0.0
	for _, v := range values {
		if !math.IsInf(v, 0) && !math.IsNaN(v) {
			finite = append(finite, v)
			unit = math.Max(unit, math.Abs(v))
		}
	}
	if unit == 0 { // no value, or all of them 0
		return 0, 1
	}
	// In units in which the squares neither overflow nor vanish.
	n, squares := float64(len(finite)), 0.0
	for _, v := range finite {
		mean += v / unit / n
	}
	for _, v := range finite {
		squares += (v/unit - mean) * (v/unit - mean) / n
	}
	deviation = math.Sqrt(squares)
	if deviation < 1e-14 { // equal, but for rounding
		deviation = 1
	}
	return mean * unit, math.Max(deviation*unit, math.SmallestNonzeroFloat64)
}
