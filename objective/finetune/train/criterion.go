package train

import (
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// A criterion is what a step makes smaller: the mean over its examples, which
// may come in several passes, of the cross-entropy with labels or of the
// squared error with targets.
type criterion struct {
	entropy    nn.SoftmaxCrossEntropy
	squared    nn.SquaredError
	regression bool // what the last forward was of
}

// weight returns the total weight of the examples with the given indices.
func (c *criterion) weight(s Set, indices []int) float64 {
	if c.entropy.Weights == nil || s.Labels == nil {
		return float64(len(indices))
	}
	var sum float64
	for _, i := range indices {
		sum += c.entropy.Weights[s.Labels[i]]
	}
	return sum
}

// forward returns the sum of the losses of the examples of s, whose outputs
// are y, n×c.
func (c *criterion) forward(y blas32.General, s Set) (sum float64) {
	if c.regression = s.Targets != nil; c.regression {
		return c.squared.Forward(y, s.Targets)
	}
	sum, _ = c.entropy.Forward(y, s.Labels)
	return sum
}

// backward returns the gradient of the last forward's part of the loss of a
// step with that total weight. The next forward overwrites it.
func (c *criterion) backward(total float64) blas32.General {
	if c.regression {
		return c.squared.BackwardOf(total)
	}
	return c.entropy.BackwardOf(total)
}
