package gp

import "math"

// A Scale standardizes values: the process models (value - Shift)/Unit.
type Scale struct{ Shift, Unit float64 }

// farthest is the largest standardized value, so that squares do not overflow.
const farthest = 1e6

// ScaleOf returns the scale on which the finite values have mean 0 and deviation 1.
// Unit is positive even if they are all equal.
func ScaleOf(values []float64) Scale {
	var finite []float64
	unit := 0.0
	for _, v := range values {
		if isFinite(v) {
			finite = append(finite, v)
			unit = math.Max(unit, math.Abs(v))
		}
	}
	if unit == 0 { // no value, or all of them 0
		return Scale{0, 1}
	}
	// In units in which squares neither overflow nor vanish.
	n, mean, squares := float64(len(finite)), 0.0, 0.0
	for _, v := range finite {
		mean += v / unit / n
	}
	for _, v := range finite {
		squares += (v/unit - mean) * (v/unit - mean) / n
	}
	deviation := math.Sqrt(squares)
	if deviation < 1e-14 { // equal, but for rounding
		deviation = 1
	}
	return Scale{mean * unit, math.Max(deviation*unit, math.SmallestNonzeroFloat64)}
}

// Apply returns the standardized values: infinite ones become the largest or the
// smallest finite one, NaN the smallest.
func (s Scale) Apply(values []float64) []float64 {
	y := make([]float64, len(values))
	low, high := math.Inf(1), math.Inf(-1)
	for i, v := range values {
		y[i] = min(max(v/s.Unit-s.Shift/s.Unit, -farthest), farthest)
		if isFinite(v) {
			low, high = min(low, y[i]), max(high, y[i])
		}
	}
	if low > high {
		low, high = 0, 0
	}
	for i, v := range values {
		switch {
		case math.IsNaN(v):
			y[i] = low
		case math.IsInf(v, 0):
			y[i] = min(max(v, low), high)
		}
	}
	return y
}

func isFinite(v float64) bool { return !math.IsInf(v, 0) && !math.IsNaN(v) }
