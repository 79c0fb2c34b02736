package nn

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas32"
)

// A ReLU layer is y = max(x, 0), element by element. Its derivative at 0 is 0.
type ReLU struct {
	on    blas32.General // n×d, result of the last Forward: above 0 where x was
	y, dx buffer
}

var _ Layer = (*ReLU)(nil)

// Forward implements Layer. It draws nothing from rng.
func (r *ReLU) Forward(b Batch, _ *rand.Rand) Batch {
	x := b.X
	y := r.y.matrix(x.Rows, x.Cols)
	for i, v := range x.Data[:len(y.Data)] {
		y.Data[i] = max(v, 0)
	}
	r.on = y
	b.X = y
	return b
}

// Backward implements Layer.
func (r *ReLU) Backward(dy blas32.General, wantDX bool) (dx blas32.General) {
	if !wantDX {
		return blas32.General{}
	}
	dx = r.dx.matrix(dy.Rows, dy.Cols)
	for i, g := range dy.Data[:len(dx.Data)] {
		if r.on.Data[i] > 0 {
			dx.Data[i] = g
		} else {
			dx.Data[i] = 0
		}
	}
	return dx
}

// Params implements Layer: there are none.
func (r *ReLU) Params() []*Param { return nil }
