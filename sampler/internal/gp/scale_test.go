package gp

import (
	"math"
	"testing"
)

func TestStandardValues(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		name         string
		values, want []float64
	}{
		{"two", []float64{1, 3}, []float64{-1, 1}},
		{"one", []float64{5}, []float64{0}},
		{"equal ones", []float64{0.1, 0.1, 0.1}, []float64{0, 0, 0}},
		{"zeros", []float64{0, 0}, []float64{0, 0}},
		{"infinite ones are like the ends", []float64{1, inf, 3, -inf}, []float64{-1, 1, 1, -1}},
		{"NaN is like the lowest", []float64{1, nan, 3}, []float64{-1, -1, 1}},
		{"nothing finite", []float64{inf, -inf, nan}, []float64{0, 0, 0}},
		{"huge ones", []float64{-1e308, 1e308}, []float64{-1, 1}},
		{"tiny ones", []float64{0, 1e-320}, []float64{-1, 1}},
	} {
		for i, y := range ScaleOf(c.values).Apply(c.values) {
			if !(math.Abs(y-c.want[i]) < 1e-3) {
				t.Errorf("%s: %v became %v, want %v", c.name, c.values[i], y, c.want[i])
			}
		}
	}
	s := Scale{Shift: 1, Unit: 1e-3} // a later value, far from those of the fit
	if y := s.Apply([]float64{1, 1e300, -1e300}); y[1] != farthest || y[2] != -farthest {
		t.Errorf("far values are %v, want within %v", y, farthest)
	}
}
