package nn

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/kernel"
)

// A Dense layer is the affine map y = x·Wᵀ + b.
type Dense struct {
	W *Param // out×in, row by row
	B *Param // out

	lora    *lora // nil: none; see AddLoRA
	in, out int
	params  []*Param
	x       blas32.General // n×in, argument of the last Forward
	y, dx   buffer
}

var _ Layer = (*Dense)(nil)

// NewDense returns a layer of zeros with the parameters name.weight and name.bias. Both widths are
// at least 1.
func NewDense(name string, in, out int) *Dense {
	d := &Dense{W: newParam(name+".weight", true, out, in), B: newParam(name+".bias", false, out), in: in, out: out}
	// Made once: Params is called in every pass.
	d.params = []*Param{d.W, d.B}
	return d
}

// Init draws the weights from a normal distribution with mean 0 and standard deviation sd and
// zeroes the biases.
func (d *Dense) Init(sd float64, rng *rand.Rand) {
	for i := range d.W.Value {
		d.W.Value[i] = float32(sd * rng.NormFloat64())
	}
	clear(d.B.Value)
}

// Forward implements Layer. It draws from rng only for a low-rank term with dropout.
func (d *Dense) Forward(b Batch, rng *rand.Rand) Batch {
	x := b.X
	d.x = x
	y := d.y.matrix(x.Rows, d.out)
	for i := range x.Rows {
		// The product then adds to the bias, which saves a pass.
		copy(y.Data[i*d.out:], d.B.Value)
	}
	kernel.Gemm(blas.NoTrans, blas.Trans, x, d.weights(d.W.Value), 1, y) // y = x·Wᵀ + b
	if d.lora != nil {
		d.lora.forward(b, y, rng)
	}
	b.X = y
	return b
}

// Backward implements Layer.
func (d *Dense) Backward(dy blas32.General, wantDX bool) (dx blas32.General) {
	if wantDX {
		dx = d.dx.matrix(dy.Rows, d.in)
	}
	d.backward(dy, 0, dx)
	return dx
}

// backward is Backward, but sets dx, which may be empty, to the gradient plus beta·dx.
func (d *Dense) backward(dy blas32.General, beta float32, dx blas32.General) {
	if !d.W.Frozen {
		kernel.Gemm(blas.Trans, blas.NoTrans, dy, d.x, 1, d.weights(d.W.Grad)) // dW += dyᵀ·x
	}
	if !d.B.Frozen {
		kernel.AddColumnSums(d.B.Grad, dy) // db += Σ dy over the rows
	}
	// An empty dx means that nothing below trains.
	if dx.Data != nil {
		kernel.Gemm(blas.NoTrans, blas.NoTrans, dy, d.weights(d.W.Value), beta, dx) // dx = dy·W + β·dx
	}
	if d.lora != nil {
		d.lora.backward(dy, dx)
	}
}

// Params implements Layer: W, then B, then A and B of the low-rank term.
func (d *Dense) Params() []*Param { return d.params }

// weights views the data of W or of its gradient as a matrix.
func (d *Dense) weights(data []float32) blas32.General {
	return blas32.General{Rows: d.out, Cols: d.in, Stride: d.in, Data: data}
}
