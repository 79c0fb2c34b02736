package study_test

import (
	"fmt"
	"log"
	"time"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// With Ask and Tell the loop is yours.
func ExampleStudy_Ask() {
	s, err := study.Open(ctx, study.Config{Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	for range 60 {
		t, err := s.Ask(ctx)
		if err != nil {
			log.Fatal(err)
		}
		x := t.Float("x", -10, 10)
		if _, err := s.Tell(ctx, t, x*x); err != nil { // s.TellError if the trial failed
			log.Fatal(err)
		}
	}
	best, _ := s.Best(ctx)
	fmt.Println("good:", best.Values[0] < 1)
	// Output: good: true
}

// A detached trial runs elsewhere, such as on a cluster. Any program may tell its result.
func ExampleStudy_AskDetached() {
	s, err := study.Open(ctx, study.Config{Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	params := []space.Dimension{
		{Name: "layers", Dist: space.Int{Low: 1, High: 4}},
		{Name: "optimizer", Dist: space.Choose("sgd", "adam").Dist()},
	}
	t, err := s.AskDetached(ctx, study.Detached{Params: params, Lease: storage.Lease{Duration: 12 * time.Hour}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("submit job", t.Number, "with", len(t.Params), "parameters")

	// Hours later, perhaps in another program:
	t, err = s.TellNumber(ctx, t.Number, storage.Update{State: trial.Complete, Values: []float64{0.25}})
	fmt.Println(t.State, t.Values, err)
	// Output:
	// submit job 0 with 2 parameters
	// COMPLETE [0.25] <nil>
}

// Queued trials run first. Parameters that are not given are drawn.
func ExampleStudy_Enqueue() {
	s, err := study.Open(ctx, study.Config{Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := s.Enqueue(ctx, map[string]any{"learning_rate": 0.01}); err != nil {
		log.Fatal(err)
	}
	t, err := s.Ask(ctx)
	if err != nil {
		log.Fatal(err)
	}
	layers := t.Int("layers", 1, 4)
	fmt.Println(t.LogFloat("learning_rate", 1e-5, 1), layers >= 1)
	// Output: 0.01 true
}

// EnqueueFirst starts a search with a setting that is known to be good. A program that resumes the
// study, or another worker, does not repeat it.
func ExampleStudy_EnqueueFirst() {
	s, err := study.Open(ctx, study.Config{Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	for run := range 2 {
		added, err := s.EnqueueFirst(ctx, map[string]any{"x": 1.5})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("run", run, "added it:", added)
		if err := s.Optimize(ctx, parabola, study.Budget{Trials: 5}); err != nil {
			log.Fatal(err)
		}
	}
	all, _ := s.Trials(ctx)
	fmt.Println("trial 0:", all[0].Values)
	// Output:
	// run 0 added it: true
	// run 1 added it: false
	// trial 0: [0.25]
}

// Fixed makes a trial for a unit test of an objective.
func ExampleFixed() {
	t := study.Fixed(map[string]any{"x": 5})
	value, err := parabola(t)
	fmt.Println(value, err)
	fmt.Println(t.Params(), t.Err()) // a wrong name or value would be in Err
	// Output:
	// 9 <nil>
	// map[x:5] <nil>
}
