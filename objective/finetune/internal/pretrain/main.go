// Command pretrain writes the weights that the digits task starts from: it trains the network on
// the digits 0 to 4 and saves it as a safetensors file with its accuracy on unseen images. With one
// kernel and architecture the file is the same every time, bit for bit. The one in the repository
// was made with BLUEFIN_KERNEL=generic, which every machine has.
//
// Usage: pretrain FILE
package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/digits"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/mlp"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/safetensors"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/weights"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

const seed = 1

// split leaves about 30 images of each digit for testing.
var split = digits.Split{Digits: []uint8{0, 1, 2, 3, 4}, Train: 120, Validation: 30, Seed: seed}

var config = train.Config{
	LearningRate: 1e-3,
	BatchSize:    32,
	Epochs:       40,
	WeightDecay:  0.01,
	Schedule:     train.Linear,
	WarmupRatio:  0.1,
	Patience:     10,
	MaxGradNorm:  -1, // no clipping
	Seed:         seed,
}

const dropout = 0.1

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "pretrain:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("got %d arguments, want the file to write", len(args))
	}
	file, err := pretrain(context.Background())
	if err != nil {
		return err
	}
	return os.WriteFile(args[0], file, 0o666)
}

// pretrain returns the contents of the file.
func pretrain(ctx context.Context) ([]byte, error) {
	training, validation, test, err := digits.Load(split)
	if err != nil {
		return nil, err
	}
	net := mlp.New(digits.Pixels, len(split.Digits), dropout, rand.New(rand.NewPCG(seed, 0)))
	_, all := net.Split(0)
	if _, err := train.Fit(ctx, all, training, validation, config, nil, nil); err != nil {
		return nil, err
	}
	accuracy := train.Evaluate(all, test).Accuracy
	return safetensors.Marshal(safetensors.File{
		Metadata: map[string]string{
			"digits":        "0 1 2 3 4",
			"test_accuracy": strconv.FormatFloat(accuracy, 'f', 4, 64),
		},
		Tensors: weights.Tensors(net.Params()),
	})
}
