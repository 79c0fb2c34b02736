package curve

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// simulate draws n curves of m steps, most of them cut short.
func simulate(n, m, dim int, seed uint64) []Curve {
	r := rand.New(rand.NewPCG(seed, 0))
	steps := make([]float64, m)
	for i := range steps {
		steps[i] = math.Log(float64(i+2)) / math.Log(float64(m+1))
	}
	curves := make([]Curve, n)
	for i := range curves {
		x := make([]float64, dim)
		for j := range x {
			x[j] = r.Float64()
		}
		seen := 1 + r.IntN(3)
		if r.IntN(4) == 0 {
			seen = 1 + r.IntN(m)
		}
		if r.IntN(10) == 0 {
			seen = m
		}
		offset := 0.1 * r.NormFloat64()
		var values []float64
		for _, s := range steps[:seen] {
			values = append(values, offset+math.Sin(4*x[0])+x[1]-1+(1+x[2])*(0.5-s)+0.02*r.NormFloat64())
		}
		curves[i] = Curve{x, steps[:seen], values}
	}
	return curves
}

func TestGradientIsThatOfTheObjective(t *testing.T) {
	curves := simulate(20, 12, 3, 1)
	dim := 3
	theta := make([]float64, dim+len(priors))
	for i := range theta {
		theta[i] = math.Log(priorOf(i, dim).median) + 0.3
	}
	grad, dump := make([]float64, len(theta)), make([]float64, len(theta))
	f := objective(curves, theta, grad)
	for i := range theta {
		const h = 1e-4
		moved := append([]float64{}, theta...)
		moved[i] += h
		up := objective(curves, moved, dump)
		if d := (up - f) / h; math.Abs(d-grad[i]) > 0.02*math.Max(1, math.Abs(d)) {
			t.Errorf("derivative %d is %v, the difference is %v", i, grad[i], d)
		}
	}
}

func BenchmarkModel(b *testing.B) {
	for _, n := range []int{50, 100, 200} {
		curves := simulate(n, 20, 8, 1)
		k := Fit(curves[:32], 10)
		observed := 0
		for _, c := range curves {
			observed += len(c.Values)
		}
		b.Run(fmt.Sprintf("condition/curves=%d/observed=%d", n, observed), func(b *testing.B) {
			for b.Loop() {
				m, _ := Condition(k, curves)
				b.ReportMetric(float64(m.size()), "rows")
			}
		})
		b.Run(fmt.Sprintf("fit/curves=32/of=%d", n), func(b *testing.B) {
			for b.Loop() {
				Fit(curves[:32], 10)
			}
		})
	}
}
