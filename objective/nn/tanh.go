package nn

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas32"
)

// A Tanh layer is y = tanh(x), element by element.
type Tanh struct {
	out   blas32.General // n×d, result of the last Forward
	y, dx buffer
}

var _ Layer = (*Tanh)(nil)

// Forward implements Layer. It draws nothing from rng.
func (t *Tanh) Forward(b Batch, _ *rand.Rand) Batch {
	t.out = t.y.matrix(b.X.Rows, b.X.Cols)
	for i, v := range b.X.Data[:len(t.out.Data)] {
		t.out.Data[i] = float32(math.Tanh(float64(v)))
	}
	b.X = t.out
	return b
}

// Backward implements Layer.
func (t *Tanh) Backward(dy blas32.General, wantDX bool) (dx blas32.General) {
	if !wantDX {
		return blas32.General{}
	}
	dx = t.dx.matrix(dy.Rows, dy.Cols)
	for i, g := range dy.Data[:len(dx.Data)] {
		y := t.out.Data[i]
		dx.Data[i] = g * (1 - float32(y*y)) // y' = 1 - y²
	}
	return dx
}

// Params implements Layer: there are none.
func (t *Tanh) Params() []*Param { return nil }
