package samplertest

import (
	"fmt"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// ways are the ways in which trials end without a value.
var ways = map[string]func(u *run, value float64){
	"fails":     func(u *run, _ float64) { u.trial.State = trial.Failed },
	"is pruned": func(u *run, value float64) { u.report(value + 9); u.trial.State = trial.Pruned },
}

// testExplores has an optimum at the edge of a region that gives no value.
func testExplores(t *testing.T, newSampler func() sampler.Sampler) {
	for name, end := range ways {
		t.Run(name, func(t *testing.T) {
			st := newStudy(newSampler(), 8, trial.Minimize)
			// Half of the space fails, so random search has about 25 of 50; a sampler that is
			// drawn to it has nearly all.
			const trials, startup, limit = 60, 10, 35
			without := 0
			seen := map[string]int{}
			for range trials {
				u := st.run(t, func(u *run) {
					x, y := u.suggest("x", space.Float{Low: 0, High: 1}), u.suggest("y", space.Float{Low: 0, High: 1})
					if value := (y-0.4)*(y-0.4) - x; x > 0.5 {
						end(u, value)
					} else {
						u.complete(value)
					}
				})
				if u.State != trial.Complete && u.Number >= startup {
					without++
				}
				// Rule: a repeated point teaches nothing.
				at := fmt.Sprint(u.Params)
				if before, ok := seen[at]; ok {
					t.Errorf("trials %d and %d: a point of a continuous space must not come twice, but %v did", before, u.Number, at)
				}
				seen[at] = u.Number
			}
			if without > limit {
				t.Errorf("a sampler must leave a region that gives no value, but %d of the last %d trials were in it",
					without, trials-startup)
			}
		})
	}
}

// NoRepeats checks that the sampler tries every point of a finite space once, in whatever state its
// trials end, before it tries one again. It is for samplers that learn from the history. Samplers
// that draw from a fixed distribution, like random search and quasi-Monte Carlo, or from one that
// may shrink to a point, like CMA-ES, repeat points.
func NoRepeats(t *testing.T, newSampler func() sampler.Sampler) {
	t.Helper()
	// Each point just once: the last few show whether running and failed ones are remembered.
	for seed := range uint64(3) {
		st := newStudy(newSampler(), seed, trial.Minimize)
		seen := map[string]int{}
		const points = 5 * 4 * 3
		for range points {
			u := st.run(t, func(u *run) {
				x := u.suggest("x", space.Int{Low: 1, High: 5, Log: true})
				y := u.suggest("y", space.Float{Low: 0, High: 1.5, Step: 0.5})
				c := u.suggest("c", space.Choose("a", "b", "c").Dist())
				switch value := (x-2)*(x-2) + y + c; {
				case u.trial.Number == 0: // shows the space
					u.complete(value)
				case x > 3:
					u.trial.State = trial.Failed
				case y > 1:
					u.report(value)
					u.trial.State = trial.Pruned
				case u.trial.Number%7 != 3: // every seventh stays running
					u.complete(value)
				}
			})
			at := fmt.Sprint(u.Params)
			if before, ok := seen[at]; ok {
				t.Errorf("seed %d: a point must not come again while others are left, but trial %d (%v) repeats trial %d with %d of %d left",
					seed, u.Number, at, before, points-len(seen), points)
			}
			seen[at] = u.Number
		}
	}
}
