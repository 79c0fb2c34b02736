// Finetune trains the network of the built-in digits task with an objective of
// its own: three settings are searched and the others stay as recommended.
// After each epoch the validation loss is reported, so that the median pruner
// can stop unpromising trials.
//
// It prints a line for each trial, with the epoch at which a pruned one was
// stopped, then the best settings and their test results.
// Nothing is written to disk.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

const seed = 1 // of the search and of every training

// objective searches what we want to know and fixes the rest.
func objective(task *finetune.Task) study.Objective {
	return func(t *study.Trial) (float64, error) {
		settings := task.Defaults
		settings.LearningRate = t.LogFloat("learning_rate", 1e-4, 1e-1)
		settings.BatchSize = t.LogInt("batch_size", 4, 32)
		settings.FrozenLayers = t.Int("frozen_layers", 0, task.Layers)

		result, err := task.Run(t.Context(), settings, seed, func(epoch int, m train.Metrics) error {
			return t.Report(epoch, m.Validation.Loss) // study.ErrPruned ends the training
		})
		if err != nil {
			return 0, err
		}
		return result.Best.Validation.Loss, t.SetUserAttr("test_accuracy", result.Test.Accuracy)
	}
}

func show(t *trial.Trial) {
	last, _ := t.LastReport()
	fmt.Printf("trial %2d  %-8v after %2d epochs with loss %.3f ", t.Number, t.State, last.Step, t.Values)
	for _, p := range t.Params {
		fmt.Printf("  %s=%.3g", p.Name, p.Value)
	}
	fmt.Println()
}

func run(ctx context.Context) error {
	task, err := finetune.Digits()
	if err != nil {
		return err
	}
	s, err := study.Open(ctx, study.Config{Pruner: pruner.Median{}, Seed: seed, OnTrialEnd: show})
	if err != nil {
		return err
	}
	if err := s.Optimize(ctx, objective(task), study.Budget{Trials: 20}); err != nil {
		return err
	}
	best, err := s.Best(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("Best: trial %d with validation loss %.3f, test accuracy %s\n", best.Number, best.Values[0],
		best.UserAttrs["test_accuracy"])
	return nil
}

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}
