package study_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

var ctx = context.Background()

// parabola has its minimum 0 at x = 2.
func parabola(t *study.Trial) (float64, error) {
	x := t.Float("x", -10, 10)
	return (x - 2) * (x - 2), nil
}

func ExampleMinimize() {
	best, err := study.Minimize(ctx, func(t *study.Trial) (float64, error) {
		x := t.Float("x", -10, 10)
		y := t.Int("y", 0, 5)
		return (x-2)*(x-2) + float64(y), nil
	}, 100)
	if err != nil {
		log.Fatal(err)
	}
	y, _ := trial.Value[int](best, "y")
	fmt.Println("y:", y, "good:", best.Values[0] < 0.1)
	// Output: y: 0 good: true
}

func ExampleMaximize() {
	best, err := study.Maximize(ctx, func(t *study.Trial) (float64, error) {
		layers := t.Int("layers", 1, 8)
		return float64(layers), nil // such as an accuracy
	}, 50)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(best.Values[0])
	// Output: 8
}

// A program that is killed and started again resumes its study: the budget is the total number of
// trials.
func ExampleOpen_resume() {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("resume-%d.db", os.Getpid()))
	defer os.Remove(path)
	program := func(trials int) {
		file, err := sqlite.Open(ctx, path, sqlite.Options{})
		if err != nil {
			log.Fatal(err)
		}
		defer file.Close()
		s, err := study.Open(ctx, study.Config{Name: "digits", Storage: file, Seed: 1})
		if err != nil {
			log.Fatal(err)
		}
		if err := s.Optimize(ctx, parabola, study.Budget{Trials: trials}); err != nil {
			log.Fatal(err)
		}
		all, _ := s.Trials(ctx)
		fmt.Println(len(all), "trials")
	}
	program(10) // as if it ended early
	program(30)
	program(30) // nothing is left to do
	// Output:
	// 10 trials
	// 30 trials
	// 30 trials
}

// Workers run trials at the same time. Other processes may work on the same study file, too.
func ExampleStudy_Optimize_workers() {
	s, err := study.Open(ctx, study.Config{Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	if err := s.Optimize(ctx, parabola, study.Budget{Trials: 60, Workers: 4}); err != nil {
		log.Fatal(err)
	}
	all, _ := s.Trials(ctx)
	best, _ := s.Best(ctx)
	fmt.Println(len(all), "trials, good:", best.Values[0] < 4)
	// Output: 60 trials, good: true
}

// A trial that reports intermediate values may be pruned: the objective then returns the error.
func ExampleTrial_Report() {
	s, err := study.Open(ctx, study.Config{Sampler: sampler.Random{}, Pruner: pruner.Median{}, Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	err = s.Optimize(ctx, func(t *study.Trial) (float64, error) {
		rate := t.LogFloat("learning_rate", 1e-4, 1)
		loss := 1.0
		for epoch := range 10 {
			loss *= 1 - rate/2 // train for an epoch
			if err := t.Report(epoch, loss); err != nil {
				return 0, err
			}
		}
		return loss, nil
	}, study.Budget{Trials: 30})
	if err != nil {
		log.Fatal(err)
	}
	all, _ := s.Trials(ctx)
	pruned := 0
	for _, t := range all {
		if t.State == trial.Pruned {
			pruned++
		}
	}
	fmt.Println("pruned some:", pruned > 0, "and not all:", pruned < 30)
	// Output: pruned some: true and not all: true
}
