// Package curve is Gaussian process regression of learning curves: values over settings × steps,
// where most curves end early. It predicts where each curve would end, and how well settings would
// do that nobody has tried. It works on slices, and knows nothing of trials.
//
// See Swersky, Snoek and Adams, "Freeze-Thaw Bayesian Optimization" (arXiv:1406.3896, 2014), and
// Lin, Ament, Balandat and Eriksson, "Scaling Gaussian Processes for Learning Curve Prediction via
// Latent Kronecker Structure" (arXiv:2410.09239, 2024), whose covariance this is, with a term more.
//
// Legend: n curves, d axes of settings, N rows of the covariance, R factors of the steps.
package curve

import "math"

// A Kernel is the covariance of two points, a setting and a step each,
//
//	k((x, s), (y, t)) = (Shared + m(δ(x, y))) · (Level + Scale·m((s-t)²/Length²)) + [same curve]·Own·m((s-t)²/OwnLength²)
//
// where δ(x, y) = Σ_i Weights_i (x_i - y_i)² and m is Matérn's correlation with ν = 5/2. Shared is
// what all settings have in common, so unknown settings revert to the mean curve; Own is by how much
// a curve deviates from those of equal settings. The position of a step is in [0, 1], see Curve.
type Kernel struct {
	Weights        []float64 // d, ≥ 0: the inverse of the squared length scales
	Shared         float64
	Level          float64
	Scale, Length  float64
	Own, OwnLength float64
	Noise          float64 // variance of each value, > 0
}

// matern returns Matérn's correlation, ν = 5/2, at the squared distance d, and its derivative by d.
func matern(d float64) (correlation, slope float64) {
	r := math.Sqrt(5 * d)
	e := math.Exp(-r)
	return (1 + r + r*r/3) * e, -5.0 / 6 * (1 + r) * e
}

// settings returns Shared + m(δ(x, y)), and the derivative of m.
func (k Kernel) settings(x, y []float64) (cov, slope float64) {
	sum := 0.0
	for i, w := range k.Weights {
		diff := x[i] - y[i]
		sum += w * diff * diff
	}
	m, slope := matern(sum)
	return k.Shared + m, slope
}

// steps returns Level + Scale·m((s-t)²/Length²).
func (k Kernel) steps(s, t float64) float64 {
	d := (s - t) / k.Length
	m, _ := matern(d * d)
	return k.Level + k.Scale*m
}

// own returns Own·m((s-t)²/OwnLength²).
func (k Kernel) own(s, t float64) float64 {
	d := (s - t) / k.OwnLength
	m, _ := matern(d * d)
	return k.Own * m
}
