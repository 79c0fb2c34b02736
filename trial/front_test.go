package trial_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/trial"
)

// The front of random trials, with ties, NaN and infinite values, is what the definition says.
func TestParetoFrontIsWhatNoTrialDominates(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 3))
		n := 1 + int(seed%4)
		var ds []trial.Direction
		for range n {
			ds = append(ds, trial.Direction(r.IntN(2)))
		}
		log := trial.NewLog(ds)
		for number := range r.IntN(40) {
			u := &trial.Trial{Number: number, State: trial.State(1 + r.IntN(3)%2)} // complete or pruned
			for range ds {
				u.Values = append(u.Values, []float64{float64(r.IntN(6)), math.NaN(), math.Inf(1), math.Inf(-1)}[max(0, r.IntN(20)-16)])
			}
			if r.IntN(8) == 0 {
				u.Constraints = map[string]float64{"c": 1}
			}
			log.Put(u)
		}
		h := log.History()
		able := func(u *trial.Trial) bool { return u.State == trial.Complete && u.Violation() == 0 }
		var want []int
		for _, u := range h.Finished() {
			if able(u) && !slices.ContainsFunc(h.Finished(), func(v *trial.Trial) bool {
				better := false
				for i, d := range ds {
					if d.Better(u.Values[i], v.Values[i]) {
						return false
					}
					better = better || d.Better(v.Values[i], u.Values[i])
				}
				return able(v) && better
			}) {
				want = append(want, u.Number)
			}
		}
		slices.Sort(want)
		if got := numbers(h.ParetoFront()); !slices.Equal(got, want) {
			t.Fatalf("seed %d: front is %v, want %v", seed, got, want)
		}
	}
}
