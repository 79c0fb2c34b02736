// Finetune-csv finds the anomaly: a small network learns which of the rows of a
// table are malignant, where the study judges by the area under the ROC curve
// and the loss gives the rarer class the same weight as the common one.
//
// The rows are measurements of cell nuclei, 357 benign and 212 malignant (see
// objective/finetune/tabular/testdata/README.md). It prints the best settings and
// their results on a held-out fifth of the rows, which played no part in any
// choice. The best network is saved if a folder is given.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/tabular"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

const seed = 1 // of the search, of every training and of the division of the data

func run(ctx context.Context, file, folder string, trials int) error {
	task, err := tabular.New(tabular.Config{Train: file, TestShare: 0.2, Balanced: true, Seed: seed})
	if err != nil {
		return err
	}
	task.Metric = train.MetricAUROC
	best := 0.0
	task.Keep = func(_ int, value float64, net *nn.Network) error {
		if folder == "" || value <= best {
			return nil
		}
		best = value
		return task.Save(folder, net)
	}
	s, err := study.Open(ctx, study.Config{Directions: []trial.Direction{trial.Maximize}, Pruner: pruner.Median{},
		Seed: seed})
	if err != nil {
		return err
	}
	// The first trial has the recommended settings.
	if _, err := s.EnqueueFirst(ctx, task.Space.Params(task.Defaults, task.Layers)); err != nil {
		return err
	}
	if err := s.Optimize(ctx, task.Objective(task.Space, seed), study.Budget{Trials: trials}); err != nil {
		return err
	}
	found, err := s.Best(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("Best of %d trials: trial %d with validation AUROC %.4f\n", trials, found.Number, found.Values[0])
	for _, p := range found.Params {
		fmt.Printf("  %-18s %v\n", p.Name, p.External())
	}
	fmt.Printf("Test: AUROC %s, accuracy %s\n", found.UserAttrs["test_auroc"], found.UserAttrs["test_accuracy"])
	return nil
}

func main() {
	file := flag.String("train", "objective/finetune/tabular/testdata/breast-cancer.csv",
		"the CSV `file`, with a column label")
	folder := flag.String("output", "", "save the best network in this `folder`")
	trials := flag.Int("trials", 20, "the `number` of trials")
	flag.Parse()
	if err := run(context.Background(), *file, *folder, *trials); err != nil {
		log.Fatal(err)
	}
}
