// Package gp is Gaussian process regression in the unit cube, with categories, and an
// acquisition function for choosing where to observe next. It works on slices.
//
// Everything is maximized here. Legend: n observations, q pending points, d
// axes; K is the n×n covariance of the observations with noise.
//
// See Rasmussen and Williams, "Gaussian Processes for Machine Learning" (2006).
package gp

import (
	"math"

	"github.com/bluefin-hpo/bluefin/sampler/internal/fastexp"
)

// A Kernel is the covariance of two points,
//
//	k(a, b) = Scale · (1 + r + r²/3) · exp(-r),  r² = 5 Σ_i Weights_i δ_i(a, b),
//
// with δ_i = (a_i - b_i)² on an ordered axis and 1 if a_i ≠ b_i, else 0, on an
// unordered one: Matérn with ν = 5/2 (Rasmussen and Williams, eq. (4.17)) and one
// length scale, Weights_i^(-1/2), for each axis.
type Kernel struct {
	Weights   []float64 // d, ≥ 0: the inverse of the squared length scales
	Scale     float64   // the variance of the function, > 0
	Unordered []bool    // d: the axis holds categories; nil if none does
}

// unordered reports whether axis i holds categories.
func (k Kernel) unordered(i int) bool { return k.Unordered != nil && k.Unordered[i] }

// distance returns δ_i of the values a and b on axis i.
func (k Kernel) distance(i int, a, b float64) float64 {
	switch {
	case !k.unordered(i):
		return (a - b) * (a - b)
	case a != b:
		return 1
	}
	return 0
}

// at returns the covariance of a and b, and its derivative by Σ Weights_i δ_i.
func (k Kernel) at(a, b []float64) (cov, slope float64) {
	sum := 0.0
	if k.Unordered == nil {
		for i, w := range k.Weights {
			diff := a[i] - b[i]
			sum += w * diff * diff
		}
	} else {
		for i, w := range k.Weights {
			if diff := a[i] - b[i]; !k.Unordered[i] {
				sum += w * diff * diff
			} else if diff != 0 {
				sum += w
			}
		}
	}
	r := math.Sqrt(5 * sum)
	e := k.Scale * fastexp.Neg(-r)
	return (1 + r + r*r/3) * e, -5.0 / 6 * (1 + r) * e
}
