package train

import (
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// A criterion is the loss of an optimizer step, which may take several passes: the mean over its
// examples of the cross-entropy, for labels, or of the squared error, for targets.
type criterion struct {
	entropy    nn.SoftmaxCrossEntropy
	squared    nn.SquaredError
	regression bool // whether the last forward had targets
}

// weight returns the total weight of the examples with the given indices.
func (c *criterion) weight(s Set, indices []int) float64 {
	// Known before the first pass of a step, whose gradients are divided by the total.
	if c.entropy.Weights == nil || s.Labels == nil {
		return float64(len(indices))
	}
	var sum float64
	for _, i := range indices {
		sum += c.entropy.Weights[s.Labels[i]]
	}
	return sum
}

// forward returns the summed loss of the examples of s for the outputs y, n×c.
func (c *criterion) forward(y blas32.General, s Set) (sum float64) {
	if c.regression = s.Targets != nil; c.regression {
		return c.squared.Forward(y, s.Targets)
	}
	sum, _ = c.entropy.Forward(y, s.Labels)
	return sum
}

// backward returns the last forward's part of the gradient of a step with that total weight. The
// next forward overwrites it.
func (c *criterion) backward(total float64) blas32.General {
	if c.regression {
		return c.squared.BackwardOf(total)
	}
	return c.entropy.BackwardOf(total)
}
