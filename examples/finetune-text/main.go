// Finetune-text lets a study fine-tune a text encoder of BERT's kind, such as
// all-MiniLM-L6-v2, to tell the classes of texts in a CSV file apart: objective
// has all of it. What frozen layers make of the texts is computed once for all
// trials.
//
// With no flags the encoder is a tiny one with random weights, and the texts
// are made up: nothing is downloaded, and nothing is to be learned about
// transfer. One sees a line for each trial, then the best settings.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"

	"github.com/bluefin-hpo/bluefin/objective/bert"
	"github.com/bluefin-hpo/bluefin/objective/nn"
	"github.com/bluefin-hpo/bluefin/objective/prefix"
	"github.com/bluefin-hpo/bluefin/objective/table"
	"github.com/bluefin-hpo/bluefin/objective/train"
	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

const seed = 1 // of the search, of every training and of the division of the data

// objective trains the encoder, with a head for so many classes, as a trial
// says.
func objective(model *bert.Model, classes int, training, validation train.Set, epochs int) study.Objective {
	var cache prefix.Cache
	return func(t *study.Trial) (float64, error) {
		frozen := t.Int("frozen_layers", 0, model.Config.Layers+1) // the embeddings are the first
		config := train.Config{
			LearningRate: t.LogFloat("learning_rate", 1e-5, 1e-2),
			BatchSize:    t.LogInt("batch_size", 8, 32),
			WarmupRatio:  t.Float("warmup_ratio", 0, 0.2),
			Epochs:       epochs,
			Seed:         seed,
		}
		net, err := model.Network(bert.Options{Outputs: classes, Dropout: model.Config.Dropout(), Seed: seed, Freeze: func(net *nn.Network) error {
			front, _ := net.Split(frozen)
			for _, p := range front.Params() {
				p.Frozen = true
			}
			return nil
		}})
		if err != nil {
			return 0, err
		}
		back, features, _, err := cache.Split(t.Context(), net, nil, training, validation)
		if err != nil {
			return 0, err
		}
		result, err := train.Fit(t.Context(), back, features[0], features[1], config, nil, func(m train.Metrics, _ train.State) error {
			return t.Report(m.Epoch, m.Validation.Loss) // study.ErrPruned ends the training
		})
		if err != nil {
			return 0, err
		}
		return result.Best.Validation.Loss, t.SetUserAttr("accuracy", result.Best.Validation.Accuracy)
	}
}

// read returns the columns text and label of a file as tokens and classes, four
// fifths to learn from and one to choose by.
func read(model *bert.Model, file string) (classes []string, training, validation train.Set, err error) {
	data, err := table.Read(file, table.Options{})
	if err != nil {
		return nil, training, validation, err
	}
	texts, err := data.Texts("text")
	if err != nil {
		return nil, training, validation, err
	}
	all := train.Set{Batch: model.Batch(texts)}
	if classes, all.Labels, err = data.Classes("label"); err != nil {
		return nil, training, validation, err
	}
	f, err := train.StratifiedSplit(len(texts), all.Labels, 0.2, seed)
	if err != nil {
		return nil, training, validation, err
	}
	return classes, all.Select(f.Training), all.Select(f.Validation), nil
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
	model, err := bert.Load(folder)
	if err != nil {
		return err
	}
	model.Tokenizer = model.Tokenizer.Limit(length)
	classes, training, validation, err := read(model, file)
	if err != nil {
		return err
	}
	s, err := study.Open(ctx, study.Config{Pruner: pruner.Median{StartupTrials: 3}, Seed: seed, Ended: show})
	if err != nil {
		return err
	}
	if err := s.Optimize(ctx, objective(model, len(classes), training, validation, epochs), study.Budget{Trials: trials}); err != nil {
		return err
	}
	best, err := s.Best(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("Best: trial %d with validation loss %.3f, accuracy %s\n", best.Number, best.Values[0], best.UserAttrs["accuracy"])
	return nil
}

func main() {
	model := flag.String("model", "objective/bert/testdata/tiny", "the `folder` of a Hugging Face model")
	file := flag.String("train", "examples/finetune-text/messages.csv", "the CSV `file` with columns text and label")
	length := flag.Int("max-length", 64, "the `number` of tokens at which texts are cut")
	epochs := flag.Int("epochs", 8, "the `number` of epochs")
	trials := flag.Int("trials", 12, "the `number` of trials")
	flag.Parse()
	if err := run(context.Background(), *model, *file, *length, *epochs, *trials); err != nil {
		log.Fatal(err)
	}
}
