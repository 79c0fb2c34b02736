package sampler_test

import (
	"context"
	"fmt"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study"
)

// nearby draws near the best trial so far, and now and then anywhere.
type nearby struct{}

// Sample implements sampler.Sampler.
func (nearby) Sample(r sampler.Request, name string, d space.Dist) (float64, error) {
	u := r.Rand.Float64()
	if best, ok := r.History.Best(); ok && r.Rand.Float64() < 0.9 {
		if p, ok := best.Param(name); ok && d.Contains(p.Value) {
			u = d.Unit(p.Value) + 0.05*r.Rand.NormFloat64()
		}
	}
	return d.Value(u), nil // Value clamps u to [0, 1]
}

// A sampler of your own is a type with one method. It learns from the history of the
// request and draws with its random numbers.
func Example() {
	ctx := context.Background()
	st, err := study.Open(ctx, study.Config{Sampler: nearby{}})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = st.Optimize(ctx, func(t *study.Trial) (float64, error) {
		x := t.Float("x", -10, 10)
		return (x - 2) * (x - 2), nil
	}, study.Budget{Trials: 100})
	if err != nil {
		fmt.Println(err)
		return
	}
	best, err := st.Best(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("x = %.0f\n", best.Params[0].External())
	// Output: x = 2
}
