// Package truncnorm computes the standard normal distribution, whole or truncated to [a, b], in
// logarithms, so nothing underflows or cancels in the tails. For another mean and deviation,
// standardise x and the bounds, and subtract the log of the deviation from log densities.
package truncnorm

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

const logSqrt2Pi = 0.91893853320467274178 // ln √(2π)

// LogPhi returns the log density ln φ(x) = -x²/2 - ln √(2π).
func LogPhi(x float64) float64 { return -x*x/2 - logSqrt2Pi }

// LogCDF returns ln Φ(x) to a few units in the last place for every x.
func LogCDF(x float64) float64 {
	switch {
	case x > 0:
		return math.Log1p(-math.Erfc(x/math.Sqrt2) / 2)
	case x > -20:
		return math.Log(math.Erfc(-x/math.Sqrt2) / 2)
	case math.IsInf(x, -1):
		return x
	}
	// Φ(x) = φ(x)/|x| · (1 - 1/x² + 3/x⁴ - 15/x⁶ + …), Abramowitz and Stegun,
	// "Handbook of Mathematical Functions", 1964, 26.2.12. At x = -20 the
	// first term left out is below 1e-16.
	z := 1 / (x * x)
	series := z * (-1 + z*(3+z*(-15+z*(105+z*(-945+z*10395)))))
	return LogPhi(x) - math.Log(-x) + math.Log1p(series)
}

// LogMass returns ln(Φ(b) - Φ(a)), -Inf if the interval is empty.
func LogMass(a, b float64) float64 {
	if a > 0 {
		a, b = -b, -a // in the lower tail no digits cancel
	}
	if !(a < b) {
		return math.Inf(-1)
	}
	if h, m := (b-a)/2, (a+b)/2; h*math.Max(1, -m) <= 0.5 {
		return logNarrowMass(m, h)
	}
	if b <= 0 {
		logB := LogCDF(b)
		return logB + math.Log1p(-math.Exp(LogCDF(a)-logB))
	}
	if outside := (math.Erfc(-a/math.Sqrt2) + math.Erfc(b/math.Sqrt2)) / 2; outside < 0.5 {
		return math.Log1p(-outside)
	}
	return math.Log((math.Erf(b/math.Sqrt2) + math.Erf(-a/math.Sqrt2)) / 2)
}

// logNarrowMass returns the log of the mass in [m-h, m+h] where the difference of
// two CDFs would cancel. The Taylor series of φ around m integrates to
//
//	2h·φ(m)·Σ He₂ₖ(m)·h²ᵏ / (2k+1)!
//
// with the Hermite polynomials Heₙ₊₁ = m·Heₙ - n·Heₙ₋₁. With h and |m|h at
// most 1/2, the terms from k = 8 on are below 1e-16.
func logNarrowMass(m, h float64) float64 {
	sum, factor := 0.0, 1.0
	odd, even := m, m*m-1 // Heₙ₋₁ and Heₙ for n = 2
	for n := 2.0; n < 16; n += 2 {
		factor *= h * h / (n * (n + 1))
		sum += even * factor
		odd = m*even - n*odd
		even = m*odd - (n+1)*even
	}
	return LogPhi(m) + math.Log(2*h*(1+sum))
}

// InvLogCDF returns the x with ln Φ(x) = y, for y in [-Inf, 0].
func InvLogCDF(y float64) float64 {
	switch {
	case math.IsNaN(y) || y > 0:
		return math.NaN()
	case y == 0:
		return math.Inf(1)
	case math.IsInf(y, -1):
		return y
	case y > -math.Ln2:
		return -InvLogCDF(math.Log(-math.Expm1(y)))
	}
	var x float64
	if y > -700 {
		x = mathext.NormalQuantile(math.Exp(y))
	} else {
		// The first term of the tail's series, with |x| ≈ √(-2y) inside.
		x = -math.Sqrt(2 * (-y - logSqrt2Pi - math.Log(-2*y)/2))
	}
	// Newton's method: ln Φ is increasing and concave, so from its first step
	// on it climbs to the root from the left and cannot leave.
	for range 20 {
		logCDF := LogCDF(x)
		step := (y - logCDF) / math.Exp(LogPhi(x)-logCDF)
		x += step
		if math.Abs(step) <= 1e-9*math.Max(1, math.Abs(x)) {
			break // converges quadratically: the next step would be the square of this one
		}
	}
	return x
}

// Quantile returns the q-quantile of the standard normal truncated to [a, b], a < b. It is a at q = 0,
// b at q = 1, and always within [a, b].
func Quantile(q, a, b float64) float64 { return NewEnds(a, b).Quantile(q) }

// Ends is an interval [a, b] with what Quantile precomputes.
type Ends struct {
	a, b               float64
	below, above, mass float64 // probability below a, above b and between, if a < 0 < b
}

// NewEnds returns the interval [a, b], a < b.
func NewEnds(a, b float64) Ends {
	const far = 9 // the mass beyond this many deviations is less than a rounding error
	e := Ends{a: a, b: b}
	switch {
	case a < -far && b > far:
		e.mass = 1
	case a < 0 && b > 0:
		e.below, e.above = math.Erfc(-a/math.Sqrt2)/2, math.Erfc(b/math.Sqrt2)/2
		if e.mass = 1 - (e.below + e.above); e.mass < 0.5 {
			e.mass = (math.Erf(b/math.Sqrt2) + math.Erf(-a/math.Sqrt2)) / 2
		}
	}
	return e
}

// LogMass returns LogMass(a, b).
func (e Ends) LogMass() float64 {
	if e.mass > 0.5 {
		return math.Log1p(-(e.below + e.above))
	}
	return LogMass(e.a, e.b)
}

// Quantile returns Quantile(q, a, b).
func (e Ends) Quantile(q float64) float64 {
	a, b := e.a, e.b
	switch {
	case q <= 0:
		return a
	case q >= 1:
		return b
	case a >= 0: // count from the upper end, in the lower tail
		return -quantile(math.Log1p(-q), -b, -a)
	case b <= 0:
		return quantile(math.Log(q), a, b)
	}
	// An interval around 0 needs no logarithms: the smaller mass on either side of x is a sum of
	// positive terms.
	below, above := e.below+q*e.mass, e.above+(1-q)*e.mass
	var x float64
	switch {
	case below < 1e-300:
		return quantile(math.Log(q), a, b)
	case below <= 0.5:
		x = mathext.NormalQuantile(below)
	default:
		x = -mathext.NormalQuantile(above)
	}
	return math.Min(math.Max(x, a), b)
}

// quantile solves Φ(x) = Φ(a) + q·(Φ(b) - Φ(a)) for x.
func quantile(logQ, a, b float64) float64 {
	x := InvLogCDF(math.Min(logAdd(LogCDF(a), logQ+LogMass(a, b)), 0))
	return math.Min(math.Max(x, a), b)
}

// LogPDF returns the log density at x of the standard normal truncated to
// [a, b], -Inf outside.
func LogPDF(x, a, b float64) float64 {
	if x < a || x > b {
		return math.Inf(-1)
	}
	return LogPhi(x) - LogMass(a, b)
}

// logAdd returns ln(eˣ + eʸ).
func logAdd(x, y float64) float64 {
	if x < y {
		x, y = y, x
	}
	if math.IsInf(x, -1) {
		return x
	}
	return x + math.Log1p(math.Exp(y-x))
}
