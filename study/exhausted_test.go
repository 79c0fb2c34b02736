package study_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// branching has 3 + 4·2 combinations, and some of them fail.
func branching(t *study.Trial) (float64, error) {
	if t.Categorical("kind", "a", "b") == "a" {
		x := t.Int("x", 0, 2)
		time.Sleep(time.Millisecond)
		if x == 1 {
			return 0, errors.New("bad luck")
		}
		return float64(x), nil
	}
	y := t.Int("y", 0, 3)
	time.Sleep(time.Millisecond)
	return float64(y * t.Int("z", 0, 1)), nil
}

func grid12(t *study.Trial) (float64, error) {
	x, y := t.Int("x", 0, 9), t.Int("y", 0, 3)
	time.Sleep(time.Millisecond)
	if y == 3 {
		return 0, errors.New("bad luck")
	}
	return float64(x), nil
}

// distinct counts the combinations of trials.
func distinct(all []*trial.Trial) int {
	seen := map[string]bool{}
	for _, u := range all {
		seen[fmt.Sprint(u.Params)] = true
	}
	return len(seen)
}

func TestOptimizeEndsWhenNothingIsLeftToTry(t *testing.T) {
	grid := sampler.Grid{Seed: 3, Values: map[string][]any{"x": {0, 4, 9}, "y": {0, 1, 2, 3}}}
	for _, c := range []struct {
		name      string
		sampler   sampler.Sampler
		objective study.Objective
		want      int
	}{
		{"Grid", grid, grid12, 12},
		{"BruteForce", sampler.BruteForce{}, branching, 11},
	} {
		for _, workers := range []int{1, 4} {
			for _, budget := range []int{0, 100} {
				t.Run(fmt.Sprintf("%s, %d workers, budget %d", c.name, workers, budget), func(t *testing.T) {
					t.Parallel()
					file := &storage.Memory{}
					configure := func(cfg *study.Config) { cfg.Sampler = c.sampler }
					// One process starts the search, and two finish it.
					st := open(t, file, configure)
					if err := st.Optimize(t.Context(), c.objective, study.Budget{Trials: 5}); err != nil {
						t.Fatal(err)
					}
					if done, err := st.Exhausted(t.Context()); done || err != nil {
						t.Errorf("exhausted after 5 trials of %d: %v, %v", c.want, done, err)
					}
					var processes sync.WaitGroup
					for range workers/4 + 1 {
						processes.Go(func() {
							if err := open(t, file, configure).Optimize(t.Context(), c.objective, study.Budget{Trials: budget, Workers: workers}); err != nil {
								t.Error(err)
							}
						})
					}
					processes.Wait()
					all := trials(t, st)
					if distinct(all) != c.want {
						t.Errorf("%d combinations were tried, want %d", distinct(all), c.want)
					}
					// Only parallel workers of BruteForce may draw the same.
					if exact := workers == 1 || c.name == "Grid"; exact && len(all) != c.want {
						t.Errorf("%d trials were run, want %d", len(all), c.want)
					}
					if done, err := st.Exhausted(t.Context()); !done || err != nil {
						t.Errorf("exhausted in the end: %v, %v", done, err)
					}
					if err := st.Optimize(t.Context(), c.objective, study.Budget{}); err != nil || len(trials(t, st)) != len(all) {
						t.Errorf("once more: %v, and %d trials more", err, len(trials(t, st))-len(all))
					}
				})
			}
		}
	}
}

func TestQueuedTrialsRunThoughNothingIsLeftToTry(t *testing.T) {
	grid := sampler.Grid{Values: map[string][]any{"x": {0, 4}, "y": {0}}}
	st := open(t, &storage.Memory{}, func(cfg *study.Config) { cfg.Sampler = grid })
	if err := st.Optimize(t.Context(), grid12, study.Budget{}); err != nil {
		t.Fatal(err)
	}
	for _, x := range []int{4, 7} {
		if _, err := st.Enqueue(t.Context(), map[string]any{"x": x, "y": 1}); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.Optimize(t.Context(), grid12, study.Budget{Workers: 3}); err != nil {
		t.Fatal(err)
	}
	if all := trials(t, st); len(all) != 4 || all[3].State != trial.Complete {
		t.Errorf("there are %d trials, want 4, two of them from the queue", len(all))
	}
}
