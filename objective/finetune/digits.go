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

// division of the images of 5 to 9. It is fixed, so that the results of all
// studies compare.
var division = digits.Split{Digits: []uint8{5, 6, 7, 8, 9}, Train: 15, Validation: 60, Seed: 1}

// Digits returns the task that needs nothing but this program: data and
// weights are embedded, and decoded anew with each call.
//
// It is the classic transfer experiment on images of handwritten digits. The
// network, a multilayer perceptron with hidden layers of 128, 96 and 64 units,
// was trained on 600 images of the digits 0 to 4; it gets a fresh head and
// learns 5 to 9 from 75 images, 15 of each. With so few, the settings decide
// how well it does. The other images of 5 to 9 choose among settings (300) and
// judge the choice (521). No image is in two parts.
//
// What the pretraining is worth here, and what a search gains, is measured in
// README.md: this task is no evidence that transfer helps.
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
