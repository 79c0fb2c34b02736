package sampler_test

import (
	"context"
	"math"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// valley has its best value, 3, at x = 0.3, y = -1; its unit is arbitrary, so bounds must have it, too.
func valley(t *study.Trial) (float64, error) {
	x, y := t.Float("x", 0, 1), t.Float("y", -3, 3)
	return 3 + 50*((x-0.3)*(x-0.3)+(y+1)*(y+1)/9), nil
}

func TestRegretIsAnUpperBoundThatFalls(t *testing.T) {
	for _, sign := range []float64{1, -1} {
		d := []trial.Direction{trial.Minimize}
		if sign < 0 {
			d[0] = trial.Maximize
		}
		s, err := study.Open(t.Context(), study.Config{Directions: d, Sampler: &sampler.GP{}})
		if err != nil {
			t.Fatal(err)
		}
		bounds := map[int]float64{}
		for _, n := range []int{19, 20, 45} {
			err := s.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
				v, err := valley(tr)
				return sign * v, err
			}, study.Budget{Trials: n})
			if err != nil {
				t.Fatal(err)
			}
			h, err := s.History(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			bound, ok := sampler.Regret(h)
			if ok != (n >= 20) {
				t.Errorf("%d trials: ok is %v", n, ok)
			}
			best, _ := h.Best()
			if regret := sign*best.Values[0] - 3; ok && bound < regret {
				t.Errorf("%d trials: the bound is %v, and the regret %v", n, bound, regret)
			}
			bounds[n] = bound
			if again, _ := sampler.Regret(h); again != bound {
				t.Errorf("%v and then %v", bound, again)
			}
		}
		if !(bounds[45] < bounds[20]/2) {
			t.Errorf("the bounds are %v", bounds)
		}
	}
}

func TestRegretKnowsNothing(t *testing.T) {
	for name, states := range map[string]trial.State{"failed": trial.Failed, "pruned": trial.Pruned} {
		log := trial.NewLog([]trial.Direction{trial.Minimize})
		for n := range 30 {
			log.Put(&trial.Trial{Number: n, State: states})
		}
		if bound, ok := sampler.Regret(log.History()); ok {
			t.Errorf("%s: got %v", name, bound)
		}
	}
	two := trial.NewLog([]trial.Direction{trial.Minimize, trial.Minimize})
	if bound, ok := sampler.Regret(two.History()); ok {
		t.Errorf("two objectives: got %v", bound)
	}
}

// A search ends when its noise is larger than what it can still gain, and not before.
func TestABudgetEndsInTheNoise(t *testing.T) {
	search := func(b study.Budget) []*trial.Trial {
		s, err := study.Open(t.Context(), study.Config{Sampler: &sampler.GP{}})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Optimize(context.Background(), valley, b); err != nil {
			t.Fatal(err)
		}
		all, _ := s.Trials(t.Context())
		return all
	}
	trials := func(noise float64) int {
		return len(search(study.Budget{Trials: 60, Noise: func(*trial.Trial) float64 { return noise }}))
	}
	if n := trials(1e6); n != 20 {
		t.Errorf("much noise: %d trials, want 20", n)
	}
	// Between the bounds after 20 and after 40 trials of the same search.
	log := trial.NewLog([]trial.Direction{trial.Minimize})
	for _, tr := range search(study.Budget{Trials: 60}) {
		log.Put(tr)
	}
	early, _ := sampler.Regret(log.History().Before(20))
	late, _ := sampler.Regret(log.History().Before(40))
	if n := trials(math.Sqrt(early * late)); n <= 20 || n > 40 {
		t.Errorf("some noise, between %v and %v: %d trials, want from 21 to 40", late, early, n)
	}
	for _, none := range []float64{0, math.NaN()} {
		if n := trials(none); n != 60 {
			t.Errorf("noise %v: %d trials, want 60", none, n)
		}
	}
}
