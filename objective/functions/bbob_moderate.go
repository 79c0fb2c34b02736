package functions

import "math"

// Functions 6 to 9 have a low or moderate condition number.

// attractiveSector is function 6.
func attractiveSector(b *bbob) func(x []float64) float64 {
	m := b.both(10)
	return func(x []float64) float64 {
		z := m.left(b.shifted(x))
		for i := range z {
			if z[i]*b.xopt[i] > 0 {
				z[i] *= 100
			}
		}
		return math.Pow(oscillate([]float64{dot(z, z)})[0], 0.9)
	}
}

// stepEllipsoidal is function 7: plateaus, except near the optimum.
func stepEllipsoidal(b *bbob) func(x []float64) float64 {
	m, q, w := b.first().scale(b.powers(math.Sqrt(10))), b.second(), b.powers(100)
	return func(x []float64) float64 {
		z := m.left(b.shifted(x))
		first := math.Abs(z[0])
		for i, v := range z {
			if math.Abs(v) > 0.5 {
				z[i] = math.RoundToEven(v)
			} else {
				z[i] = math.RoundToEven(10*v) / 10
			}
		}
		return 0.1 * math.Max(1e-4*first, weighted(w, q.left(z)))
	}
}

// valley is Rosenbrock's function.
func valley(z []float64) float64 {
	s := 0.0
	for i := range len(z) - 1 {
		a, c := z[i]*z[i]-z[i+1], z[i]-1
		s += 100*a*a + c*c
	}
	return s
}

// rosenbrock is function 8.
func rosenbrock(b *bbob) func(x []float64) float64 {
	for i := range b.xopt {
		b.xopt[i] *= 0.75
	}
	c := math.Max(1, math.Sqrt(float64(b.d))/8)
	return func(x []float64) float64 {
		z := b.shifted(x)
		for i := range z {
			z[i] = c*z[i] + 1
		}
		return valley(z)
	}
}

// rosenbrockRotated is function 9.
func rosenbrockRotated(b *bbob) func(x []float64) float64 {
	turn := b.turned()
	return func(x []float64) float64 { return valley(turn(x)) }
}

// turned returns the map z = c·x·R + 1/2 of functions 9 and 19, and puts the
// optimum where z is 1.
func (b *bbob) turned() func(x []float64) []float64 {
	c := math.Max(1, math.Sqrt(float64(b.d))/8)
	m := b.first()
	for _, row := range m {
		for j := range row {
			row[j] *= c
		}
	}
	half := make([]float64, b.d)
	for i := range half {
		half[i] = 0.5
	}
	b.xopt = m.right(half)
	for i := range b.xopt {
		b.xopt[i] /= c * c
	}
	return func(x []float64) []float64 {
		z := m.left(x)
		for i := range z {
			z[i] += 0.5
		}
		return z
	}
}
