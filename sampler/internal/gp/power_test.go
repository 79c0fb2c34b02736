package gp

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestTransformStraightensSkewedValues(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	values := make([]float64, 200)
	for i := range values {
		values[i] = -math.Exp(2 * r.NormFloat64())
	}
	skewness := func(y []float64) float64 { // of standardized values
		sum := 0.0
		for _, v := range y {
			sum += v * v * v / float64(len(y))
		}
		return math.Abs(sum)
	}
	transform := TransformOf(values)
	bent, plain := transform.Apply(values), ScaleOf(values).Apply(values)
	if s, before := skewness(bent), skewness(plain); s > before/5 {
		t.Errorf("skewness is %v, %v before", s, before)
	}
	for i, v := range values {
		if back := transform.Invert(bent[i]); math.Abs(back-v) > 1e-9*math.Max(1, math.Abs(v)) {
			t.Errorf("%v becomes %v and then %v", v, bent[i], back)
		}
		if (v < values[0]) != (bent[i] < bent[0]) {
			t.Errorf("%v and %v become %v and %v", v, values[0], bent[i], bent[0])
		}
	}
}

func TestTransformLeavesOtherValuesAlone(t *testing.T) {
	for _, values := range [][]float64{{3, 3, 3}, {7}, {1, 2}, {-1, 0, 1}} {
		transform := TransformOf(values)
		want := ScaleOf(values).Apply(values)
		for i, y := range transform.Apply(values) {
			if math.Abs(y-want[i]) > 1e-12 {
				t.Errorf("of %v: %v, want %v", values, y, want[i])
			}
		}
	}
	hard := []float64{math.Inf(-1), -1e300, math.NaN(), 1e300, math.Inf(1)}
	transform := TransformOf(hard)
	for _, y := range transform.Apply(hard) {
		if !isFinite(y) || !isFinite(transform.Invert(y)) || !isFinite(transform.Invert(100*y)) {
			t.Errorf("%v becomes %v, back %v and, from 100 times that, %v", hard, y, transform.Invert(y), transform.Invert(100*y))
		}
	}
}
