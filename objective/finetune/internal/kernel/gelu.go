package kernel

import "math"

// GELU sets y = x·Φ(x), element by element, to within 1e-6, with Φ the distribution function of the
// standard normal distribution. D. Hendrycks, K. Gimpel, "Gaussian Error Linear Units (GELUs)",
// 2016; not its approximation by tanh. y may be x.
func GELU(y, x []float32) {
	same(len(y), len(x))
	gelu(choice().vector, y, x)
}

// GELUBackward sets dx = dy·(Φ(x) + x·φ(x)), with the density φ: the gradient with respect to the
// argument of GELU. dx may be dy or x.
func GELUBackward(dx, x, dy []float32) {
	same(len(dx), len(x), len(dy))
	geluBackward(choice().vector, dx, x, dy)
}

// Constants of erf(z) = 1 - (a₁t + … + a₅t⁵)·e^(-z²), t = 1/(1 + p·z), for z ≥ 0, to 1.5e-7: M.
// Abramowitz, I. A. Stegun, "Handbook of Mathematical Functions", 1964, 7.1.26. Half of it at z =
// x/√2 is Φ.
const (
	erfP   = 0.3275911 / math.Sqrt2
	erfA1  = 0.254829592 / 2
	erfA2  = -0.284496736 / 2
	erfA3  = 1.421413741 / 2
	erfA4  = -1.453152027 / 2
	erfA5  = 1.061405429 / 2
	sqrtPi = 0.39894228 // 1/√(2π)
)

// normal returns Φ(x) and e^(-x²/2).
func normal(x float32) (cdf, e float32) {
	// The absolute value, by clearing the sign bit.
	z := math.Float32frombits(math.Float32bits(x) &^ (1 << 31))
	t := 1 / (float32(z*erfP) + 1)
	e = exp(float32(z*z) * -0.5)
	p := float32(erfA5)
	p = float32(p*t) + erfA4
	p = float32(p*t) + erfA3
	p = float32(p*t) + erfA2
	p = float32(p*t) + erfA1
	cdf = float32(float32(p*t) * e) // Φ(-|x|)
	// This way round, NaN takes the other branch, as in the assembly.
	if 0 > x {
		return cdf, e
	}
	return 1 - cdf, e
}

// geluGeneric is the reference for the assembly.
func geluGeneric(y, x []float32) {
	for i, v := range x {
		cdf, _ := normal(v)
		y[i] = v * cdf
	}
}

// geluBackwardGeneric computes Φ again instead of keeping it.
func geluBackwardGeneric(dx, x, dy []float32) {
	for i, v := range x {
		cdf, e := normal(v)
		dx[i] = dy[i] * (cdf + float32(v*float32(e*sqrtPi)))
	}
}
