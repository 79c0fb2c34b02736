package nn

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/safetensors"
)

// A Network is a stack of blocks with a head for the task at hand. The blocks
// are what a fine-tuning freezes, from the input on.
type Network struct {
	Blocks Sequential
	Head   Layer
}

var _ Layer = (*Network)(nil)

// Forward implements Layer.
func (n *Network) Forward(x Batch, rng *rand.Rand) Batch {
	return n.Head.Forward(n.Blocks.Forward(x, rng), rng)
}

// Backward implements Layer.
func (n *Network) Backward(dy blas32.General, wantDX bool) (dx blas32.General) {
	inner := wantDX || n.Blocks.Trains()
	dx = n.Head.Backward(dy, inner)
	if !inner {
		return blas32.General{}
	}
	return n.Blocks.Backward(dx, wantDX)
}

// Params implements Layer: those of the blocks, then those of the head.
func (n *Network) Params() []*Param { return append(n.Blocks.Params(), n.Head.Params()...) }

// Trains reports whether a parameter of n trains.
func (n *Network) Trains() bool { return n.Blocks.Trains() || Trains(n.Head) }

// Split cuts the network behind its first k blocks, 0 ≤ k ≤ len(n.Blocks).
// Both parts work on the network's parameters.
func (n *Network) Split(k int) (front Sequential, back *Network) {
	return n.Blocks[:k:k], &Network{Blocks: n.Blocks[k:], Head: n.Head}
}

// Tensors returns copies of parameters by their names.
func Tensors(params []*Param) map[string]safetensors.Tensor {
	all := make(map[string]safetensors.Tensor, len(params))
	for _, p := range params {
		all[p.Name] = safetensors.Tensor{Shape: slices.Clone(p.Shape), Data: slices.Clone(p.Value)}
	}
	return all
}

// Load copies the values of all parameters from tensors of their names. It is
// an error if one is missing or of another shape; then nothing is changed.
func Load(params []*Param, from map[string]safetensors.Tensor) error {
	for _, p := range params {
		t, ok := from[p.Name]
		if !ok {
			return fmt.Errorf("tensor %q is missing: there are %d, such as %q", p.Name, len(from), slices.Sorted(maps.Keys(from))[:min(len(from), 3)])
		}
		if !slices.Equal(t.Shape, p.Shape) {
			return fmt.Errorf("tensor %q has shape %v, want %v", p.Name, t.Shape, p.Shape)
		}
	}
	for _, p := range params {
		copy(p.Value, from[p.Name].Data)
	}
	return nil
}
