package cma

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// MaxStep returns the longest step from the mean, in deviations of the distribution,
// for a point that was not drawn: c_y of Hansen, "Injecting External Solutions Into
// CMA-ES" (arXiv:1110.4181, 2011), table 1. About one draw in twenty is longer in two
// dimensions, one in a hundred in ten.
func MaxStep(dim int) float64 {
	n := float64(dim)
	return math.Sqrt(n) + 2*n/(n+2)
}

// Shorten returns x or, if its Mahalanobis distance ‖C^(-1/2)·(x-m)‖/σ from the mean is
// larger than length, the point at that distance in the same direction.
func (s *State) Shorten(x []float64, length float64) []float64 {
	norm := s.Distance(x)
	if norm <= length {
		return x
	}
	step := floats.SubTo(make([]float64, s.Dim), x, s.Mean)
	return floats.AddScaledTo(step, s.Mean, length/norm, step)
}

// Distance returns the Mahalanobis distance of x from the mean.
func (s *State) Distance(x []float64) float64 {
	return floats.Norm(s.whiten(floats.SubTo(make([]float64, s.Dim), x, s.Mean)), 2) / s.Sigma
}
