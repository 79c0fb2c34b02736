package finetune

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// Freeze freezes what s does not train: the first FrozenLayers blocks, and of the other blocks, but
// not of the head, what Tuning excludes. With LoRA it adds low-rank terms drawn from rng. A task
// does this with the result of its Network; doing it twice changes nothing.
func (s Settings) Freeze(net *nn.Network, rng *rand.Rand) error {
	front, back := net.Split(s.FrozenLayers)
	freeze(front.Params())
	rest := back.Blocks
	if len(rest) == 0 {
		return nil
	}
	switch s.Tuning {
	case BitFit:
		return bitFit(rest.Params())
	case LoRA:
		all := denses(rest)
		if len(all) == 0 {
			return fmt.Errorf("tuning is %q, which needs a dense layer in the blocks after the first %d, and there is none",
				LoRA, s.FrozenLayers)
		}
		for _, d := range all {
			if d.HasLoRA() {
				return nil
			}
		}
		freeze(rest.Params())
		for _, d := range all {
			d.AddLoRA(s.LoRARank, s.LoRAAlpha, 0, rng)
		}
	}
	return nil
}

// bitFit freezes all parameters except biases: E. Ben Zaken, S. Ravfogel, Y. Goldberg, "BitFit:
// Simple Parameter-efficient Fine-tuning for Transformer-based Masked Language-models", 2022.
// Without any bias it returns an error and changes nothing.
func bitFit(params []*nn.Param) error {
	bias := func(p *nn.Param) bool { return strings.HasSuffix(p.Name, ".bias") }
	if !slices.ContainsFunc(params, bias) {
		return fmt.Errorf("tuning is %q, and the blocks have no bias to train", BitFit)
	}
	for _, p := range params {
		p.Frozen = p.Frozen || !bias(p)
	}
	return nil
}

func freeze(params []*nn.Param) {
	for _, p := range params {
		p.Frozen = true
	}
}

// denses returns the dense layers in l.
func denses(l nn.Layer) (all []*nn.Dense) {
	nn.Walk(l, func(l nn.Layer) {
		if d, ok := l.(*nn.Dense); ok {
			all = append(all, d)
		}
	})
	return all
}
