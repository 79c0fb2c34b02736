package bert

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// A tanhGELU layer is the approximation of nn.GELU that some models were trained with: y = x/2·(1 +
// tanh(√(2/π)·(x + 0.044715·x³))), element by element. D. Hendrycks, K. Gimpel, "Gaussian Error
// Linear Units (GELUs)", 2016.
type tanhGELU struct {
	// kept, not copied: inputs live until Backward
	x     blas32.General // n×d, argument of the last Forward
	y, dx []float32
}

var _ nn.Layer = (*tanhGELU)(nil)

// cubic is the factor of x³ in the argument of tanh.
const cubic = 0.044715

// Forward implements nn.Layer.
func (g *tanhGELU) Forward(b nn.Batch, _ *rand.Rand) nn.Batch {
	g.x = b.X
	b.X = grow(&g.y, g.x)
	for i, v := range g.x.Data[:len(b.X.Data)] {
		x := float64(v)
		b.X.Data[i] = float32(0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+float64(cubic*x*x*x)))))
	}
	return b
}

// Backward implements nn.Layer.
func (g *tanhGELU) Backward(dy blas32.General, wantDX bool) (dx blas32.General) {
	// Without parameters there is nothing else to compute.
	if !wantDX {
		return blas32.General{}
	}
	dx = grow(&g.dx, dy)
	for i, v := range dy.Data[:len(dx.Data)] {
		x := float64(g.x.Data[i])
		// Recomputed instead of kept, as memory costs more than one tanh.
		t := math.Tanh(math.Sqrt(2/math.Pi) * (x + float64(cubic*x*x*x)))
		slope := math.Sqrt(2/math.Pi) * (1 + float64(3*cubic*x*x)) // of the argument of tanh
		dx.Data[i] = v * float32(0.5*(1+t)+float64(0.5*x*(1-float64(t*t))*slope))
	}
	return dx
}

// Params implements nn.Layer: there are none.
func (g *tanhGELU) Params() []*nn.Param { return nil }

// grow returns a matrix of m's shape with arbitrary contents in the memory of b.
func grow(b *[]float32, m blas32.General) blas32.General {
	n := m.Rows * m.Cols
	if len(*b) < n {
		// Whole groups of 16 make Go align the memory, which the kernels like.
		*b = make([]float32, n, (n+15)/16*16)
	}
	return blas32.General{Rows: m.Rows, Cols: m.Cols, Stride: m.Cols, Data: (*b)[:n]}
}
