package bert_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/bert"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// A pretrained encoder learns to tell complaints from thanks, with its
// embeddings frozen, and is written as a folder for transformers.
func Example() {
	model, err := bert.Load("testdata/tiny")
	if err != nil {
		log.Fatal(err)
	}
	net, err := model.Network(bert.Options{
		Outputs: 2,
		Pooling: bert.PoolMean,
		Dropout: bert.Dropout{Head: 0.1},
		Freeze: func(net *nn.Network) error {
			for _, p := range net.Blocks[0].Params() {
				p.Frozen = true
			}
			return nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	training := train.Set{
		Batch:  model.Batch([]string{"the parcel came late", "thanks, very fine", "it was broken", "fine, thanks!", "refund the broken parcel", "thanks"}),
		Labels: []int{0, 1, 0, 1, 0, 1},
	}
	validation := train.Set{Batch: model.Batch([]string{"is it broken", "very fine thanks", "refund", "fine"}), Labels: []int{0, 1, 0, 1}}
	result, err := train.Fit(context.Background(), net, training, validation, train.Config{LearningRate: 3e-3, Epochs: 30, BatchSize: 3}, nil, nil)
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "complaints")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := model.Save(dir, net, []string{"complaint", "thanks"}); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("right: %.0f%%\n", 100*result.Best.Validation.Accuracy)
	// Output: right: 100%
}
