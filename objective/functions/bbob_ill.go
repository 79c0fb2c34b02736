package functions

import "math"

// Functions 10 to 14 are unimodal and ill-conditioned.

// ellipsoidalRotated is function 10.
func ellipsoidalRotated(b *bbob) func(x []float64) float64 {
	q, w := b.second(), b.powers(1e6)
	return func(x []float64) float64 { return weighted(w, oscillate(q.left(b.shifted(x)))) }
}

// discus is function 11.
func discus(b *bbob) func(x []float64) float64 {
	q := b.second()
	return func(x []float64) float64 {
		z := oscillate(q.left(b.shifted(x)))
		return dot(z, z) + (1e6-1)*z[0]*z[0]
	}
}

// bentCigar is function 12. Its optimum comes from the second seed.
func bentCigar(b *bbob) func(x []float64) float64 {
	b.xopt = optimum(b.d, b.seed2)
	q := b.second()
	return func(x []float64) float64 {
		z := q.left(b.skew(q.left(b.shifted(x)), 0.5))
		return 1e6*dot(z, z) + (1-1e6)*z[0]*z[0]
	}
}

// sharpRidge is function 13.
func sharpRidge(b *bbob) func(x []float64) float64 {
	m := b.both(10)
	return func(x []float64) float64 {
		z := m.left(b.shifted(x))
		return z[0]*z[0] + 100*math.Sqrt(dot(z[1:], z[1:]))
	}
}

// differentPowers is function 14.
func differentPowers(b *bbob) func(x []float64) float64 {
	q := b.second()
	return func(x []float64) float64 {
		s := 0.0
		for i, v := range q.left(b.shifted(x)) {
			s += math.Pow(math.Abs(v), 2+4*b.e[i])
		}
		return math.Sqrt(s)
	}
}
