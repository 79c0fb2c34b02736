// Customsampler gives a study a custom sampler: the type Local in local.go, which
// has one method and draws near the best trial so far. Its test runs the suite
// that every Bluefin sampler passes.
//
// It prints the best value of Local and of random search on the same function,
// a sphere in five dimensions with the minimum 0. Nothing is written to disk.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/study"
)

func sphere(t *study.Trial) (float64, error) {
	sum := 0.0
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		x := t.Float(name, -5, 5) - 1
		sum += x * x
	}
	return sum, nil
}

func search(ctx context.Context, s sampler.Sampler) (float64, error) {
	st, err := study.Open(ctx, study.Config{Sampler: s})
	if err != nil {
		return 0, err
	}
	if err := st.Optimize(ctx, sphere, study.Budget{Trials: 200}); err != nil {
		return 0, err
	}
	best, err := st.Best(ctx)
	if err != nil {
		return 0, err
	}
	return best.Values[0], nil
}

func main() {
	ctx := context.Background()
	local, err := search(ctx, Local{Sigma: 0.05})
	if err != nil {
		log.Fatal(err)
	}
	random, err := search(ctx, sampler.Random{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("best of 200 trials: local %.3f, random %.3f\n", local, random)
}
