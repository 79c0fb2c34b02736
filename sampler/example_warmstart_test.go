package sampler_test

import (
	"context"
	"fmt"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// The history of an earlier study, from a file or, as here, from memory, teaches a later one whose
// objective has another scale: its first trial has the best setting of the earlier study.
func ExampleWarmStart() {
	ctx := context.Background()
	search := func(s sampler.Sampler, trials int, scale float64) trial.History {
		st, err := study.Open(ctx, study.Config{Sampler: s, Seed: 1})
		if err != nil {
			panic(err)
		}
		err = st.Optimize(ctx, func(t *study.Trial) (float64, error) {
			x := t.Float("x", -10, 10)
			return scale * (x - 2) * (x - 2), nil
		}, study.Budget{Trials: trials})
		if err != nil {
			panic(err)
		}
		h, err := st.History(ctx)
		if err != nil {
			panic(err)
		}
		return h
	}
	before := search(&sampler.GP{}, 20, 1)
	after := search(&sampler.WarmStart{Sources: []trial.History{before}}, 1, 1000)
	best, _ := after.Best()
	fmt.Printf("x is %.0f in the first trial", best.Params[0].Value)
	// Output: x is 2 in the first trial
}
