package train

import (
	"context"
	"iter"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// chunk returns how many examples of b go through a network at once where
// nothing is trained: enough for the matrix products, few enough for the memory,
// which is 64, and of sequences as many as have about 1024 rows.
func chunk(b nn.Batch) int {
	if b.Lens == nil {
		return 64
	}
	return min(max(1024*len(b.Lens)/max(rows(b), 1), 1), 64)
}

// Chunks yields parts of b, in order and so many examples in each but the last,
// as views of it: what goes through a network at once where nothing is trained,
// so that the memory for it does not grow with the number of examples.
func Chunks(b nn.Batch, examples int) iter.Seq[nn.Batch] {
	return func(yield func(nn.Batch) bool) {
		at := offsets(b)
		for i, n := 0, b.Len(); i < n; i += examples {
			if !yield(slice(b, at, i, min(i+examples, n))) {
				return
			}
		}
	}
}

// Features returns what front, the first blocks of a network, makes of all
// examples, with dropout off. It stops with the error of ctx between chunks.
func Features(ctx context.Context, front nn.Layer, b nn.Batch) (f nn.Batch, err error) {
	for part := range Chunks(b, chunk(b)) {
		if ctx.Err() != nil {
			return nn.Batch{}, context.Cause(ctx)
		}
		out := front.Forward(part, nil)
		if f.X.Rows == 0 {
			n := rows(b)
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

// Predict returns the outputs of net for all examples, a row for each, with
// dropout off.
func Predict(net nn.Layer, b nn.Batch) blas32.General { return predict(net, b, chunk(b)) }

func predict(net nn.Layer, b nn.Batch, chunk int) (y blas32.General) {
	for part := range Chunks(b, chunk) {
		out := net.Forward(part, nil).X
		if y.Rows == 0 {
			y = blas32.General{Cols: out.Cols, Stride: out.Cols, Data: make([]float32, 0, b.Len()*out.Cols)}
		}
		y.Rows += out.Rows
		y.Data = append(y.Data, out.Data[:out.Rows*out.Cols]...)
	}
	return y
}

// Evaluate returns the scores of net on s, with dropout off. The set must pass
// Check for the outputs of net.
func Evaluate(net nn.Layer, s Set) Scores { return Score(Predict(net, s.Batch), s) }

// BalancedWeights returns Config.ClassWeights that give all classes the same
// part in the loss: n / (classes·nᵢ) for class i, the rule "balanced" of
// scikit-learn, and 0 for a class without an example.
func BalancedWeights(labels []int, classes int) []float64 {
	w := make([]float64, classes)
	for _, label := range labels {
		w[label]++
	}
	for i, count := range w {
		if count > 0 {
			w[i] = float64(len(labels)) / (float64(classes) * count)
		}
	}
	return w
}

// snapshot copies the values of the parameters, into dst if it is not nil.
func snapshot(dst [][]float32, params []*nn.Param) [][]float32 {
	if dst == nil {
		dst = make([][]float32, len(params))
	}
	for i, p := range params {
		dst[i] = append(dst[i][:0], p.Value...)
	}
	return dst
}

// put copies values into the parameters.
func put(params []*nn.Param, values [][]float32) {
	for i, p := range params {
		copy(p.Value, values[i])
	}
}
