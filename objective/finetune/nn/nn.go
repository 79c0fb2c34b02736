// Package nn builds networks for fine-tuning: layers with explicit forward and backward passes,
// losses and an optimizer, in float32.
//
// Matrices are blas32.General without gaps between rows. A row is an example or, where examples are
// sequences, a position; sequences of any length follow one another without padding (see Batch).
// Weight matrices are out×in, as in the checkpoints of other frameworks.
//
// A layer runs on the goroutine that calls it. Except for BatchNorm in training, its output for one
// example does not depend on the other examples or on their number. The same calls give the same
// bits with the same kernel on one architecture; otherwise the last bits differ.
//
// Layers, losses and optimizers keep buffers between calls: only one goroutine at a time may use a
// value of this package.
package nn

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas32"
)

// A Batch is the input or output of a layer: some examples.
type Batch struct {
	// X is rows×d, a row per example or per position. It is empty before an Embedding.
	X blas32.General

	// IDs are the tokens of the rows before an Embedding, and nil after it.
	IDs []int32

	// Lens is the number of rows of each example, at least 1. nil: one row each.
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

// A Layer is a differentiable function that acts on each example of a batch.
//
// A custom layer may have three more methods. Layers() []Layer lists the layers it consists of, for
// Walk. Trains() bool reports whether any parameter trains, without listing them. Augments() bool
// reports that it changes examples at random in training, so it must not be frozen.
type Layer interface {
	// Forward returns the layer's output. The next Forward overwrites its matrix. The caller leaves
	// x unchanged until after Backward.
	//
	// With a generator the layer is in training mode and takes its random numbers from it (see
	// Dropout); with nil it is in evaluation mode.
	Forward(x Batch, rng *rand.Rand) Batch

	// Backward takes the gradient of the loss with respect to the last output, adds to the Grad of
	// every parameter that is not Frozen, and returns the gradient with respect to x.X. The layer
	// overwrites that at the next Backward, or it is dy itself; dy stays unchanged. Without wantDX
	// the layer skips that work and the result is meaningless.
	Backward(dy blas32.General, wantDX bool) (dx blas32.General)

	// Params returns the parameters, always in the same order.
	Params() []*Param
}

// A buffer is memory that is reused for a matrix.
type buffer []float32

// matrix returns an r×c matrix with arbitrary contents in the memory of b.
func (b *buffer) matrix(r, c int) blas32.General {
	if len(*b) < r*c {
		*b = make([]float32, r*c)
	}
	return blas32.General{Rows: r, Cols: c, Stride: c, Data: (*b)[:r*c]}
}

// vector returns n numbers with arbitrary contents in the memory of b.
func (b *buffer) vector(n int) []float32 { return b.matrix(1, n).Data }
