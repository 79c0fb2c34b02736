package finetune

import (
	_ "embed"
	"fmt"
	"math/rand/v2"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/digits"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/mlp"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/safetensors"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/weights"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

//go:generate env BLUEFIN_KERNEL=generic go run ./internal/pretrain digits04.safetensors

//go:embed digits04.safetensors
var digits04 []byte

// division of the images of 5 to 9. It is fixed, so the results of all studies are comparable.
var division = digits.Split{Digits: []uint8{5, 6, 7, 8, 9}, Train: 15, Validation: 60, Seed: 1}

// Digits returns a task whose data and weights are embedded in the program. Each call decodes them
// again.
//
// It is the classic transfer experiment on handwritten digits. A multilayer perceptron with hidden
// layers of 128, 96 and 64 units, trained on 600 images of the digits 0 to 4, gets a fresh head and
// learns 5 to 9 from 75 images, 15 of each. With so few, the settings matter. Of the other images,
// 300 are for validation and 521 for testing.
//
// docs/finetuning.md has measurements of what pretraining and search are worth here; the task is not
// evidence that transfer helps.
func Digits() (*Task, error) {
	file, err := safetensors.Unmarshal(digits04)
	if err != nil {
		return nil, fmt.Errorf("pretrained weights: %w", err)
	}
	t := &Task{Name: "digits", Layers: mlp.Hidden, Defaults: Defaults(), Space: DefaultSpace(mlp.Hidden)}
	t.Training, t.Validation, t.Test, err = digits.Load(division)
	if err != nil {
		return nil, err
	}
	t.Network = func(s Settings, rng *rand.Rand) (*nn.Network, error) {
		net := mlp.New(digits.Pixels, len(division.Digits), s.Dropout, rng)
		if err := weights.Load(net.Blocks.Params(), file.Tensors); err != nil {
			return nil, fmt.Errorf("pretrained weights: %w", err)
		}
		return net, nil
	}
	return t, nil
}
