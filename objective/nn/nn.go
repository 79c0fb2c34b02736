// Package nn is what small neural networks are trained with: layers with
// explicit forward and backward passes, a loss and an optimizer, in float32.
//
// Matrices are blas32.General, one row per example; n is the number of rows of
// a batch throughout. A weight matrix is out×in, the layout of the checkpoints
// of other frameworks. Every matrix product goes through one function (gemm),
// so that a faster kernel has one place to go.
//
// A layer runs on the goroutine that calls it and starts none, and what it
// computes for one row does not depend on the other rows nor on their number.
// On one architecture the same calls give the same bits; between
// architectures the last bits differ, as the kernels do.
//
// Layers, losses and optimizers keep buffers from call to call: one goroutine
// at a time may use a value of this package.
package nn

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas32"
)

// A Layer is a differentiable function of a matrix, row by row.
type Layer interface {
	// Forward returns the layer's value at x, n×in, as an n×out matrix that
	// the layer overwrites at the next Forward. The caller leaves x as it is
	// until after Backward.
	//
	// With a generator the layer is in training mode and draws from it what it
	// leaves to chance (see Dropout); with a nil one it is in evaluation mode.
	Forward(x blas32.General, rng *rand.Rand) blas32.General

	// Backward takes the gradient of the loss in the result of the last
	// Forward, n×out, sets the Grad of every parameter, and returns the
	// gradient in x, n×in, which the layer overwrites at the next Backward.
	// Without wantDX it saves that work and returns an empty matrix.
	Backward(dy blas32.General, wantDX bool) (dx blas32.General)

	// Params returns the parameters, in an order that does not change.
	Params() []*Param
}

// A Param is one array of numbers that training changes.
type Param struct {
	Value []float32
	Grad  []float32 // as long as Value: the gradient of the loss, set by Backward
	Decay bool      // weight decay acts on it: true for weights, false for biases
}

func newParam(n int, decay bool) *Param {
	return &Param{Value: aligned(n), Grad: aligned(n), Decay: decay}
}

// A Sequential is the layer that applies its layers one after the other. A
// part of a Sequential, s[:k] or s[k:], is one too and shares the parameters;
// the empty one is the identity.
type Sequential []Layer

var _ Layer = Sequential(nil)

// Forward implements Layer.
func (s Sequential) Forward(x blas32.General, rng *rand.Rand) blas32.General {
	for _, l := range s {
		x = l.Forward(x, rng)
	}
	return x
}

// Backward implements Layer.
func (s Sequential) Backward(dy blas32.General, wantDX bool) (dx blas32.General) {
	for i := len(s) - 1; i >= 0; i-- {
		dy = s[i].Backward(dy, wantDX || i > 0)
	}
	return dy
}

// Params implements Layer.
func (s Sequential) Params() []*Param {
	var all []*Param
	for _, l := range s {
		all = append(all, l.Params()...)
	}
	return all
}

// A buffer is memory for a matrix that is computed again and again.
type buffer []float32

// matrix returns an r×c matrix in the memory of b, with any contents.
func (b *buffer) matrix(r, c int) blas32.General {
	if len(*b) < r*c {
		*b = aligned(r * c)
	}
	return blas32.General{Rows: r, Cols: c, Stride: c, Data: (*b)[:r*c]}
}

// aligned returns n zeros that begin at a multiple of 16 bytes. The kernels
// add up a row in an order that depends on its address modulo 16, so that
// without it the same training would not give the same bits. All of Go's size
// classes from 64 bytes on are multiples of 16.
func aligned(n int) []float32 {
	return make([]float32, n, (n+15)/16*16)
}
