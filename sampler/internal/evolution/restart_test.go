package evolution

import (
	"math"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/trial"
)

// dents has its minimum 0 at 0.87, and a local minimum in every fifth.
func dents(x []float64) float64 {
	sum := 0.0
	for _, u := range x {
		z := 5 * (u - 0.87)
		sum += z*z + 10 - 10*math.Cos(2*math.Pi*z)
	}
	return sum
}

func TestRestartsFindWhatOneSearchMisses(t *testing.T) {
	found := map[Restart]int{}
	for seed := range uint64(20) {
		for _, how := range []Restart{NoRestart, IPOP, BIPOP} {
			if gap(run(t, &Strategy{Restart: how}, seed, 2, 8000, dents)) < 1e-6 {
				found[how]++
			}
		}
	}
	t.Logf("of 20 studies, without restarts %d find the minimum, with IPOP %d, with BIPOP %d",
		found[NoRestart], found[IPOP], found[BIPOP])
	for _, how := range []Restart{IPOP, BIPOP} {
		if found[how] < found[NoRestart]+6 {
			t.Errorf("restart %d finds the minimum in %d studies, without in %d: want at least 6 more",
				how, found[how], found[NoRestart])
		}
	}
}

// searchesOf returns the start of each search, and the trials of each that has ended.
func searchesOf(s *Strategy, h trial.History) (starts []search, trials []int) {
	prefix := trial.NewLog(h.Directions())
	for _, u := range h.Finished() {
		prefix.Put(u)
		e := s.fold(prefix.History(), nil)
		if e.state == nil || len(starts) > 0 && e.restarts.count == starts[len(starts)-1].restarts.count {
			continue
		}
		if len(starts) > 0 {
			trials = append(trials, e.began-starts[len(starts)-1].began)
		}
		starts = append(starts, e)
	}
	return starts, trials
}

// The rule of the paper, written a second way: after the first search, the regime that has
// used fewer trials is next, the doubled population if both are equal; a small search may
// use half the trials of the last large one.
func TestSearchesFollowOneAnotherByTheRuleOfThePaper(t *testing.T) {
	const first = 6 // population in two dimensions
	cut, ended := 0, 0
	for seed := range uint64(4) {
		for _, how := range []Restart{IPOP, BIPOP} {
			s := &Strategy{Restart: how}
			starts, trials := searchesOf(s, run(t, s, seed, 2, 6000, dents))
			if len(trials) < 3 {
				t.Fatalf("restart %d: %d searches have ended in 6000 trials, want at least 3", how, len(trials))
			}
			population, large, small, lastLarge := first, 0, 0, 0
			for i, e := range starts {
				lambda, sigma := e.state.Lambda, e.state.Sigma
				isSmall := how == BIPOP && i > 0 && small < large
				switch {
				case i == 0 && (lambda != first || sigma != firstSigma):
					t.Errorf("restart %d: the first search has population %d and step size %v, want %d and %v",
						how, lambda, sigma, first, firstSigma)
				case isSmall && (lambda < first || lambda > population/2 || sigma > firstSigma || sigma < firstSigma/100):
					t.Errorf("restart %d, search %d: population %d and step size %v, want %d to %d and %v to %v",
						how, i, lambda, sigma, first, population/2, firstSigma/100, firstSigma)
				case i > 0 && !isSmall:
					if population *= 2; lambda != population || sigma != firstSigma {
						t.Errorf("restart %d, search %d: population %d and step size %v, want %d and %v",
							how, i, lambda, sigma, population, firstSigma)
					}
				}
				if i == len(trials) { // still under way
					break
				}
				switch {
				case isSmall:
					small += trials[i]
					if trials[i] >= lastLarge/2+lambda {
						t.Errorf("search %d has used %d trials, want at most half of %d, and a generation", i, trials[i], lastLarge)
					}
					if trials[i] >= lastLarge/2 {
						cut++
					} else {
						ended++
					}
				case i > 0:
					large, lastLarge = large+trials[i], trials[i]
				}
			}
		}
	}
	t.Logf("%d small searches were cut, %d ended by themselves", cut, ended)
	if cut == 0 || ended == 0 {
		t.Errorf("%d small searches were cut and %d ended by themselves, want both to happen", cut, ended)
	}
}

func TestRestartedSearchesResumeIdentically(t *testing.T) {
	for _, how := range []Restart{IPOP, BIPOP} {
		resumes(t, func() *Strategy { return &Strategy{Restart: how} }, func(s *Strategy) trial.History { return run(t, s, 3, 2, 1500, dents) },
			1500, 700, 1203, 1499, 30)
	}
}

func TestNoRestartIsTheDefault(t *testing.T) {
	h := run(t, &Strategy{}, 1, 2, 800, func([]float64) float64 { return 1 })
	s := &Strategy{}
	if e := s.fold(h, nil); e.restarts.count != 0 || e.state.Lambda != 6 {
		t.Errorf("%d restarts, population %d, want none and 6", e.restarts.count, e.state.Lambda)
	}
	s = &Strategy{Restart: IPOP}
	if e := s.fold(h, nil); e.restarts.count == 0 {
		t.Error("equal values do not restart the search")
	}
}

func TestSeparableNeedsFewerTrialsInManyDimensions(t *testing.T) {
	ellipsoid := func(x []float64) float64 {
		sum := 0.0
		for i, u := range x {
			sum += math.Pow(1e4, float64(i)/float64(len(x)-1)) * (u - 0.4) * (u - 0.4)
		}
		return sum
	}
	var plain, separable []float64
	for seed := range uint64(5) {
		plain = append(plain, gap(run(t, &Strategy{}, seed, 20, 1500, ellipsoid)))
		separable = append(separable, gap(run(t, &Strategy{Separable: true}, seed, 20, 1500, ellipsoid)))
	}
	slices.Sort(plain)
	slices.Sort(separable)
	if separable[2] > plain[2]/5 {
		t.Errorf("median gap is %v with Separable, %v without: want less than a fifth", separable[2], plain[2])
	}
}

func TestAdaptRatesReachesTheSearch(t *testing.T) {
	h := run(t, &Strategy{AdaptRates: true}, 1, 2, 300, dents)
	e := (&Strategy{AdaptRates: true}).fold(h, nil)
	if e.state.Rates == nil || e.state.Rates.Mean >= 1 || (&Strategy{}).fold(h, nil).state.Rates != nil {
		t.Errorf("rates are %+v, want some below 1, and none by default", e.state.Rates)
	}
}
