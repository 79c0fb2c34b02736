// Package nn is what networks are fine-tuned with: layers with explicit forward
// and backward passes, losses and an optimizer, in float32.
//
// Matrices are blas32.General without gaps between rows. A row is an example,
// or a position of one where examples are sequences: sequences of any lengths
// lie one after the other, without padding (see Batch). A weight matrix is
// out×in, the layout of the checkpoints of other frameworks. The arithmetic is
// that of package kernel.
//
// A layer runs on the goroutine that calls it and starts none, and what it
// computes for one example does not depend on the other examples nor on their
// number, but for BatchNorm in training. The same calls give the same bits with
// the same kernel and on one architecture; otherwise the last bits differ.
//
// Layers, losses and optimizers keep buffers from call to call: one goroutine
// at a time may use a value of this package.
package nn

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas32"
)

// A Batch is some examples on their way through a network.
type Batch struct {
	// X is rows×d, a row for each example, or for each position of each.
	// It is empty before an embedding.
	X blas32.General

	// IDs is the token of each row, for a network that begins with an
	// embedding, and nil behind it.
	IDs []int32

	// Lens is the number of rows of each example, each at least 1, in order.
	// nil: examples are no sequences and have one row each.
	Lens []int
}

// Len returns the number of examples.
func (b Batch) Len() int {
	if b.Lens != nil {
		return len(b.Lens)
	}
	return b.X.Rows
}

// rows returns the number of rows of example i.
func (b Batch) rows(i int) int {
	if b.Lens != nil {
		return b.Lens[i]
	}
	return 1
}

// A Layer is a differentiable function of a batch, example by example.
//
// A custom layer may have three more methods. Layers() []Layer lists the layers
// that it is made of (see Walk); Trains() bool answers for its parameters
// without listing them; Augments() bool reports that it changes examples at
// random in training, so that it must not be frozen.
type Layer interface {
	// Forward returns the layer's value at x; its matrix is overwritten at the
	// next Forward. The caller leaves x as it is until after Backward.
	//
	// With a generator the layer is in training mode and draws from it what it
	// leaves to chance (see Dropout); with a nil one it is in evaluation mode.
	Forward(x Batch, rng *rand.Rand) Batch

	// Backward takes the gradient of the loss in the matrix of the last
	// Forward's result, adds to the Grad of every parameter that is not Frozen,
	// and returns the gradient in x.X, which the layer overwrites at the next
	// Backward or which is dy itself. Without wantDX it saves that work, and the
	// result means nothing. It leaves dy as it is.
	Backward(dy blas32.General, wantDX bool) (dx blas32.General)

	// Params returns the parameters, in an order that does not change.
	Params() []*Param
}

// A buffer is memory for a matrix that is computed again and again.
type buffer []float32

// matrix returns an r×c matrix in the memory of b, with any contents.
func (b *buffer) matrix(r, c int) blas32.General {
	if len(*b) < r*c {
		*b = make([]float32, r*c)
	}
	return blas32.General{Rows: r, Cols: c, Stride: c, Data: (*b)[:r*c]}
}

// vector returns n numbers in the memory of b, with any contents.
func (b *buffer) vector(n int) []float32 { return b.matrix(1, n).Data }
