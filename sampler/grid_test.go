package sampler_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A walk asks a sampler for a whole trial, parameter by parameter.
type walk func(ask func(name string, d space.Dist) float64)

type oneByOne interface {
	Sample(r sampler.Request, name string, d space.Dist) (float64, error)
}

// begin runs w for the trial with the given number and returns the trial, still
// running.
func begin(t *testing.T, s oneByOne, h trial.History, number int, w walk) *trial.Trial {
	t.Helper()
	u := &trial.Trial{Number: number}
	w(func(name string, d space.Dist) float64 {
		seen := *u
		r := sampler.NewRequest(h, &seen, randomFor(number, len(u.Params)))
		x, err := s.Sample(r, name, d)
		if err != nil {
			t.Fatalf("trial %d, %s: %v", number, name, err)
		}
		if !d.Contains(x) {
			t.Fatalf("trial %d, %s: drew %v, want %v", number, name, x, d)
		}
		u.Params = append(slices.Clip(u.Params), trial.Param{Name: name, Value: x, Dist: d})
		return x
	})
	return u
}

// randomFor hashes its arguments, since the first numbers of neighbouring seeds are
// similar.
func randomFor(number, place int) *rand.Rand {
	return rand.New(rand.NewChaCha8([32]byte{byte(number), byte(number >> 8), byte(number >> 16), byte(place)}))
}

func finish(u *trial.Trial, s trial.State) *trial.Trial {
	c := *u
	c.State = s
	if s == trial.Complete {
		c.Values = []float64{0}
	}
	return &c
}

// combination writes out the external values of a trial.
func combination(u *trial.Trial) string {
	var parts []string
	for _, p := range u.Params {
		parts = append(parts, fmt.Sprintf("%s=%v", p.Name, p.External()))
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

func square(ask func(string, space.Dist) float64) {
	ask("lr", space.Float{Low: 1e-5, High: 1, Log: true})
	ask("layers", space.Int{Low: 1, High: 8})
	ask("act", space.Choose("relu", "tanh").Dist())
}

var squareGrid = sampler.Grid{Values: map[string][]any{"lr": {1e-4, 1e-3, 1e-2}, "layers": {1, 2, 4, 8}, "act": {"tanh", "relu"}}}

func TestGridTriesEveryCombinationOnceWithoutCommunication(t *testing.T) {
	n := squareGrid.Left(trial.History{})
	if n != 24 {
		t.Fatalf("%d are left of a new study, want 24", n)
	}
	// Many workers that see nothing and share nothing.
	var mu sync.Mutex
	var wg sync.WaitGroup
	seen := map[string]int{}
	for number := range 2 * n {
		wg.Go(func() {
			c := combination(begin(t, squareGrid, trial.NewLog([]trial.Direction{trial.Minimize}).History(), number, square))
			mu.Lock()
			defer mu.Unlock()
			if number < n {
				seen[c]++
			}
		})
	}
	wg.Wait()
	if len(seen) != n {
		t.Errorf("%d trials tried %d combinations, want all: %v", n, len(seen), seen)
	}
}

func TestGridDoesNotDependOnTheOrderOfSuggestionsOrOnRandomness(t *testing.T) {
	h := trial.NewLog([]trial.Direction{trial.Minimize}).History()
	for number := range 24 {
		a := begin(t, squareGrid, h, number, square)
		b := begin(t, squareGrid, h, number, func(ask func(string, space.Dist) float64) {
			ask("act", space.Choose("relu", "tanh").Dist())
			ask("layers", space.Int{Low: 1, High: 8})
			ask("lr", space.Float{Low: 1e-5, High: 1, Log: true})
		})
		if combination(a) != combination(b) {
			t.Errorf("trial %d: %s in one order, %s in another", number, combination(a), combination(b))
		}
	}
}

func TestSeedsOfGridsGiveOtherOrders(t *testing.T) {
	h := trial.NewLog([]trial.Direction{trial.Minimize}).History()
	first := map[string]bool{}
	for seed := range uint64(200) {
		g := squareGrid
		g.Seed = seed
		first[combination(begin(t, g, h, 0, square))] = true
	}
	if len(first) != 24 {
		t.Errorf("200 seeds start with %d combinations, want all 24", len(first))
	}
}

func TestGridCatchesUpWithWhatQueuedTrialsLeftOut(t *testing.T) {
	log := trial.NewLog([]trial.Direction{trial.Minimize})
	seen := map[string]bool{}
	states := []trial.State{trial.Complete, trial.Pruned, trial.Failed}
	for number := range 24 {
		u := begin(t, squareGrid, log.History(), number, square)
		if number%5 == 0 { // somebody queued a trial beside the grid
			u.Params[0].Value = 0.5
		} else {
			seen[combination(u)] = true
		}
		log.Put(finish(u, states[number%3]))
	}
	if len(seen) != 19 {
		t.Fatalf("%d combinations, want 19", len(seen))
	}
	// Five are missing: two finish and one runs, so later trials take the rest.
	for number := 24; number < 29; number++ {
		u := begin(t, squareGrid, log.History(), number, square)
		if seen[combination(u)] {
			t.Errorf("trial %d tries %s again while others are left", number, combination(u))
		}
		seen[combination(u)] = true
		if number == 26 {
			log.Put(u)
		} else {
			log.Put(finish(u, trial.Complete))
		}
	}
	for number := 29; number < 35; number++ { // all are tried: repeat
		log.Put(finish(begin(t, squareGrid, log.History(), number, square), trial.Complete))
	}
}

func TestGridCountsTrialsThatHaveNotSuggestedYet(t *testing.T) {
	log := trial.NewLog([]trial.Direction{trial.Minimize})
	want := combination(begin(t, squareGrid, log.History(), 7, square))
	for number := range 24 {
		switch number {
		case 7: // queued elsewhere
			u := begin(t, squareGrid, log.History(), number, square)
			u.Params[0].Value = 0.5
			log.Put(u)
		default:
			log.Put(&trial.Trial{Number: number})
		}
	}
	if got := combination(begin(t, squareGrid, log.History(), 24, square)); got != want {
		t.Errorf("drew %s, want %s, which alone is free", got, want)
	}
}

func TestGridRefuses(t *testing.T) {
	many := sampler.Grid{Values: map[string][]any{}}
	for i := range 32 {
		many.Values[fmt.Sprint(i)] = []any{1, 2, 3, 4}
	}
	for _, c := range []struct {
		grid sampler.Grid
		want string
	}{
		{sampler.Grid{}, `Grid.Values has no "x", want values for every parameter`},
		{sampler.Grid{Values: map[string][]any{"x": {}}}, `Grid.Values["x"] is empty, want at least one value`},
		{sampler.Grid{Values: map[string][]any{"x": {1, 2, 1}}}, `Grid.Values["x"] has 1 twice, want each value once`},
		{sampler.Grid{Values: map[string][]any{"x": {[]int{1}}}}, `Grid.Values["x"] has a []int, want nil, a bool, a number within an int or float64, or a string`},
		{sampler.Grid{Values: map[string][]any{"x": {11}}}, `Grid.Values["x"]: invalid: value is 11, want an int in [0, 10]`},
		{many, `makes more than 2^62 combinations`},
	} {
		_, err := c.grid.Sample(sampler.Request{Trial: &trial.Trial{}}, "x", space.Int{Low: 0, High: 10})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error is %v, want %q", err, c.want)
		}
	}
	delete(many.Values, "31")
	if n := many.Left(trial.History{}); n != 1<<62 {
		t.Errorf("of 4^31, %d are left, want 2^62", n)
	}
	if _, err := many.Sample(sampler.Request{Trial: &trial.Trial{Number: 1 << 40}}, "7", space.Int{Low: 1, High: 4}); err != nil {
		t.Errorf("a large grid: %v", err)
	}
	if n := (sampler.Grid{}).Left(trial.History{}); n != 1 {
		t.Errorf("of no parameters %d are left, want 1", n)
	}
}
