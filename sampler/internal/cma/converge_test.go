package cma

import (
	"slices"
	"testing"
)

// The three functions and the dimension for which the reference runs of pycma
// needed about 1,400, 5,200 and 4,000 evaluations to 1e-8.
var functions = []struct {
	name string
	f    func(x []float64) float64
	want int // evaluations of the reference
}{
	{"sphere", func(x []float64) float64 {
		sum := 0.0
		for _, v := range x {
			sum += v * v
		}
		return sum
	}, 1400},
	{"Rosenbrock", func(x []float64) float64 {
		sum := 0.0
		for i := range len(x) - 1 {
			sum += 100*square(x[i+1]-x[i]*x[i]) + square(1-x[i])
		}
		return sum
	}, 5200},
	{"ellipsoid", func(x []float64) float64 {
		sum, weight := 0.0, 1.0
		for _, v := range x {
			sum += weight * v * v
			weight *= 4.641588833612779 // condition 10^6 in 10 dimensions
		}
		return sum
	}, 4000},
}

func TestSearchNeedsNoMoreEvaluationsThanPycma(t *testing.T) {
	for _, c := range functions {
		var counts []int
		for seed := range uint64(11) {
			counts = append(counts, evaluations(c.f, seed, 20_000))
		}
		slices.Sort(counts)
		t.Logf("%s: %v evaluations to 1e-8, pycma about %d", c.name, counts, c.want)
		// The reference has two digits and other starting points.
		if median := counts[5]; median > c.want*13/10 || median < c.want/3 {
			t.Errorf("%s: median of %d evaluations, want about %d", c.name, median, c.want)
		}
	}
}

// evaluations returns how many it takes to a value below 1e-8, from 0.5 with σ 0.5.
func evaluations(f func([]float64) float64, seed uint64, limit int) int {
	r := newRand(seed)
	s := New(NewConstants(10, DefaultLambda(10)), fill(10, 0.5), 0.5, nil)
	for n := 0; n < limit; n += s.Lambda {
		points := generation(s, r)
		var values []float64
		for _, x := range points {
			values = append(values, f(x))
		}
		if slices.Min(values) < 1e-8 {
			return n + s.Lambda
		}
		s = s.Tell(points, values)
	}
	return limit
}
