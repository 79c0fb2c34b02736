package study_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"time"

	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A hook sees every trial that ends, and may stop the search.
func ExampleStudy_Stop() {
	var s *study.Study
	slow := 0
	s, err := study.Open(ctx, study.Config{
		OnTrialEnd: func(t *trial.Trial) {
			if t.State == trial.Complete && t.Values[0] > 0 { // a failed trial has no value
				slow++
			}
			if slow == 3 {
				s.Stop() // Optimize returns nil once the running trials have ended
			}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	err = s.Optimize(ctx, parabola, study.Budget{Trials: 1000})
	all, _ := s.Trials(ctx)
	fmt.Println(len(all), "trials, error:", err)
	// Output: 3 trials, error: <nil>
}

// A search ends with the first limit that it meets.
func ExampleBudget() {
	s, err := study.Open(ctx, study.Config{Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	target := 0.5
	err = s.Optimize(ctx, parabola, study.Budget{
		Trials:        1000,
		Target:        &target,   // a value of 0.5 is good enough
		NoImprovement: 200,       // 200 trials in a row were not better
		Timeout:       time.Hour, // no trial starts after an hour
	})
	if err != nil {
		log.Fatal(err)
	}
	best, _ := s.Best(ctx)
	all, _ := s.Trials(ctx)
	fmt.Println("good enough:", best.Values[0] <= target, "early:", len(all) < 1000)
	// Output: good enough: true early: true
}

// A training that was interrupted resumes from its last checkpoint, here or in another process.
func ExampleTrial_Checkpoint() {
	s, err := study.Open(ctx, study.Config{})
	if err != nil {
		log.Fatal(err)
	}
	run := func(interrupt int) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		err := s.Optimize(ctx, func(t *study.Trial) (float64, error) {
			epoch, weight := 0, []byte("untrained")
			if last, err := t.Resume(); err != nil {
				return 0, err
			} else if last != nil {
				epoch, weight = last.Step+1, last.Data
			}
			fmt.Printf("epoch %d: %s\n", epoch, weight)
			for ; epoch < 4; epoch++ {
				if epoch == interrupt {
					cancel()
				}
				if err := t.Report(epoch, 1/float64(epoch+1)); err != nil {
					return 0, err
				}
				if err := t.Checkpoint(epoch, fmt.Appendf(nil, "trained for %d epochs", epoch+1)); err != nil {
					return 0, err
				}
			}
			return 0.25, nil
		}, study.Budget{Trials: 1})
		fmt.Println("error:", err)
	}
	run(2)
	run(-1)
	// Output:
	// epoch 0: untrained
	// error: context canceled
	// epoch 2: trained for 2 epochs
	// error: <nil>
}

// A user attribute is any JSON that belongs to a trial. It is read from the record.
func ExampleTrial_SetUserAttr() {
	s, err := study.Open(ctx, study.Config{})
	if err != nil {
		log.Fatal(err)
	}
	err = s.Optimize(ctx, func(t *study.Trial) (float64, error) {
		return 0, t.SetUserAttr("confusion", [][]int{{9, 1}, {2, 8}})
	}, study.Budget{Trials: 1})
	if err != nil {
		log.Fatal(err)
	}
	best, _ := s.Best(ctx)
	var confusion [][]int
	err = json.Unmarshal(best.UserAttrs["confusion"], &confusion)
	fmt.Println(confusion, err)
	// Output: [[9 1] [2 8]] <nil>
}

// The sampler is a struct with its settings. Its zero value is the documented default. The sampler
// is not part of the stored study: a resumed search may use another one.
func ExampleConfig_sampler() {
	s, err := study.Open(ctx, study.Config{
		Sampler: &sampler.CMAES{Restart: sampler.IPOP}, // or &sampler.TPE{}, &sampler.GP{}, &sampler.Auto{}, …
		Seed:    7,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.Optimize(ctx, parabola, study.Budget{Trials: 20}))
	// Output: <nil>
}

// The pruner is a struct with its settings, too. Whatever it is, the objective stays the same.
func ExampleConfig_pruner() {
	s, err := study.Open(ctx, study.Config{
		Pruner:  pruner.SuccessiveHalving{ReductionFactor: 3}, // or pruner.Median{}, pruner.Hyperband{}, …
		Sampler: sampler.Random{},
		Seed:    7,
	})
	if err != nil {
		log.Fatal(err)
	}
	epochs := 0
	err = s.Optimize(ctx, func(t *study.Trial) (float64, error) {
		x, loss := t.Float("x", -10, 10), 0.0
		for epoch := range 27 {
			epochs++
			loss = x*x + 1/float64(epoch+1)
			if err := t.Report(epoch, loss); err != nil {
				return 0, err
			}
		}
		return loss, nil
	}, study.Budget{Trials: 30})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("saved more than half of the epochs:", epochs < 30*27/2)
	// Output: saved more than half of the epochs: true
}
