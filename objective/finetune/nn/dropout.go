package nn

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas32"
)

// A Dropout layer zeroes each element with probability Rate in training and divides the others by
// 1-Rate, which preserves the mean. In evaluation it is the identity. N. Srivastava, G. Hinton, A.
// Krizhevsky, I. Sutskever, R. Salakhutdinov, "Dropout: A Simple Way to Prevent Neural Networks
// from Overfitting", 2014, who scale in evaluation instead.
type Dropout struct {
	fixed
	Rate float64 // in [0, 1)

	mask   buffer // n×d, of the last Forward in training: 0 or 1/(1-Rate)
	y, dx  buffer
	active bool // whether the last Forward was not the identity
}

var _ Layer = (*Dropout)(nil)

// Forward implements Layer. In training with a Rate above 0 it draws one number per element.
func (d *Dropout) Forward(b Batch, rng *rand.Rand) Batch {
	d.active = rng != nil && d.Rate > 0
	if !d.active {
		return b
	}
	x := b.X
	mask, y := d.mask.matrix(x.Rows, x.Cols), d.y.matrix(x.Rows, x.Cols)
	// Compared as ints: exact, and faster than turning draws into floats.
	limit := uint64(d.Rate * (1 << 32))
	keep := float32(1 / (1 - d.Rate))
	for i, v := range x.Data[:len(y.Data)] {
		mask.Data[i] = keep
		if uint64(rng.Uint32()) < limit {
			mask.Data[i] = 0
		}
		y.Data[i] = v * mask.Data[i]
	}
	b.X = y
	return b
}

// Backward implements Layer.
func (d *Dropout) Backward(dy blas32.General, wantDX bool) (dx blas32.General) {
	// The identity, so dy itself is the gradient.
	if !d.active || !wantDX {
		return dy
	}
	dx = d.dx.matrix(dy.Rows, dy.Cols)
	for i, g := range dy.Data[:len(dx.Data)] {
		dx.Data[i] = g * d.mask[i]
	}
	return dx
}

// drawKept sets each element to 0 with probability rate and else to 1, with the draws of Dropout.
func drawKept(kept []uint8, rate float64, rng *rand.Rand) {
	limit := uint64(rate * (1 << 32))
	for i := range kept {
		var k uint8
		if uint64(rng.Uint32()) >= limit {
			k = 1
		}
		kept[i] = k
	}
}
