package train

import (
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/batch"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// Evaluate returns the scores of net on s, without dropout. The set must pass Check for the outputs
// of net.
func Evaluate(net nn.Layer, s Set) Scores { return Score(batch.Predict(net, s.Batch), s) }

// snapshot copies the parameters' values, into dst if it is not nil.
func snapshot(dst [][]float32, params []*nn.Param) [][]float32 {
	if dst == nil {
		dst = make([][]float32, len(params))
	}
	for i, p := range params {
		// Reuses the memory of the last best epoch.
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
