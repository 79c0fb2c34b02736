package cma

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// MaxStep is the length, in deviations of the distribution, to which the step
// from the mean to a point that was not drawn is shortened before it is told:
// c_y of Hansen, "Injecting External Solutions Into CMA-ES" (arXiv:1110.4181,
// 2011), table 1. About one draw in twenty is as long in two dimensions, one in a
// hundred in ten.
func MaxStep(dim int) float64 {
	n := float64(dim)
	return math.Sqrt(n) + 2*n/(n+2)
}

// Shorten returns x, or the point in the same direction from the mean whose
// Mahalanobis distance ‖C^(-1/2)·(x-m)‖/σ is length, if that of x is more.
func (s *State) Shorten(x []float64, length float64) []float64 {
	step := floats.SubTo(make([]float64, s.Dim), x, s.Mean)
	norm := floats.Norm(s.whiten(step), 2) / s.Sigma
	if norm <= length {
		return x
	}
	return floats.AddScaledTo(step, s.Mean, length/norm, step)
}
