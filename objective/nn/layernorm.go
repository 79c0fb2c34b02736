package nn

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas32"
)

// A LayerNorm layer shifts and scales each row to mean 0 and variance 1 and
// then each column by a learned factor and offset: y = (x - mean)/√(var + ε)·γ + β.
// J. Ba, J. Kiros, G. Hinton, "Layer Normalization", 2016.
type LayerNorm struct {
	Gamma *Param // d
	Beta  *Param // d

	epsilon float64
	params  []*Param
	xhat    blas32.General // n×d, of the last Forward: normalized rows
	rstd    []float32      // n: 1/√(var + ε)

	y, dx, xhatBuf, rstdBuf buffer
}

var _ Layer = (*LayerNorm)(nil)

// NewLayerNorm returns a layer with γ = 1 and β = 0, whose parameters are
// name.weight and name.bias. Epsilon is added to the variance; 0 means 1e-5.
func NewLayerNorm(name string, width int, epsilon float64) *LayerNorm {
	l := &LayerNorm{Gamma: newParam(name+".weight", false, width), Beta: newParam(name+".bias", false, width), epsilon: or(epsilon, 1e-5)}
	l.params = []*Param{l.Gamma, l.Beta}
	for i := range l.Gamma.Value {
		l.Gamma.Value[i] = 1
	}
	return l
}

// Forward implements Layer. It draws nothing from rng.
func (l *LayerNorm) Forward(b Batch, _ *rand.Rand) Batch {
	x := b.X
	d := x.Cols
	y := l.y.matrix(x.Rows, d)
	l.xhat, l.rstd = l.xhatBuf.matrix(x.Rows, d), l.rstdBuf.vector(x.Rows)
	for i := range x.Rows {
		l.rstd[i] = layerNormRow(y.Data[i*d:][:d], l.xhat.Data[i*d:][:d], x.Data[i*d:][:d], l.Gamma.Value, l.Beta.Value, l.epsilon)
	}
	b.X = y
	return b
}

// Backward implements Layer.
func (l *LayerNorm) Backward(dy blas32.General, wantDX bool) (dx blas32.General) {
	d := dy.Cols
	if !l.Gamma.Frozen {
		for i := range dy.Rows { // dγ += Σ dy·x̂ over the rows
			xhat, g := l.xhat.Data[i*d:][:d], dy.Data[i*d:][:d]
			for j, v := range l.Gamma.Grad[:d] {
				l.Gamma.Grad[j] = v + float32(g[j]*xhat[j])
			}
		}
	}
	if !l.Beta.Frozen {
		addRows(l.Beta.Grad, dy) // dβ += Σ dy over the rows
	}
	if !wantDX {
		return blas32.General{}
	}
	dx = l.dx.matrix(dy.Rows, d)
	for i := range dy.Rows {
		layerNormGradRow(dx.Data[i*d:][:d], dy.Data[i*d:][:d], l.xhat.Data[i*d:][:d], l.Gamma.Value, l.rstd[i])
	}
	return dx
}

// Params implements Layer: γ, then β.
func (l *LayerNorm) Params() []*Param { return l.params }

// layerNormRow sets xhat to the normalized x, y to xhat·γ + β, and returns
// 1/√(var + ε).
func layerNormRow(y, xhat, x, gamma, beta []float32, epsilon float64) float32 {
	n := float64(len(x))
	var sum, squares float64
	for _, v := range x {
		sum += float64(v)
	}
	mean := sum / n
	for _, v := range x {
		far := float64(v) - mean
		squares += float64(far * far)
	}
	rstd := 1 / math.Sqrt(squares/n+epsilon)
	for j, v := range x {
		h := float32(float64(float64(v)-mean) * rstd)
		xhat[j] = h
		y[j] = float32(h*gamma[j]) + beta[j]
	}
	return float32(rstd)
}

// layerNormGradRow sets dx = rstd·(g - mean(g) - x̂·mean(g·x̂)) with g = dy·γ.
func layerNormGradRow(dx, dy, xhat, gamma []float32, rstd float32) {
	n := float64(len(dx))
	var sum, along float64
	for j, v := range dy {
		g := float32(v * gamma[j])
		sum += float64(g)
		along += float64(float64(g) * float64(xhat[j]))
	}
	mean, slope := float32(sum/n), float32(along/n)
	for j, v := range dy {
		dx[j] = float32(rstd * (float32(v*gamma[j]) - mean - float32(xhat[j]*slope)))
	}
}
