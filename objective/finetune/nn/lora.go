package nn

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/kernel"
)

// A lora is a low-rank term that is trained in place of a Dense layer's weights: W + α/r·B·A. E.
// Hu, Y. Shen, P. Wallis, Z. Allen-Zhu, Y. Li, S. Wang, L. Wang, W. Chen, "LoRA: Low-Rank
// Adaptation of Large Language Models", 2021, section 4.1.
type lora struct {
	A *Param // r×in
	B *Param // out×r

	scale float32        // α/r
	drop  Dropout        // of the input of A
	x     blas32.General // n×in, argument of A in the last Forward
	u     blas32.General // n×r: α/r·x·Aᵀ

	uBuf, duBuf, dxBuf buffer
}

// AddLoRA freezes the weights and biases of d and adds a trained low-rank term of rank r, at least
// 1, with the parameters name.lora_A and name.lora_B for the name given to NewDense. B starts at 0,
// so the output does not change at first; A is drawn uniformly from ±1/√in. In training the term's
// input has dropout with the given probability in [0, 1).
func (d *Dense) AddLoRA(r int, alpha, dropout float64, rng *rand.Rand) {
	name := strings.TrimSuffix(d.W.Name, ".weight")
	l := &lora{A: newParam(name+".lora_A", true, r, d.in), B: newParam(name+".lora_B", true, d.out, r),
		scale: float32(alpha / float64(r)), drop: Dropout{Rate: dropout}}
	bound := 1 / math.Sqrt(float64(d.in))
	for i := range l.A.Value {
		l.A.Value[i] = float32(bound * (2*rng.Float64() - 1))
	}
	d.W.Frozen, d.B.Frozen = true, true
	d.lora = l
	d.params = []*Param{d.W, d.B, l.A, l.B}
}

// HasLoRA reports whether d has a low-rank term.
func (d *Dense) HasLoRA() bool { return d.lora != nil }

// MergeLoRA adds the low-rank term, if there is one, to the weights and removes it. The output
// stays the same up to rounding; weights and biases stay frozen.
func (d *Dense) MergeLoRA() {
	l := d.lora
	if l == nil {
		return
	}
	// B is the smaller factor to scale.
	scaled := slices.Clone(l.B.Value)
	kernel.Scale(scaled, l.scale)
	kernel.Gemm(blas.NoTrans, blas.NoTrans, l.b(scaled), l.a(l.A.Value), 1, d.weights(d.W.Value)) // W += α/r·B·A
	d.lora = nil
	d.params = []*Param{d.W, d.B}
}

// forward adds α/r·x·Aᵀ·Bᵀ to y.
func (l *lora) forward(b Batch, y blas32.General, rng *rand.Rand) {
	l.x = l.drop.Forward(b, rng).X
	a := l.a(l.A.Value)
	// Through rank r: B·A would be as large as W.
	l.u = l.uBuf.matrix(l.x.Rows, a.Rows)
	kernel.Gemm(blas.NoTrans, blas.Trans, l.x, a, 0, l.u)
	kernel.Scale(l.u.Data, l.scale)
	kernel.Gemm(blas.NoTrans, blas.Trans, l.u, l.b(l.B.Value), 1, y)
}

// backward adds the gradients of A and B to theirs, and that of x to dx, which may be empty.
func (l *lora) backward(dy, dx blas32.General) {
	if !l.B.Frozen {
		kernel.Gemm(blas.Trans, blas.NoTrans, dy, l.u, 1, l.b(l.B.Grad)) // dB += dyᵀ·u
	}
	if l.A.Frozen && dx.Data == nil {
		return
	}
	du := l.duBuf.matrix(l.u.Rows, l.u.Cols) // α/r·dy·B
	kernel.Gemm(blas.NoTrans, blas.NoTrans, dy, l.b(l.B.Value), 0, du)
	kernel.Scale(du.Data, l.scale)
	if !l.A.Frozen {
		kernel.Gemm(blas.Trans, blas.NoTrans, du, l.x, 1, l.a(l.A.Grad)) // dA += duᵀ·x
	}
	switch {
	case dx.Data == nil:
	case !l.drop.active:
		kernel.Gemm(blas.NoTrans, blas.NoTrans, du, l.a(l.A.Value), 1, dx) // dx += du·A
	// Dropout acts on this branch only, so its gradient is masked before it is added.
	default:
		masked := l.dxBuf.matrix(dx.Rows, dx.Cols)
		kernel.Gemm(blas.NoTrans, blas.NoTrans, du, l.a(l.A.Value), 0, masked)
		kernel.Add(dx.Data, l.drop.Backward(masked, true).Data)
	}
}

// a views data as a matrix of A's shape.
func (l *lora) a(data []float32) blas32.General {
	return blas32.General{Rows: l.A.Shape[0], Cols: l.A.Shape[1], Stride: l.A.Shape[1], Data: data}
}

// b views data as a matrix of B's shape.
func (l *lora) b(data []float32) blas32.General {
	return blas32.General{Rows: l.B.Shape[0], Cols: l.B.Shape[1], Stride: l.B.Shape[1], Data: data}
}
