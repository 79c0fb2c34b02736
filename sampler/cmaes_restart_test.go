package sampler

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// runCMAES runs n trials of f in the unit cube of d dimensions.
func runCMAES(t *testing.T, s *CMAES, seed uint64, d, n int, f func(x []float64) float64) trial.History {
	return runCMAESOn(t, s, seed, slices.Repeat([]space.Dist{space.Float{Low: 0, High: 1}}, d), n, f)
}

// runCMAESOn runs n trials of f on the given distributions.
func runCMAESOn(t *testing.T, s *CMAES, seed uint64, dists []space.Dist, n int, f func(x []float64) float64) trial.History {
	t.Helper()
	log := trial.NewLog([]trial.Direction{trial.Minimize})
	for number := range n {
		u := &trial.Trial{Number: number, State: trial.Complete, Seen: number}
		request := func(place byte) Request {
			return NewRequest(log.History(), &trial.Trial{Number: number},
				rand.New(rand.NewChaCha8([32]byte{byte(seed), byte(number), byte(number >> 8), place})))
		}
		joint, err := s.SampleJoint(request(0))
		if err != nil {
			t.Fatal(err)
		}
		x := make([]float64, len(dists))
		for i, dist := range dists {
			name := fmt.Sprintf("%03d", i)
			v, ok := joint[name]
			if !ok {
				if v, err = s.Sample(request(byte(1+i)), name, dist); err != nil {
					t.Fatal(err)
				}
			}
			x[i] = v
			u.Params = append(u.Params, trial.Param{Name: name, Value: v, Dist: dist})
		}
		u.Values = []float64{f(x)}
		log.Put(u)
	}
	return log.History()
}

func gap(h trial.History) float64 {
	best, _ := h.Best()
	return best.Values[0]
}

// dents has its minimum 0 at 0.87 and others in every fifth.
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
			if gap(runCMAES(t, &CMAES{Restart: how}, seed, 2, 8000, dents)) < 1e-6 {
				found[how]++
			}
		}
	}
	t.Logf("of 20 studies, without restarts %d find the minimum, with IPOP %d, with BIPOP %d", found[NoRestart], found[IPOP], found[BIPOP])
	for _, how := range []Restart{IPOP, BIPOP} {
		if found[how] < found[NoRestart]+6 {
			t.Errorf("restart %d finds the minimum in %d studies, without in %d: want at least 6 more", how, found[how], found[NoRestart])
		}
	}
}

// searchesOf returns the state of the fold at the beginning of each search, and
// how many trials each that has ended was told.
func searchesOf(s *CMAES, h trial.History) (begun []evolution, trials []int) {
	prefix := trial.NewLog(h.Directions())
	for _, u := range h.Finished() {
		prefix.Put(u)
		e := s.fold(prefix.History())
		if e.state == nil || len(begun) > 0 && e.restarts.count == begun[len(begun)-1].restarts.count {
			continue
		}
		if len(begun) > 0 {
			trials = append(trials, e.began-begun[len(begun)-1].began)
		}
		begun = append(begun, e)
	}
	return begun, trials
}

// The rule of the paper, said once more: after the first search the regime that
// has used fewer trials is next, the doubled population if both are level; a
// small search may use half of what the last large one used.
func TestSearchesFollowOneAnotherByTheRuleOfThePaper(t *testing.T) {
	const first = 6 // population in two dimensions
	cut, ended := 0, 0
	for seed := range uint64(4) {
		for _, how := range []Restart{IPOP, BIPOP} {
			s := &CMAES{Restart: how}
			begun, trials := searchesOf(s, runCMAES(t, s, seed, 2, 6000, dents))
			if len(trials) < 3 {
				t.Fatalf("restart %d: %d searches have ended in 6000 trials, want at least 3", how, len(trials))
			}
			population, large, small, lastLarge := first, 0, 0, 0
			for i, e := range begun {
				lambda, sigma := e.state.Lambda, e.state.Sigma
				isSmall := how == BIPOP && i > 0 && small < large
				switch {
				case i == 0 && (lambda != first || sigma != firstSigma):
					t.Errorf("restart %d: the first search has population %d and step size %v, want %d and %v", how, lambda, sigma, first, firstSigma)
				case isSmall && (lambda < first || lambda > population/2 || sigma > firstSigma || sigma < firstSigma/100):
					t.Errorf("restart %d, search %d: population %d and step size %v, want %d to %d and %v to %v",
						how, i, lambda, sigma, first, population/2, firstSigma/100, firstSigma)
				case i > 0 && !isSmall:
					if population *= 2; lambda != population || sigma != firstSigma {
						t.Errorf("restart %d, search %d: population %d and step size %v, want %d and %v", how, i, lambda, sigma, population, firstSigma)
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
		used := &CMAES{Restart: how}
		h := runCMAES(t, used, 3, 2, 1500, dents)
		for _, n := range []int{1500, 700, 1203, 1499, 30} {
			r := func() Request {
				return NewRequest(h.Before(n), &trial.Trial{Number: n}, rand.New(rand.NewPCG(uint64(n), 1)))
			}
			want, err := used.SampleJoint(r())
			if err != nil {
				t.Fatal(err)
			}
			if got, err := (&CMAES{Restart: how}).SampleJoint(r()); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("restart %d, after %d trials: a fresh sampler draws %v (%v), a used one %v", how, n, got, err, want)
			}
		}
	}
}

func TestNoRestartIsTheDefault(t *testing.T) {
	h := runCMAES(t, &CMAES{}, 1, 2, 800, func([]float64) float64 { return 1 })
	s := &CMAES{}
	if e := s.fold(h); e.restarts.count != 0 || e.state.Lambda != 6 {
		t.Errorf("%d restarts, population %d, want none and 6", e.restarts.count, e.state.Lambda)
	}
	s = &CMAES{Restart: IPOP}
	if e := s.fold(h); e.restarts.count == 0 {
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
		plain = append(plain, gap(runCMAES(t, &CMAES{}, seed, 20, 1500, ellipsoid)))
		separable = append(separable, gap(runCMAES(t, &CMAES{Separable: true}, seed, 20, 1500, ellipsoid)))
	}
	slices.Sort(plain)
	slices.Sort(separable)
	if separable[2] > plain[2]/5 {
		t.Errorf("median gap is %v with Separable, %v without: want less than a fifth", separable[2], plain[2])
	}
}

func TestAdaptRatesReachesTheSearch(t *testing.T) {
	h := runCMAES(t, &CMAES{AdaptRates: true}, 1, 2, 300, dents)
	e := (&CMAES{AdaptRates: true}).fold(h)
	if e.state.Rates == nil || e.state.Rates.Mean >= 1 || (&CMAES{}).fold(h).state.Rates != nil {
		t.Errorf("rates are %+v, want some below 1, and none by default", e.state.Rates)
	}
}

func TestCMAESRefusesVariants(t *testing.T) {
	h := trial.NewLog(make([]trial.Direction, 1)).History()
	for _, c := range []struct {
		s    *CMAES
		want string
	}{
		{&CMAES{Separable: true, AdaptRates: true}, "CMAES.Separable and CMAES.AdaptRates are both set"},
		{&CMAES{Restart: 3}, "CMAES.Restart is 3, want NoRestart (0), IPOP (1) or BIPOP (2)"},
	} {
		if _, err := c.s.SampleJoint(Request{History: h}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error is %v, want %q", err, c.want)
		}
	}
}
