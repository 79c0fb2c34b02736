package nn

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/kernel"
)

// A MultiHeadAttention layer mixes the rows of each example: in each head, row i becomes the mean
// of the values of all rows, weighted by the softmax of its query's products with their keys. A.
// Vaswani, N. Shazeer, N. Parmar, J. Uszkoreit, L. Jones, A. Gomez, Ł. Kaiser, I. Polosukhin,
// "Attention Is All You Need", 2017, section 3.2.
//
// Rows attend to rows of the same example only. Examples follow one another without padding, so no
// mask is needed.
type MultiHeadAttention struct {
	Query, Key, Value *Dense  // d → heads·c, all of the same width, a head's c columns side by side
	Output            *Dense  // heads·c → any width
	Heads             int     // divides the width of queries, keys and values
	Dropout           float64 // probability that a weight is set to 0 in training, in [0, 1)

	in      Batch          // of the last Forward
	q, k, v blas32.General // n×heads·c
	active  bool           // whether it applied dropout
	kept    []uint8        // 1 for each weight that dropout kept: l×l for each head of each example of l rows

	context, dqBuf, dkBuf, dvBuf, dxBuf buffer
	pBuf, droppedBuf, dsBuf             buffer // l×l, of one head
}

var _ Layer = (*MultiHeadAttention)(nil)

// Forward implements Layer. With dropout it draws one number per weight from rng.
//
// Backward recomputes the weights: for long examples they would take most of the memory.
func (a *MultiHeadAttention) Forward(b Batch, rng *rand.Rand) Batch {
	a.in = b
	a.q, a.k, a.v = a.Query.Forward(b, rng).X, a.Key.Forward(b, rng).X, a.Value.Forward(b, rng).X
	a.active = rng != nil && a.Dropout > 0
	if a.active {
		a.draw(rng)
	}
	// Every head writes its own columns, so nothing need be cleared.
	context := a.context.matrix(a.q.Rows, a.q.Cols)
	a.each(func(h head) {
		p := a.weights(h)
		// All draws of a batch come first, in one order, so Backward can use them again.
		if a.active {
			a.drop(p.Data, p.Data, h)
		}
		kernel.Gemm(blas.NoTrans, blas.NoTrans, p, h.of(a.v), 0, h.of(context)) // p·v
	})
	b.X = context
	return a.Output.Forward(b, rng)
}

// weights returns the weights of a head: softmax(q·kᵀ/√c), l×l.
func (a *MultiHeadAttention) weights(h head) blas32.General {
	p := a.pBuf.matrix(h.rows, h.rows)
	kernel.Gemm(blas.NoTrans, blas.Trans, h.of(a.q), h.of(a.k), 0, p)
	kernel.Scale(p.Data, a.scale())
	for i := range h.rows {
		row := p.Data[i*h.rows:][:h.rows]
		kernel.Softmax(row, row)
	}
	return p
}

// draw draws which weights of the batch are kept.
func (a *MultiHeadAttention) draw(rng *rand.Rand) {
	total := 0
	for i := range a.in.Len() {
		total += a.Heads * a.in.rows(i) * a.in.rows(i)
	}
	// A byte each: as float32 the masks would be as large as the weights.
	if len(a.kept) < total {
		a.kept = make([]uint8, total)
	}
	drawKept(a.kept[:total], a.Dropout, rng)
}

// drop applies the dropout of a head to from and stores the result in to, which may be from.
func (a *MultiHeadAttention) drop(to, from []float32, h head) {
	// A table instead of a branch, which random bits would mispredict.
	factors := [2]float32{0, float32(1 / (1 - a.Dropout))}
	kept := a.kept[h.at:][:len(to)]
	for i, v := range from[:len(to)] {
		to[i] = v * factors[kept[i]&1]
	}
}

// Backward implements Layer.
func (a *MultiHeadAttention) Backward(dy blas32.General, wantDX bool) (dx blas32.General) {
	// Frozen parts are skipped, unless a layer below trains.
	values := wantDX || trains(a.Value)
	scores := wantDX || trains(a.Query) || trains(a.Key)
	do := a.Output.Backward(dy, values || scores) // n×heads·c
	// Heads write every column of these.
	dq, dk, dv := a.dqBuf.matrix(a.q.Rows, a.q.Cols), a.dkBuf.matrix(a.k.Rows, a.k.Cols),
		a.dvBuf.matrix(a.v.Rows, a.v.Cols)
	if values || scores {
		a.each(func(h head) {
			p := a.weights(h)
			if values {
				a.backwardValues(h, p, do, dv)
			}
			if scores {
				a.backwardScores(h, p, do, dq, dk)
			}
		})
	}
	if wantDX {
		dx = a.dxBuf.matrix(dy.Rows, a.Query.in)
	}
	if scores {
		// The first sets dx and the others add, so the three need no buffers of their own.
		a.Query.backward(dq, 0, dx)
		a.Key.backward(dk, 1, dx)
	}
	if values {
		a.Value.backward(dv, 1, dx)
	}
	return dx
}

// backwardValues sets dv of a head with weights p.
func (a *MultiHeadAttention) backwardValues(h head, p, do, dv blas32.General) {
	if a.active {
		dropped := a.droppedBuf.matrix(p.Rows, p.Cols)
		a.drop(dropped.Data, p.Data, h)
		p = dropped
	}
	kernel.Gemm(blas.Trans, blas.NoTrans, p, h.of(do), 0, h.of(dv)) // dv = pᵀ·do
}

// backwardScores sets dq and dk of a head with weights p.
func (a *MultiHeadAttention) backwardScores(h head, p, do, dq, dk blas32.General) {
	ds := a.dsBuf.matrix(p.Rows, p.Cols)
	kernel.Gemm(blas.NoTrans, blas.Trans, h.of(do), h.of(a.v), 0, ds) // dp = do·vᵀ
	if a.active {
		a.drop(ds.Data, ds.Data, h)
	}
	for i := range p.Rows {
		row := ds.Data[i*p.Cols:][:p.Cols]
		kernel.SoftmaxBackward(row, p.Data[i*p.Cols:][:p.Cols], row)
	}
	// q·kᵀ was scaled, so its gradient is too.
	kernel.Scale(ds.Data, a.scale())
	kernel.Gemm(blas.NoTrans, blas.NoTrans, ds, h.of(a.k), 0, h.of(dq)) // dq = ds·k
	kernel.Gemm(blas.Trans, blas.NoTrans, ds, h.of(a.q), 0, h.of(dk))   // dk = dsᵀ·q
}

// scale is 1/√c.
func (a *MultiHeadAttention) scale() float32 {
	return float32(1 / math.Sqrt(float64(a.q.Cols/a.Heads)))
}

// A head is one head of one example: its place in the matrices.
type head struct {
	row, rows int // of the example
	col, cols int // of the head
	at        int // of the l×l matrix among those of the batch
}

// each calls f for each head of each example of the last batch.
func (a *MultiHeadAttention) each(f func(head)) {
	var h head
	h.cols = a.q.Cols / a.Heads
	for i := range a.in.Len() {
		h.rows = a.in.rows(i)
		for j := range a.Heads {
			h.col = j * h.cols
			f(h)
			// In the order in which draw counted them.
			h.at += h.rows * h.rows
		}
		h.row += h.rows
	}
}

// of returns the head's block of m, n×heads·c, as a view: l×c.
func (h head) of(m blas32.General) blas32.General {
	// To the last number of the last row and no further: the kernel checks bounds.
	m.Data = m.Data[h.row*m.Stride+h.col : (h.row+h.rows-1)*m.Stride+h.col+h.cols]
	m.Rows, m.Cols = h.rows, h.cols
	return m
}

// Params implements Layer: those of query, key, value and output.
func (a *MultiHeadAttention) Params() []*Param {
	return Sequential{a.Query, a.Key, a.Value, a.Output}.Params()
}

// Trains reports whether a parameter of a trains.
func (a *MultiHeadAttention) Trains() bool {
	return trains(a.Query) || trains(a.Key) || trains(a.Value) || trains(a.Output)
}
