package functions

import "math"

// Functions 15 to 19 have many optima and a structure that leads to the best.

// rastriginRotated is function 15.
func rastriginRotated(b *bbob) func(x []float64) float64 {
	q, m := b.second(), b.both(10)
	return func(x []float64) float64 {
		return ripples(m.left(b.skew(oscillate(q.left(b.shifted(x))), 0.2)))
	}
}

// weierstrass is function 16.
func weierstrass(b *bbob) func(x []float64) float64 {
	const terms = 12
	q, m := b.second(), b.both(0.01)
	fractal := func(z float64) float64 {
		s, a, f := 0.0, 1.0, 1.0
		for range terms {
			s += a * math.Cos(2*math.Pi*(f*z))
			a, f = a/2, f*3
		}
		return s
	}
	least := fractal(0.5)
	return func(x []float64) float64 {
		s := 0.0
		for _, v := range m.left(oscillate(q.left(b.shifted(x)))) {
			s += fractal(v + 0.5)
		}
		c := s/float64(b.d) - least
		return 10 * c * c * c
	}
}

// schaffers is function 17, schaffersIllConditioned is 18.
func schaffers(b *bbob) func(x []float64) float64               { return b.schaffers(10) }
func schaffersIllConditioned(b *bbob) func(x []float64) float64 { return b.schaffers(1000) }

func (b *bbob) schaffers(condition float64) func(x []float64) float64 {
	q, m := b.second(), b.first().scale(b.powers(math.Sqrt(condition)))
	return func(x []float64) float64 {
		z := m.left(b.skew(q.left(b.shifted(x)), 0.5))
		s := 0.0
		for i := range b.d - 1 {
			r := z[i]*z[i] + z[i+1]*z[i+1]
			w := math.Sin(50 * math.Pow(r, 0.1))
			s += math.Pow(r, 0.25) * (w*w + 1)
		}
		s /= float64(b.d - 1)
		return s * s
	}
}

// griewankRosenbrock is function 19.
func griewankRosenbrock(b *bbob) func(x []float64) float64 {
	turn := b.turned()
	return func(x []float64) float64 {
		z := turn(x)
		s := 0.0
		for i := range b.d - 1 {
			a, c := z[i]*z[i]-z[i+1], 1-z[i]
			v := 100*a*a + c*c
			s += v/4000 - math.Cos(v)
		}
		return 10 + 10*s/float64(b.d-1)
	}
}
