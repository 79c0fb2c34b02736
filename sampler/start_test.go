package sampler

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// first returns what Auto draws of a parameter in trial n, of which the first others have
// finished. k parameters were drawn before.
func first(t *testing.T, st *autoStudy, n, k int, d space.Dist, beliefs space.Space) float64 {
	t.Helper()
	u := &trial.Trial{Number: n, Params: make([]trial.Param, k)}
	r := NewRequest(st.log.History(), u, rand.New(rand.NewPCG(9, uint64(n*100+k))))
	r.Beliefs = beliefs
	v, err := (&Auto{}).Sample(r, "x", d)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestAutoStartsAtTheCentre(t *testing.T) {
	st := newAutoStudy(1, trial.Minimize)
	for _, c := range []struct {
		dist space.Dist
		want float64
	}{
		{space.Float{Low: -1, High: 3}, 1},
		{space.Float{Low: 1e-4, High: 1e-2, Log: true}, 1e-3},
		{space.Int{Low: 0, High: 100}, 50},
	} {
		for k := range 3 {
			if got := first(t, st, 0, k, c.dist, nil); math.Abs(got-c.want) > 1e-9*c.want {
				t.Errorf("parameter %d of %v starts at %v, want %v", k, c.dist, got, c.want)
			}
		}
	}
}

// In each half of each parameter are as many points as in the other, whatever the seed, and none
// near the ends.
func TestAutoSpreadsItsFirstTrials(t *testing.T) {
	st := newAutoStudy(1, trial.Minimize)
	for k := range 6 {
		low := 0
		for n := 1; n < 7; n++ { // with the centre and a corner, 8 points of the sequence
			u := first(t, st, n, k, interval, nil)
			if u < 0.1 || u > 0.9 {
				t.Errorf("trial %d, parameter %d: %v is too near the end", n, k, u)
			}
			if u < 0.5 {
				low++
			}
		}
		if low != 3 {
			t.Errorf("parameter %d: %d of 6 points are in the lower half", k, low)
		}
	}
}

func TestAutoLeavesOtherStartsAlone(t *testing.T) {
	some := func(n int) *autoStudy { return newAutoStudy(1, trial.Minimize).add(n, repeated(1, interval), nil) }
	believed := space.Space{{Name: "x", Dist: interval, Belief: &space.Belief{Center: 0.1, Spread: 0.1}}}
	for _, c := range []struct {
		name    string
		study   *autoStudy
		dist    space.Dist
		beliefs space.Space
		spread  bool
	}{
		{"nine trials", some(9), interval, nil, true},
		{"ten trials", some(10), interval, nil, false},
		{"sixteen values", some(0), levels16, nil, true},
		{"fifteen values", some(0), levels15, nil, false},
		{"choices", some(0), space.Choose("a", "b").Dist(), nil, false},
		{"a belief", some(0), interval, believed, false},
		{"several objectives", newAutoStudy(1, trial.Minimize, trial.Minimize), interval, nil, false},
	} {
		n := c.study.next
		u := &trial.Trial{Number: n}
		r := NewRequest(c.study.log.History(), u, rand.New(rand.NewPCG(9, uint64(n*100))))
		r.Beliefs = c.beliefs
		want, err := (&TPE{}).Sample(r, "x", c.dist)
		if err != nil {
			t.Fatal(err)
		}
		if got := first(t, c.study, n, 0, c.dist, c.beliefs); (got != want) != c.spread {
			t.Errorf("%s: Auto draws %v, TPE %v; spread evenly: want %v", c.name, got, want, c.spread)
		}
	}
}
