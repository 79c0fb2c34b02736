package evolution

import (
	"math"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// switches is the number of the five switches that are off, plus an ellipsoid of five
// floats. Without a margin the search settles on switches long before the floats have
// converged.
func switches(x []float64) float64 {
	sum := 0.0
	for i, u := range x {
		if i < 5 {
			sum += 1 - u
		} else {
			sum += math.Pow(1e3, float64(i-5)/4) * (u - 1) * (u - 1)
		}
	}
	return sum
}

func switchDists() []space.Dist {
	var dists []space.Dist
	for range 5 {
		dists = append(dists, space.Int{Low: 0, High: 1})
	}
	for range 5 {
		dists = append(dists, space.Float{Low: -5, High: 5})
	}
	return dists
}

func TestMarginKeepsSwitchesFromSettling(t *testing.T) {
	with, without := 0, 0
	for seed := range uint64(10) {
		if gap(runOn(t, &Strategy{Margin: true}, seed, switchDists(), 2000, switches)) < 1e-2 {
			with++
		}
		if gap(runOn(t, &Strategy{}, seed, switchDists(), 2000, switches)) < 1e-2 {
			without++
		}
	}
	t.Logf("of 10 studies, %d find the minimum with a margin, %d without", with, without)
	if with < 9 || without > 5 {
		t.Errorf("of 10 studies, %d find the minimum with a margin, want 9, and %d without, want few", with, without)
	}
}

func TestMarginChangesNothingWithoutGrids(t *testing.T) {
	a := run(t, &Strategy{}, 1, 3, 200, dents)
	b := run(t, &Strategy{Margin: true}, 1, 3, 200, dents)
	for i, u := range a.Finished() {
		if v := b.Finished()[i]; u.Values[0] != v.Values[0] {
			t.Fatalf("trial %d: %v without a margin, %v with", i, u.Values[0], v.Values[0])
		}
	}
}

func TestMarginedSearchesResumeIdentically(t *testing.T) {
	resumes(t, func() *Strategy { return &Strategy{Margin: true, Restart: BIPOP} }, func(s *Strategy) trial.History {
		return runOn(t, s, 3, switchDists(), 600, switches)
	}, 600, 30, 301, 599)
}
