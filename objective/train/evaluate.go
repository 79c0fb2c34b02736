package train

import (
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/nn"
)

// chunk is how many examples go through a network at once where nothing is
// trained: enough for the matrix products, few enough for the memory.
const chunk = 64

// Predict returns the outputs of net for all examples, a row for each, with
// dropout off. The memory that it needs besides them does not grow with the
// number of examples.
func Predict(net nn.Layer, b nn.Batch) blas32.General { return predict(net, b, chunk) }

func predict(net nn.Layer, b nn.Batch, chunk int) blas32.General {
	s := Set{Batch: b}
	at := s.offsets()
	var y blas32.General
	n := b.Len()
	for i := 0; i < n; i += chunk {
		part := net.Forward(s.slice(at, i, min(i+chunk, n)).Batch, nil).X
		if i == 0 {
			y = blas32.General{Cols: part.Cols, Stride: part.Cols, Data: make([]float32, 0, n*part.Cols)}
		}
		y.Rows += part.Rows
		y.Data = append(y.Data, part.Data[:part.Rows*part.Cols]...)
	}
	return y
}

// Evaluate returns the scores of net on s, with dropout off. The set must pass
// Check for the outputs of net.
func Evaluate(net nn.Layer, s Set) Scores { return score(Predict(net, s.Batch), s) }

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
