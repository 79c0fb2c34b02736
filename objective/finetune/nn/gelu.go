package nn

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/kernel"
)

// A GELU layer is y = x·Φ(x), element by element, where Φ is the distribution
// function of the standard normal distribution. D. Hendrycks, K. Gimpel,
// "Gaussian Error Linear Units (GELUs)", 2016.
type GELU struct {
	x     blas32.General // n×d, argument of the last Forward
	y, dx buffer
}

var _ Layer = (*GELU)(nil)

// Forward implements Layer. It draws nothing from rng.
func (g *GELU) Forward(b Batch, _ *rand.Rand) Batch {
	g.x = b.X
	b.X = g.y.matrix(g.x.Rows, g.x.Cols)
	kernel.GELU(b.X.Data, g.x.Data[:len(b.X.Data)])
	return b
}

// Backward implements Layer.
func (g *GELU) Backward(dy blas32.General, wantDX bool) (dx blas32.General) {
	if !wantDX {
		return blas32.General{}
	}
	dx = g.dx.matrix(dy.Rows, dy.Cols)
	kernel.GELUBackward(dx.Data, g.x.Data[:len(dx.Data)], dy.Data[:len(dx.Data)])
	return dx
}

// Params implements Layer: there are none.
func (g *GELU) Params() []*Param { return nil }
