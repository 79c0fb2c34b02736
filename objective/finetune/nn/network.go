package nn

import (
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/blas/blas32"
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
func (n *Network) Trains() bool { return n.Blocks.Trains() || trains(n.Head) }

// FrozenBlocks returns how many of the first blocks are frozen as a whole: all
// their parameters are Frozen, those without a gradient too, the last of them
// has parameters, and no layer in them reports that it Augments (see Layer). A
// block without parameters behind them is not counted, because a dropout acts
// there. Training keeps frozen blocks in evaluation mode, so their outputs never
// change.
func (n *Network) FrozenBlocks() int {
	frozen := 0
	for i, b := range n.Blocks {
		params := b.Params()
		if slices.ContainsFunc(params, func(p *Param) bool { return !p.Frozen }) || augments(b) {
			break
		}
		if len(params) > 0 {
			frozen = i + 1
		}
	}
	return frozen
}

func augments(l Layer) (any bool) {
	Walk(l, func(l Layer) {
		a, ok := l.(interface{ Augments() bool })
		any = any || ok && a.Augments()
	})
	return any
}

// Split cuts the network behind its first k blocks, 0 ≤ k ≤ len(n.Blocks).
// Both parts work on the network's parameters.
func (n *Network) Split(k int) (front Sequential, back *Network) {
	return n.Blocks[:k:k], &Network{Blocks: n.Blocks[k:], Head: n.Head}
}
