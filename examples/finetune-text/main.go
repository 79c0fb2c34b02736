// Finetune-text fine-tunes a BERT encoder, such as all-MiniLM-L6-v2, to classify
// the texts in a CSV file. Frozen-layer features are computed once for all trials.
//
// Without flags, the encoder is a tiny one with random weights and the texts are
// made up: nothing is downloaded, and the results show nothing about transfer.
// It prints a line per trial, then the best settings.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"

	"github.com/bluefin-hpo/bluefin/objective/finetune/text"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

const seed = 1 // of the search, of every training and of the split of the data

// objective searches what we want to know and fixes the rest.
func objective(task *text.Task, epochs int) study.Objective {
	return func(t *study.Trial) (float64, error) {
		settings := task.Defaults
		settings.FrozenLayers = t.Int("frozen_layers", 0, task.Layers) // the embeddings are the first
		settings.LearningRate = t.LogFloat("learning_rate", 1e-5, 1e-2)
		settings.BatchSize = t.LogInt("batch_size", 8, 32)
		settings.WarmupRatio = t.Float("warmup_ratio", 0, 0.2)
		settings.NumTrainEpochs = epochs

		result, err := task.Run(t.Context(), settings, seed, func(epoch int, m train.Metrics) error {
			return t.Report(epoch, m.Validation.Loss) // study.ErrPruned ends the training
		})
		if err != nil {
			return 0, err
		}
		return result.Best.Validation.Loss, t.SetUserAttr("accuracy", result.Best.Validation.Accuracy)
	}
}

func show(t *trial.Trial) {
	last, _ := t.LastReport()
	fmt.Printf("trial %d  %-8v after %d epochs with loss %.3f ", t.Number, t.State, last.Step, t.Values)
	for _, p := range t.Params {
		fmt.Printf("  %s=%.3g", p.Name, p.Value)
	}
	fmt.Println()
}

func run(ctx context.Context, folder, file string, length, epochs, trials int) error {
	task, err := text.New(text.Config{Model: folder, Train: file, MaxLength: length, Seed: seed})
	if err != nil {
		return err
	}
	s, err := study.Open(ctx, study.Config{Pruner: pruner.Median{StartupTrials: 3}, Seed: seed, OnTrialEnd: show})
	if err != nil {
		return err
	}
	if err := s.Optimize(ctx, objective(task, epochs), study.Budget{Trials: trials}); err != nil {
		return err
	}
	best, err := s.Best(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("Best: trial %d with validation loss %.3f, accuracy %s\n", best.Number, best.Values[0],
		best.UserAttrs["accuracy"])
	return nil
}

func main() {
	model := flag.String("model", "objective/finetune/internal/bert/testdata/tiny", "the `folder` of a Hugging Face model")
	file := flag.String("train", "examples/finetune-text/messages.csv", "the CSV `file` with columns text and label")
	length := flag.Int("max-length", 64, "the `number` of tokens at which texts are cut")
	epochs := flag.Int("epochs", 8, "the `number` of epochs")
	trials := flag.Int("trials", 12, "the `number` of trials")
	flag.Parse()
	if err := run(context.Background(), *model, *file, *length, *epochs, *trials); err != nil {
		log.Fatal(err)
	}
}
