package nn

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/kernel"
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
	kernel.ReLU(y.Data, x.Data[:len(y.Data)])
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
	kernel.ReLUBackward(dx.Data, r.on.Data, dy.Data[:len(dx.Data)])
	return dx
}

// Params implements Layer: there are none.
func (r *ReLU) Params() []*Param { return nil }
