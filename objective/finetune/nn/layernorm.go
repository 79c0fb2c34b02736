package nn

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/kernel"
)

// A LayerNorm layer normalizes each row to mean 0 and variance 1, then applies a learned factor and
// offset per column: y = (x - mean)/√(var + ε)·γ + β. J. Ba, J. Kiros, G. Hinton, "Layer
// Normalization", 2016.
type LayerNorm struct {
	Gamma *Param // d
	Beta  *Param // d

	epsilon    float32
	params     []*Param
	x          blas32.General // n×d, argument of the last Forward
	mean, rstd []float32      // n, of its rows: rstd is 1/√(var + ε)

	y, dx, meanBuf, rstdBuf, unused buffer
}

var _ Layer = (*LayerNorm)(nil)

// NewLayerNorm returns a layer with γ = 1 and β = 0 and the parameters name.weight and name.bias.
// Epsilon is added to the variance; 0 means 1e-5.
func NewLayerNorm(name string, width int, epsilon float64) *LayerNorm {
	l := &LayerNorm{Gamma: newParam(name+".weight", false, width), Beta: newParam(name+".bias", false, width),
		epsilon: float32(or(epsilon, 1e-5))}
	l.params = []*Param{l.Gamma, l.Beta}
	for i := range l.Gamma.Value {
		// The identity but for the normalization.
		l.Gamma.Value[i] = 1
	}
	return l
}

// Forward implements Layer.
func (l *LayerNorm) Forward(b Batch, _ *rand.Rand) Batch {
	l.x = b.X
	d := l.x.Cols
	y := l.y.matrix(l.x.Rows, d)
	l.mean, l.rstd = l.meanBuf.vector(l.x.Rows), l.rstdBuf.vector(l.x.Rows)
	for i := range l.x.Rows {
		l.mean[i], l.rstd[i] = kernel.LayerNorm(y.Data[i*d:][:d], l.x.Data[i*d:][:d], l.Gamma.Value, l.Beta.Value, l.epsilon)
	}
	b.X = y
	return b
}

// Backward implements Layer.
func (l *LayerNorm) Backward(dy blas32.General, wantDX bool) (dx blas32.General) {
	d := dy.Cols
	var dgamma, dbeta, to []float32
	switch { // the kernel has both or neither
	case !l.Gamma.Frozen && !l.Beta.Frozen:
		dgamma, dbeta = l.Gamma.Grad, l.Beta.Grad
	case !l.Gamma.Frozen:
		dgamma, dbeta = l.Gamma.Grad, l.unused.vector(d)
	case !l.Beta.Frozen:
		kernel.AddColumnSums(l.Beta.Grad, dy)
	}
	// β alone needs no pass over x.
	if !wantDX && dgamma == nil {
		return blas32.General{}
	}
	if wantDX {
		dx = l.dx.matrix(dy.Rows, d)
	}
	for i := range dy.Rows {
		if wantDX {
			to = dx.Data[i*d:][:d]
		}
		kernel.LayerNormBackward(to, dgamma, dbeta, dy.Data[i*d:][:d], l.x.Data[i*d:][:d], l.Gamma.Value, l.mean[i],
			l.rstd[i])
	}
	return dx
}

// Params implements Layer: γ, then β.
func (l *LayerNorm) Params() []*Param { return l.params }
