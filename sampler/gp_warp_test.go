package sampler

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

func TestWarpPullsInTheWorseHalf(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, c := range []struct {
		name   string
		values []float64
		same   bool
	}{
		{"one", []float64{3}, true},
		{"all equal", []float64{2, 2, 2, 2}, true},
		{"most are the best", []float64{1, 2, 2, 2}, true},
		{"most are infinitely bad", []float64{1, -inf, -inf, -inf}, true},
		{"most are NaN", []float64{1, nan, nan, nan}, true},
		{"an outlier", []float64{-1e9, 1, 2, 3, 4}, false},
		{"outliers without end", []float64{nan, -inf, 1, 2, 3, 4, 5}, false},
		{"equal ones below", []float64{-5, -5, -5, 1, 2, 3, 4, 9}, false},
		{"huge", []float64{-1e308, -1e307, 0, 1e307, 1e308}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := slices.Clone(c.values)
			got := warp(c.values)
			if !slices.EqualFunc(c.values, before, sameFloat) {
				t.Fatal("warp has changed what it was given")
			}
			if c.same != slices.EqualFunc(got, before, sameFloat) {
				t.Fatalf("%v became %v; stay as they are: %v", before, got, c.same)
			}
			for i, v := range before {
				for j, w := range before {
					if (v < w) != (got[i] < got[j]) && !math.IsNaN(v) && !math.IsNaN(w) {
						t.Errorf("%v and %v became %v and %v: the order has changed", v, w, got[i], got[j])
					}
				}
			}
		})
	}
}

func sameFloat(a, b float64) bool { return a == b || a != a && b != b }

func TestWarpIsTheQuantileOfTheRank(t *testing.T) {
	// The median is 3; the better half, 3, 4 and 7, deviates by √(17/3) from it.
	got := warp([]float64{7, -100, 3, 2, 4})
	normal := distuv.Normal{Mu: 3, Sigma: math.Sqrt(17.0 / 3)}
	want := []float64{7, normal.Quantile(0.1), 3, normal.Quantile(0.3), 4}
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-12 {
			t.Errorf("value %d became %v, want %v", i, got[i], want[i])
		}
	}
	// Equal ones share the quantile in the middle of theirs.
	got = warp([]float64{0, 0, 0, 8, 9, 10, 11})
	normal = distuv.Normal{Mu: 8, Sigma: math.Sqrt((1 + 4 + 9) / 4.0)}
	if math.Abs(got[1]-normal.Quantile(1.5/7)) > 1e-12 {
		t.Errorf("equal ones became %v, want %v", got[1], normal.Quantile(1.5/7))
	}
}

// What is normal stays about normal, so that the warp costs nothing.
func TestWarpLeavesANormalSampleAsItIs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	values := make([]float64, 2000)
	for i := range values {
		values[i] = 5 + 2*r.NormFloat64()
	}
	for i, w := range warp(values) {
		if v := values[i]; math.Abs(v-w) > 0.3 && math.Abs(v-5) < 4 {
			t.Errorf("%v became %v", v, w)
		}
	}
}
