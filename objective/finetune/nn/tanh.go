package nn

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/kernel"
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
	kernel.Tanh(t.out.Data, b.X.Data[:len(t.out.Data)])
	b.X = t.out
	return b
}

// Backward implements Layer.
func (t *Tanh) Backward(dy blas32.General, wantDX bool) (dx blas32.General) {
	if !wantDX {
		return blas32.General{}
	}
	dx = t.dx.matrix(dy.Rows, dy.Cols)
	kernel.TanhBackward(dx.Data, t.out.Data, dy.Data[:len(dx.Data)])
	return dx
}

// Params implements Layer: there are none.
func (t *Tanh) Params() []*Param { return nil }
