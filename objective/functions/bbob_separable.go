package functions

import "math"

// Functions 1 to 5 are separable: each variable can be searched alone.

// sphere is function 1.
func sphere(b *bbob) func(x []float64) float64 {
	return func(x []float64) float64 {
		z := b.shifted(x)
		return dot(z, z)
	}
}

// weighted is Σ w·z².
func weighted(w, z []float64) float64 {
	s := 0.0
	for i, v := range z {
		s += w[i] * v * v
	}
	return s
}

// ellipsoidal is function 2.
func ellipsoidal(b *bbob) func(x []float64) float64 {
	w := b.powers(1e6)
	return func(x []float64) float64 { return weighted(w, oscillate(b.shifted(x))) }
}

// rastrigin is function 3.
func rastrigin(b *bbob) func(x []float64) float64 {
	w := b.powers(math.Sqrt(10))
	return func(x []float64) float64 {
		z := b.skew(oscillate(b.shifted(x)), 0.2)
		for i := range z {
			z[i] *= w[i]
		}
		return ripples(z)
	}
}

// buecheRastrigin is function 4.
func buecheRastrigin(b *bbob) func(x []float64) float64 {
	for i := 0; i < b.d; i += 2 {
		b.xopt[i] = math.Abs(b.xopt[i])
	}
	w := b.powers(math.Sqrt(10))
	return func(x []float64) float64 {
		z := oscillate(b.shifted(x))
		for i := range z {
			if i%2 == 0 && z[i] > 0 {
				z[i] *= 10
			}
			z[i] *= w[i]
		}
		return ripples(z)
	}
}

// linearSlope is function 5. Its optimum is a corner of the box.
func linearSlope(b *bbob) func(x []float64) float64 {
	slope := b.powers(10)
	top := 0.0
	for i, s := range slope {
		top += 5 * s
		sign := math.Copysign(1, b.xopt[i])
		b.xopt[i], slope[i] = 5*sign, -sign*s
	}
	return func(x []float64) float64 {
		v := top
		for i, xi := range x {
			if xi*b.xopt[i] > 25 { // beyond the optimum it is flat
				xi = b.xopt[i]
			}
			v += slope[i] * xi
		}
		return v
	}
}
