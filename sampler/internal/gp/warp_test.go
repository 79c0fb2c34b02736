package gp

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
			got := Warp(goalsOf(c.values...))
			if !slices.EqualFunc(c.values, before, sameFloat) {
				t.Fatal("Warp has changed what it was given")
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

func sameFloat(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

func TestWarpIsTheQuantileOfTheRank(t *testing.T) {
	// The median is 3; the better half, 3, 4 and 7, deviates by √(17/3) from it.
	got := Warp(goalsOf(7, -100, 3, 2, 4))
	normal := distuv.Normal{Mu: 3, Sigma: math.Sqrt(17.0 / 3)}
	want := []float64{7, normal.Quantile(0.1), 3, normal.Quantile(0.3), 4}
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-12 {
			t.Errorf("value %d became %v, want %v", i, got[i], want[i])
		}
	}
	// Equal ones share the quantile in the middle of theirs.
	got = Warp(goalsOf(0, 0, 0, 8, 9, 10, 11))
	normal = distuv.Normal{Mu: 8, Sigma: math.Sqrt((1 + 4 + 9) / 4.0)}
	if math.Abs(got[1]-normal.Quantile(1.5/7)) > 1e-12 {
		t.Errorf("equal ones became %v, want %v", got[1], normal.Quantile(1.5/7))
	}
}

// A normal sample stays about normal, so the warp does no harm.
func TestWarpLeavesANormalSampleAsItIs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	values := make([]float64, 2000)
	for i := range values {
		values[i] = 5 + 2*r.NormFloat64()
	}
	for i, w := range Warp(goalsOf(values...)) {
		if v := values[i]; math.Abs(v-w) > 0.3 && math.Abs(v-5) < 4 {
			t.Errorf("%v became %v", v, w)
		}
	}
}

func goalsOf(values ...float64) []Goal {
	goals := make([]Goal, len(values))
	for i, v := range values {
		goals[i].Value = v
	}
	return goals
}

func TestWarpPutsWhatHasNoValueBelowAllThatHas(t *testing.T) {
	for _, c := range []struct {
		name   string
		values []float64
	}{
		{"no values", nil},
		{"one value", []float64{5}},
		{"equal values", []float64{5, 5, 5}},
		{"values", []float64{5, 1, 9, 7, 3}},
		{"infinite values", []float64{math.Inf(1), math.Inf(-1), 0}},
	} {
		goals := append(goalsOf(c.values...), Goal{Below: 1}, Goal{Below: 9}, Goal{Below: 2}, Goal{Below: 9})
		got := Warp(goals)
		n := len(c.values)
		poor := got[n:]
		if !(poor[0] > poor[2] && poor[2] > poor[1] && poor[1] == poor[3]) {
			t.Errorf("%s: what has no value became %v, want it in its order", c.name, poor)
		}
		for i, v := range c.values {
			if !(got[i] > poor[0]) && !math.IsInf(v, -1) {
				t.Errorf("%s: %v became %v, not above %v", c.name, v, got[i], poor[0])
			}
		}
		if without := Warp(goalsOf(c.values...)); n == 5 && !slices.Equal(without[:1], got[:1]) {
			t.Errorf("%s: a good value became %v beside poor ones, %v without", c.name, got[0], without[0])
		}
	}
}
