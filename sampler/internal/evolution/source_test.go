package evolution

import (
	"math"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// corner is a narrow bowl around (0.93, 0.06, 0.9).
func corner(x []float64) float64 {
	sum := 0.0
	for i, c := range []float64{0.93, 0.06, 0.9} {
		sum += 100 * (x[i] - c) * (x[i] - c)
	}
	return sum
}

// reversed is the same study with all values negated and to be maximized.
func reversed(h trial.History) trial.History {
	log := trial.NewLog([]trial.Direction{trial.Maximize})
	for _, t := range h.Finished() {
		u := *t
		u.Values = []float64{-t.Values[0]}
		log.Put(&u)
	}
	return log.History()
}

func TestASourceSavesTrials(t *testing.T) {
	source := run(t, &Strategy{}, 99, 3, 200, corner)
	var with, without, other []float64
	for seed := range uint64(9) {
		with = append(with, gap(run(t, &Strategy{Source: source}, seed, 3, 40, corner)))
		other = append(other, gap(run(t, &Strategy{Source: reversed(source)}, seed, 3, 40, corner)))
		without = append(without, gap(run(t, &Strategy{}, seed, 3, 40, corner)))
	}
	if !slices.Equal(with, other) {
		t.Errorf("a source to maximize the negative gives %v, want %v", other, with)
	}
	slices.Sort(with)
	slices.Sort(without)
	if with[4] > without[4]/3 {
		t.Errorf("median gap after 40 trials is %v with a source, %v without: want less than a third", with[4], without[4])
	}
}

func TestASearchStartsAroundTheBestTenthOfTheSource(t *testing.T) {
	log := trial.NewLog([]trial.Direction{trial.Minimize})
	put := func(s trial.State, x, value, violation float64) {
		u := &trial.Trial{Number: len(log.Trials()), State: s, Constraints: map[string]float64{"c": violation}}
		u.Params = []trial.Param{{Name: "x", Value: x, Dist: space.Float{Low: -100, High: 100}}}
		if s == trial.Complete {
			u.Values = []float64{value}
		}
		log.Put(u)
	}
	sp := space.Must(space.New(space.Dimension{Name: "x", Dist: space.Float{Low: 0, High: 10}}))
	put(trial.Complete, 50, -9, 0) // outside of the space
	put(trial.Complete, 1, -9, 1)  // infeasible
	put(trial.Complete, 1, math.NaN(), 0)
	put(trial.Failed, 1, 0, 0)
	for i := range 9 {
		put(trial.Complete, 2+float64(i)/2, float64(i), 0)
	}
	if mean, sigma, cov := (&Strategy{Source: log.History()}).origin(sp, nil); mean[0] != 0.5 || sigma != firstSigma || cov != nil {
		t.Errorf("with nine trials that count the search starts at %v, %v, want in the centre", mean, sigma)
	}
	put(trial.Complete, 7, -1, 0)
	if mean, sigma, _ := (&Strategy{Source: log.History()}).origin(sp, nil); math.Abs(mean[0]-0.7) > 1e-12 || math.Abs(sigma-0.1) > 1e-12 {
		t.Errorf("the search starts at %v, %v, want around the best trial, 0.7, with deviation 0.1", mean, sigma)
	}
}

func TestASearchStartsWithTheGivenStep(t *testing.T) {
	sp := space.Must(space.New(space.Dimension{Name: "x", Dist: space.Float{Low: 0, High: 10}}))
	s := &Strategy{Sigma: 0.05}
	if _, sigma, _ := s.origin(sp, nil); sigma != 0.05 {
		t.Errorf("the search starts with the step %v, want 0.05", sigma)
	}
	if _, sigma := (restarts{multiplier: 2, shrink: 0.1}).population(4, s.sigma()); math.Abs(sigma-0.005) > 1e-15 {
		t.Errorf("a small search starts with the step %v, want a tenth of 0.05", sigma)
	}
	spread := func(sigma float64) (most float64) {
		h := run(t, &Strategy{Sigma: sigma}, 1, 3, 8, func([]float64) float64 { return 0 })
		for _, u := range h.Finished()[1:] {
			for _, p := range u.Params {
				most = max(most, math.Abs(p.Dist.Unit(p.Value)-0.5))
			}
		}
		return most
	}
	if narrow, wide := spread(0.01), spread(0); narrow > 0.05 || wide < 0.1 {
		t.Errorf("the first generation is within %v of the centre with a step of 0.01, and %v by default", narrow, wide)
	}
}
