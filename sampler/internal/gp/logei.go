package gp

import "math"

const (
	logSqrt2Pi = 0.9189385332046727 // ln √(2π)

	// farTail is where the asymptotic series replaces the closed form, whose terms
	// cancel to 1/z² of their size.
	farTail = -25
)

// logImprovement returns ln h(z) for the expected positive part of a standard
// normal variable with mean z, h(z) = φ(z) + z Φ(z), and its derivative Φ/h. It is
// accurate also where h underflows: Ament et al., "Unexpected Improvements to
// Expected Improvement for Bayesian Optimization" (NeurIPS 2023), with another
// series.
func logImprovement(z float64) (value, slope float64) {
	if z > farTail {
		density, mass := math.Exp(-z*z/2-logSqrt2Pi), math.Erfc(-z/math.Sqrt2)/2
		h := density + z*mass
		return math.Log(h), mass / h
	}
	// Mills' ratio: Φ(z)/φ(z) = -1/z (1 - 1/z² + 3/z⁴ - 15/z⁶ …), so that
	// h/φ = 1/z² (1 - 3/z² + 15/z⁴ - 105/z⁶ …).
	u := 1 / (z * z)
	mills := 1 - u*(1-3*u*(1-5*u*(1-7*u*(1-9*u*(1-11*u)))))
	rest := 1 - 3*u*(1-5*u*(1-7*u*(1-9*u*(1-11*u*(1-13*u)))))
	return -z*z/2 - logSqrt2Pi + math.Log(u) + math.Log(rest), -z * mills / rest
}
