package nn

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/kernel"
)

// fixed is embedded in layers without parameters.
type fixed struct{}

// Params implements Layer: there are none.
func (fixed) Params() []*Param { return nil }

// An activation applies a function to each element. It is embedded in the
// layers below.
type activation struct {
	fixed
	x, y      blas32.General // n×d, argument and result of the last Forward
	yBuf, dxs buffer
}

// forward applies f and keeps what its derivative may need.
func (e *activation) forward(b Batch, f func(y, x []float32)) Batch {
	e.x, e.y = b.X, e.yBuf.matrix(b.X.Rows, b.X.Cols)
	f(e.y.Data, e.x.Data[:len(e.y.Data)])
	b.X = e.y
	return b
}

// backward calls df with from, the argument or the result of the last forward.
func (e *activation) backward(dy blas32.General, wantDX bool, from blas32.General,
	df func(dx, from, dy []float32)) (dx blas32.General) {
	if !wantDX {
		return blas32.General{}
	}
	dx = e.dxs.matrix(dy.Rows, dy.Cols)
	df(dx.Data, from.Data[:len(dx.Data)], dy.Data[:len(dx.Data)])
	return dx
}

// A ReLU layer is y = max(x, 0), element by element. Its derivative at 0 is 0.
type ReLU struct{ activation }

var _ Layer = (*ReLU)(nil)

// Forward implements Layer.
func (r *ReLU) Forward(b Batch, _ *rand.Rand) Batch { return r.forward(b, kernel.ReLU) }

// Backward implements Layer.
func (r *ReLU) Backward(dy blas32.General, wantDX bool) (dx blas32.General) {
	return r.backward(dy, wantDX, r.y, kernel.ReLUBackward)
}

// A GELU layer is y = x·Φ(x), element by element, with Φ the distribution
// function of the standard normal distribution. D. Hendrycks, K. Gimpel,
// "Gaussian Error Linear Units (GELUs)", 2016.
type GELU struct{ activation }

var _ Layer = (*GELU)(nil)

// Forward implements Layer.
func (g *GELU) Forward(b Batch, _ *rand.Rand) Batch { return g.forward(b, kernel.GELU) }

// Backward implements Layer.
func (g *GELU) Backward(dy blas32.General, wantDX bool) (dx blas32.General) {
	return g.backward(dy, wantDX, g.x, kernel.GELUBackward)
}

// A Tanh layer is y = tanh(x), element by element.
type Tanh struct{ activation }

var _ Layer = (*Tanh)(nil)

// Forward implements Layer.
func (t *Tanh) Forward(b Batch, _ *rand.Rand) Batch { return t.forward(b, kernel.Tanh) }

// Backward implements Layer.
func (t *Tanh) Backward(dy blas32.General, wantDX bool) (dx blas32.General) {
	return t.backward(dy, wantDX, t.y, kernel.TanhBackward)
}
