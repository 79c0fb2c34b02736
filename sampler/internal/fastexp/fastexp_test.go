package fastexp

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestNegIsExp(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 200_000 {
		x, limit := -707*r.Float64(), 1e-15
		if r.IntN(2) == 0 {
			x, limit = -x*0.98, 1e-14
		}
		if e := math.Abs(Neg(x)/math.Exp(x) - 1); e > limit {
			t.Fatalf("of %v: relative error is %v, want at most %v", x, e, limit)
		}
	}
	for x, want := range map[float64]float64{0: 1, -800: 0, math.Inf(-1): 0, math.NaN(): 0, -1e-300: 1} {
		if got := Neg(x); got != want {
			t.Errorf("of %v: %v, want %v", x, got, want)
		}
	}
}
