// Package batch cuts batches into views, and sends large ones through a network
// in chunks.
package batch

import (
	"context"
	"iter"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// Rows returns the number of rows of all examples.
func Rows(b nn.Batch) int { return max(b.X.Rows, len(b.IDs)) }

// Offsets returns the first row of each example and, last, the number of rows; nil if examples have
// one row each.
func Offsets(b nn.Batch) []int {
	if b.Lens == nil {
		return nil
	}
	at := make([]int, 1, len(b.Lens)+1)
	for i, n := range b.Lens {
		at = append(at, at[i]+n)
	}
	return at
}

// Slice returns examples i up to but excluding j of b, which has the Offsets at, as a view.
func Slice(b nn.Batch, at []int, i, j int) nn.Batch {
	r0, r1 := i, j
	if at != nil {
		r0, r1 = at[i], at[j]
		b.Lens = b.Lens[i:j]
	}
	if b.X.Rows > 0 {
		b.X.Data = b.X.Data[r0*b.X.Stride : r1*b.X.Stride]
		b.X.Rows = r1 - r0
	}
	if b.IDs != nil {
		b.IDs = b.IDs[r0:r1]
	}
	return b
}

// Chunk returns how many examples of b to evaluate at once: 64, which is enough for fast matrix
// products, but of long sequences only as many as have about 1024 rows, to bound the memory.
func Chunk(b nn.Batch) int {
	if b.Lens == nil {
		return 64
	}
	return min(max(1024*len(b.Lens)/max(Rows(b), 1), 1), 64)
}

// Chunks yields views of b with the given number of examples, the last with the rest, in order.
func Chunks(b nn.Batch, examples int) iter.Seq[nn.Batch] {
	return func(yield func(nn.Batch) bool) {
		at := Offsets(b)
		for i, n := 0, b.Len(); i < n; i += examples {
			if !yield(Slice(b, at, i, min(i+examples, n))) {
				return
			}
		}
	}
}

// Features returns the outputs of front, the first blocks of a network, for all examples, without
// dropout. When ctx ends it stops after the current chunk and returns context.Cause(ctx).
func Features(ctx context.Context, front nn.Layer, b nn.Batch) (f nn.Batch, err error) {
	for part := range Chunks(b, Chunk(b)) {
		if ctx.Err() != nil {
			return nn.Batch{}, context.Cause(ctx)
		}
		out := front.Forward(part, nil)
		if f.X.Rows == 0 {
			n := Rows(b)
			if out.Lens == nil {
				n = b.Len()
			}
			f.X.Cols, f.X.Stride = out.X.Cols, out.X.Cols
			f.X.Data = make([]float32, 0, n*out.X.Cols)
		}
		f.X.Rows += out.X.Rows
		f.X.Data = append(f.X.Data, out.X.Data[:out.X.Rows*out.X.Cols]...)
		f.Lens = append(f.Lens, out.Lens...)
	}
	return f, nil
}

// Predict returns the outputs of net for all examples, a row each, without dropout.
func Predict(net nn.Layer, b nn.Batch) (y blas32.General) {
	for part := range Chunks(b, Chunk(b)) {
		out := net.Forward(part, nil).X
		if y.Rows == 0 {
			y = blas32.General{Cols: out.Cols, Stride: out.Cols, Data: make([]float32, 0, b.Len()*out.Cols)}
		}
		y.Rows += out.Rows
		y.Data = append(y.Data, out.Data[:out.Rows*out.Cols]...)
	}
	return y
}
