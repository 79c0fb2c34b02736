package nn

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas32"
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
	for i, v := range g.x.Data[:len(b.X.Data)] {
		x := float64(v)
		b.X.Data[i] = float32(0.5 * x * math.Erfc(-x/math.Sqrt2))
	}
	return b
}

// Backward implements Layer.
func (g *GELU) Backward(dy blas32.General, wantDX bool) (dx blas32.General) {
	if !wantDX {
		return blas32.General{}
	}
	dx = g.dx.matrix(dy.Rows, dy.Cols)
	for i, v := range dy.Data[:len(dx.Data)] {
		x := float64(g.x.Data[i])
		cdf := 0.5 * math.Erfc(-x/math.Sqrt2)
		density := math.Exp(-x*x/2) / math.Sqrt(2*math.Pi)
		dx.Data[i] = v * float32(cdf+float64(x*density)) // y' = Φ(x) + x·Φ'(x)
	}
	return dx
}

// Params implements Layer: there are none.
func (g *GELU) Params() []*Param { return nil }
