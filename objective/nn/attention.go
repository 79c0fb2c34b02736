package nn

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/kernel"
)

// A MultiHeadAttention layer mixes the rows of each example: in each head, row
// i becomes the mean of the values of all rows, weighted by the softmax of how
// its query fits their keys. A. Vaswani, N. Shazeer, N. Parmar, J. Uszkoreit,
// L. Jones, A. Gomez, Ł. Kaiser, I. Polosukhin, "Attention Is All You Need",
// 2017, section 3.2.
//
// Rows attend to the rows of their own example only. As examples lie one after
// the other without padding there is nothing to mask.
type MultiHeadAttention struct {
	Query, Key, Value *Dense  // d → heads·c, a head's c columns side by side
	Output            *Dense  // heads·c → any width
	Heads             int     // divides the width of queries, keys and values
	Dropout           float64 // probability that a weight is set to 0 in training, in [0, 1)

	in      Batch          // of the last Forward
	q, k, v blas32.General // n×heads·c
	p       blas32.General // 1×t, probabilities: an l×l matrix for each head of each example of l rows
	dropped blas32.General // 1×t, p after dropout
	drop    Dropout

	pBuf, dpBuf, context       buffer
	dqBuf, dkBuf, dvBuf, dxBuf buffer
}

var _ Layer = (*MultiHeadAttention)(nil)

// NewMultiHeadAttention returns the layer of these maps. Queries, keys and
// values have the same width, a multiple of heads.
func NewMultiHeadAttention(query, key, value, output *Dense, heads int, dropout float64) *MultiHeadAttention {
	return &MultiHeadAttention{Query: query, Key: key, Value: value, Output: output, Heads: heads, Dropout: dropout}
}

// Forward implements Layer. With dropout it draws one number per probability
// from rng.
func (a *MultiHeadAttention) Forward(b Batch, rng *rand.Rand) Batch {
	a.in = b
	a.q, a.k, a.v = a.Query.Forward(b, rng).X, a.Key.Forward(b, rng).X, a.Value.Forward(b, rng).X
	t := 0
	for i := range b.Len() {
		t += a.Heads * b.rows(i) * b.rows(i)
	}
	a.p = a.pBuf.matrix(1, t)
	scale := a.scale()
	a.each(func(h head) {
		s := h.square(a.p)
		kernel.Gemm(blas.NoTrans, blas.Trans, h.of(a.q), h.of(a.k), 0, s) // s = q·kᵀ
		kernel.Scale(s.Data, scale)
		for i := range s.Rows {
			row := s.Data[i*s.Cols:][:s.Cols]
			kernel.Softmax(row, row) // p = softmax(s/√c)
		}
	})
	a.drop.Rate = a.Dropout
	a.dropped = a.drop.Forward(Batch{X: a.p}, rng).X
	context := a.context.matrix(a.q.Rows, a.q.Cols)
	a.each(func(h head) {
		kernel.Gemm(blas.NoTrans, blas.NoTrans, h.square(a.dropped), h.of(a.v), 0, h.of(context)) // p·v
	})
	b.X = context
	return a.Output.Forward(b, rng)
}

// Backward implements Layer.
func (a *MultiHeadAttention) Backward(dy blas32.General, wantDX bool) (dx blas32.General) {
	values := wantDX || Trains(a.Value)
	scores := wantDX || Trains(a.Query) || Trains(a.Key)
	do := a.Output.Backward(dy, values || scores) // n×heads·c
	if values {
		dv := a.dvBuf.matrix(a.v.Rows, a.v.Cols)
		a.each(func(h head) {
			kernel.Gemm(blas.Trans, blas.NoTrans, h.square(a.dropped), h.of(do), 0, h.of(dv)) // dv = pᵀ·do
		})
	}
	if scores {
		a.backwardScores(do)
	}
	if wantDX {
		dx = a.dxBuf.matrix(dy.Rows, a.Query.in)
	}
	if scores {
		a.Query.backward(a.dqBuf.matrix(a.q.Rows, a.q.Cols), 0, dx)
		a.Key.backward(a.dkBuf.matrix(a.k.Rows, a.k.Cols), 1, dx)
	}
	if values {
		a.Value.backward(a.dvBuf.matrix(a.v.Rows, a.v.Cols), 1, dx)
	}
	return dx
}

// backwardScores sets dq and dk from the gradient in the context.
func (a *MultiHeadAttention) backwardScores(do blas32.General) {
	dp := a.dpBuf.matrix(1, a.p.Cols)
	a.each(func(h head) {
		kernel.Gemm(blas.NoTrans, blas.Trans, h.of(do), h.of(a.v), 0, h.square(dp)) // dp = do·vᵀ
	})
	dp = a.drop.Backward(dp, true)
	dq, dk := a.dqBuf.matrix(a.q.Rows, a.q.Cols), a.dkBuf.matrix(a.k.Rows, a.k.Cols)
	scale := a.scale()
	a.each(func(h head) {
		p, ds := h.square(a.p), h.square(dp)
		for i := range p.Rows {
			row := ds.Data[i*ds.Cols:][:ds.Cols]
			kernel.SoftmaxBackward(row, p.Data[i*p.Cols:][:p.Cols], row)
		}
		kernel.Scale(ds.Data, scale)
		kernel.Gemm(blas.NoTrans, blas.NoTrans, ds, h.of(a.k), 0, h.of(dq)) // dq = ds·k
		kernel.Gemm(blas.Trans, blas.NoTrans, ds, h.of(a.q), 0, h.of(dk))   // dk = dsᵀ·q
	})
}

// scale is 1/√c.
func (a *MultiHeadAttention) scale() float32 {
	return float32(1 / math.Sqrt(float64(a.q.Cols/a.Heads)))
}

// A head is one head of one example: where its parts of the matrices are.
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
			h.at += h.rows * h.rows
		}
		h.row += h.rows
	}
}

// of returns the head's part of m, n×heads·c, as a view of m: l×c.
func (h head) of(m blas32.General) blas32.General {
	m.Data = m.Data[h.row*m.Stride+h.col : (h.row+h.rows-1)*m.Stride+h.col+h.cols]
	m.Rows, m.Cols = h.rows, h.cols
	return m
}

// square returns the head's part of m, 1×t, as a view of m: l×l.
func (h head) square(m blas32.General) blas32.General {
	return blas32.General{Rows: h.rows, Cols: h.rows, Stride: h.rows, Data: m.Data[h.at : h.at+h.rows*h.rows]}
}

// Params implements Layer: those of query, key, value and output.
func (a *MultiHeadAttention) Params() []*Param {
	return Sequential{a.Query, a.Key, a.Value, a.Output}.Params()
}

// Trains reports whether a parameter of a trains.
func (a *MultiHeadAttention) Trains() bool {
	return Trains(a.Query) || Trains(a.Key) || Trains(a.Value) || Trains(a.Output)
}
