package nn

import (
	"math"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/kernel"
)

// ClipGradNorm scales the gradients of all trained parameters so that their joint Euclidean norm is
// at most largest, and returns the norm before. R. Pascanu, T. Mikolov, Y. Bengio, "On the
// difficulty of training recurrent neural networks", 2013, algorithm 1, with 1e-6 added to the norm
// as in PyTorch. Gradients stay unchanged if largest is infinite or the norm is not finite.
func ClipGradNorm(params []*Param, largest float64) (norm float64) {
	for _, p := range params {
		if p.Trains() {
			norm += kernel.SumSquares(p.Grad)
		}
	}
	// In float64, as the squares of large gradients overflow float32.
	norm = math.Sqrt(norm)
	scale := largest / (norm + 1e-6)
	// Negated, so a NaN norm changes nothing either: the caller reports it.
	if !(scale < 1) || math.IsInf(norm, 0) {
		return norm
	}
	for _, p := range params {
		if p.Trains() {
			kernel.Scale(p.Grad, float32(scale))
		}
	}
	return norm
}
