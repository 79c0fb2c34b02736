package functions

import "math"

// Functions 20 to 24 have many optima and little structure.

// schwefel is function 20.
func schwefel(b *bbob) func(x []float64) float64 {
	const a = 4.2096874633 // twice the optimum's distance from the axes
	signs := signs(uniform(b.d, b.seed), 0.5)
	for i := range b.xopt {
		b.xopt[i] = 0.5 * a * signs[i]
	}
	w := b.powers(math.Sqrt(10))
	return func(x []float64) float64 {
		z := make([]float64, b.d)
		s, before := 0.0, 0.0
		for i := range z {
			u := 2 * signs[i] * x[i]
			y := u
			if i > 0 {
				y += 0.25 * (before - a)
			}
			before = u
			z[i] = 100 * (w[i]*(y-a) + a)
			s += z[i] * math.Sin(math.Sqrt(math.Abs(z[i])))
		}
		return 0.01*(418.9828872724339-s/float64(b.d)) + 0.01*outside(z, 500)
	}
}

// signs returns the sign of x - zero for each element; 0 stays 0.
func signs(x []float64, zero float64) []float64 {
	s := make([]float64, len(x))
	for i, v := range x {
		switch {
		case v > zero:
			s[i] = 1
		case v < zero:
			s[i] = -1
		}
	}
	return s
}

// gallagher101 is function 21, with 101 peaks; gallagher21 is function 22, with 21.
func gallagher101(b *bbob) func(x []float64) float64 { return b.gallagher(101, 1, math.Sqrt(1000)) }
func gallagher21(b *bbob) func(x []float64) float64  { return b.gallagher(21, 0.98, 1000) }

// A peak is one of Gallagher's.
type peak struct {
	height float64
	centre []float64 // length d, turned
	shape  []float64 // length d: the weights of the squared distances
}

// gallagher places the peaks in spread·[-5, 5]^d. The first and highest has the given condition and
// lies further inside.
func (b *bbob) gallagher(n int, spread, condition float64) func(x []float64) float64 {
	r, d := b.first(), float64(b.d)
	ranks := order(uniform(n-1, b.seed))
	places := uniform(b.d*n, b.seed)
	peaks := make([]peak, n)
	for i := range peaks {
		p := peak{height: 10, shape: make([]float64, b.d)}
		c := condition
		if i > 0 {
			p.height = 1.1 + 8*float64(i-1)/float64(n-2)
			c = math.Pow(1000, float64(ranks[i-1])/float64(n-2))
		}
		for j, k := range order(uniform(b.d, b.seed+1000*i)) {
			p.shape[j] = math.Pow(c, b.e[k]-0.5)
		}
		place := places[i*b.d : (i+1)*b.d]
		for j := range place {
			place[j] = spread * (10*place[j] - 5)
			if i == 0 {
				place[j] *= 0.8
			}
		}
		p.centre = r.left(place)
		peaks[i] = p
	}
	b.xopt = r.right(peaks[0].centre)
	return func(x []float64) float64 {
		z := r.left(x)
		top := 0.0
		for _, p := range peaks {
			s := 0.0
			for j, v := range z {
				s += p.shape[j] * (v - p.centre[j]) * (v - p.centre[j])
			}
			top = math.Max(top, p.height*math.Exp(-0.5/d*s))
		}
		v := oscillate([]float64{10 - top})[0]
		return v * v
	}
}

// katsuura is function 23.
func katsuura(b *bbob) func(x []float64) float64 {
	m, d := b.both(100), float64(b.d)
	return func(x []float64) float64 {
		product := 1.0
		for i, v := range m.left(b.shifted(x)) {
			s, f := 0.0, 1.0
			for range 32 {
				f *= 2
				s += math.Abs(f*v-math.RoundToEven(f*v)) / f
			}
			product *= 1 + float64(i+1)*s
		}
		c := 10 / (d * d)
		return c*math.Pow(product, 10/math.Pow(d, 1.2)) - c
	}
}

// lunacek is function 24: two bowls, the larger of which misleads.
func lunacek(b *bbob) func(x []float64) float64 {
	const mu = 2.5
	signs, d := signs(normal(b.d, b.seed), 0), float64(b.d)
	for i := range b.xopt {
		b.xopt[i] = 0.5 * mu * signs[i]
	}
	m := b.both(100)
	width := 1 - 0.5/(math.Sqrt(d+20)-4.1)
	other := -math.Sqrt((mu*mu - 1) / width)
	return func(x []float64) float64 {
		z := make([]float64, b.d)
		near, far := 0.0, 0.0
		for i := range z {
			u := 2 * signs[i] * x[i]
			z[i] = u - mu
			near += z[i] * z[i]
			far += (u - other) * (u - other)
		}
		cosines := 0.0
		for _, v := range m.left(z) {
			cosines += math.Cos(2 * math.Pi * v)
		}
		return math.Min(near, d+width*far) + 10*(d-cosines)
	}
}
