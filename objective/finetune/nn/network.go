package nn

import (
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/blas/blas32"
)

// A Network is a stack of blocks and a task-specific head. Fine-tuning freezes blocks from the
// input on.
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
	// The head need not look further down when no block trains.
	inner := wantDX || n.Blocks.Trains()
	dx = n.Head.Backward(dy, inner)
	if !inner {
		return blas32.General{}
	}
	return n.Blocks.Backward(dx, wantDX)
}

// Params implements Layer: the blocks', then the head's.
func (n *Network) Params() []*Param { return append(n.Blocks.Params(), n.Head.Params()...) }

// Trains reports whether a parameter of n trains.
func (n *Network) Trains() bool { return n.Blocks.Trains() || trains(n.Head) }

// FrozenBlocks returns how many of the first blocks are frozen as a whole: all their parameters are
// Frozen, the last of them has parameters, and none of their layers Augments (see Layer). Training
// keeps them in evaluation mode, so their outputs never change. Blocks without parameters after the
// last frozen one do not count: dropout may act there.
func (n *Network) FrozenBlocks() int {
	// Blocks count from the input on: a trained one changes the input of all above it.
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

// augments reports whether a layer or one of its parts changes examples at random.
func augments(l Layer) (any bool) {
	Walk(l, func(l Layer) {
		a, ok := l.(interface{ Augments() bool })
		any = any || ok && a.Augments()
	})
	return any
}

// Split cuts the network after its first k blocks, 0 ≤ k ≤ len(n.Blocks). Both parts share the
// network's parameters.
func (n *Network) Split(k int) (front Sequential, back *Network) {
	// Capacity k, so appending to the front does not write into the back.
	return n.Blocks[:k:k], &Network{Blocks: n.Blocks[k:], Head: n.Head}
}
