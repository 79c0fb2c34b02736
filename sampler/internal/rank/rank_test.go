package rank

import (
	"math"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/trial"
)

func TestCompareHasTheBetterFirstAndNaNLast(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for d, want := range map[trial.Direction][]float64{
		trial.Minimize: {-inf, -1, 0, 2, inf, nan},
		trial.Maximize: {inf, 2, 0, -1, -inf, nan},
	} {
		got := slices.SortedFunc(slices.Values([]float64{0, nan, 2, -inf, inf, -1}), func(x, y float64) int { return Compare(x, y, d) })
		for i, x := range got {
			if x != want[i] && !(math.IsNaN(x) && math.IsNaN(want[i])) {
				t.Errorf("%v: sorted are %v, want %v", d, got, want)
				break
			}
		}
		if !(Loss(got[0], d) < Loss(got[1], d)) || Loss(nan, d) != inf {
			t.Errorf("%v: losses are %v, %v and %v for NaN", d, Loss(got[0], d), Loss(got[1], d), Loss(nan, d))
		}
	}
}

func TestTrialsAreOrderedByViolationThenByValue(t *testing.T) {
	at := func(violation, value float64) *trial.Trial {
		return &trial.Trial{Constraints: map[string]float64{"c": violation}, Values: []float64{value}}
	}
	best := []*trial.Trial{at(-3, 1), at(0, 2), at(1, -9), at(1, 0), at(math.Inf(1), -9), at(math.NaN(), -9)}
	shuffled := []*trial.Trial{best[4], best[1], best[5], best[0], best[3], best[2]}
	slices.SortStableFunc(shuffled, ByValue(trial.Minimize))
	if !slices.Equal(shuffled, best) {
		t.Errorf("the order is wrong: %v", shuffled)
	}
}

func TestPrunedTrialsAreOrderedByStepThenByReport(t *testing.T) {
	at := func(reports ...trial.Report) *trial.Trial { return &trial.Trial{Reports: reports} }
	best := []*trial.Trial{
		at(trial.Report{Step: 5, Value: 9}),
		at(trial.Report{Step: 4, Value: 1}), at(trial.Report{Step: 4, Value: 2}), at(trial.Report{Step: 4, Value: math.NaN()}),
		at(),
	}
	shuffled := []*trial.Trial{best[4], best[2], best[0], best[3], best[1]}
	slices.SortStableFunc(shuffled, ByProgress(trial.Minimize))
	if !slices.Equal(shuffled, best) {
		t.Errorf("the order is wrong: %v", shuffled)
	}
	if ByProgress(trial.Maximize)(best[1], best[2]) <= 0 {
		t.Error("to maximize, the larger report ranks first")
	}
}
