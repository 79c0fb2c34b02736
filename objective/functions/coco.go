package functions

import (
	"cmp"
	"math"
	"slices"
)

// Random numbers of the BBOB instances, as in the generator that COCO has used since 2009: Finck,
// Hansen, Ros and Auger, "Real-Parameter Black-Box Optimization Benchmarking 2009: Noiseless
// Functions Definitions" (INRIA RR-6829). It is the minimal standard generator of Park and Miller,
// "Random Number Generators: Good Ones Are Hard to Find" (CACM 31, 1988), with the shuffle of Bays
// and Durham over 32 entries.

// uniform returns n numbers in (0, 1), a function of the seed.
func uniform(n, seed int) []float64 {
	const modulus = 2147483647
	s := int64(max(1, seed))
	next := func() int64 {
		k := s / 127773 // Schrage's way, with the remainder of the 2009 code
		if s = 16807*(s-k*127773) - 2836*k; s < 0 {
			s += modulus
		}
		return s
	}
	var shuffled [32]int64
	// The first numbers are thrown away, as in the original.
	for i := 39; i >= 0; i-- {
		if x := next(); i < len(shuffled) {
			shuffled[i] = x
		}
	}
	last := shuffled[0]
	out := make([]float64, n)
	for i := range out {
		x := next()
		j := last / 67108865
		last, shuffled[j] = shuffled[j], x
		if out[i] = float64(last) / modulus; out[i] == 0 {
			// A logarithm follows.
			out[i] = 1e-99
		}
	}
	return out
}

// normal returns n normally distributed numbers.
func normal(n, seed int) []float64 {
	u := uniform(2*n, seed)
	out := make([]float64, n)
	for i := range out {
		if out[i] = math.Sqrt(-2*math.Log(u[i])) * math.Cos(2*math.Pi*u[n+i]); out[i] == 0 {
			out[i] = 1e-99
		}
	}
	return out
}

// optimum returns a point of [-4, 4)^d on a grid of 8e-4.
func optimum(d, seed int) []float64 {
	x := uniform(d, seed)
	for i, u := range x {
		if x[i] = 8*math.Floor(1e4*u)/1e4 - 4; x[i] == 0 {
			// As in COCO: no coordinate of an optimum is 0.
			x[i] = -1e-5
		}
	}
	return x
}

// A matrix is d×d, by rows.
type matrix [][]float64

// rotation returns an orthogonal matrix: rows of normal numbers, orthonormalized one after the
// other (Gram and Schmidt).
func rotation(d, seed int) matrix {
	g := normal(d*d, seed)
	m := make(matrix, d)
	for i := range m {
		m[i] = g[i*d : (i+1)*d]
		for j := range i {
			// In this order, or rounding would differ from COCO's.
			p := dot(m[i], m[j])
			for k := range d {
				m[i][k] -= p * m[j][k]
			}
		}
		norm := math.Sqrt(dot(m[i], m[i]))
		for k := range d {
			m[i][k] /= norm
		}
	}
	return m
}

// scale multiplies column j of m by s[j], in place, and returns m.
func (m matrix) scale(s []float64) matrix {
	for _, row := range m {
		for j := range row {
			row[j] *= s[j]
		}
	}
	return m
}

// times returns the product m·b.
func (m matrix) times(b matrix) matrix {
	out := make(matrix, len(m))
	for i, row := range m {
		out[i] = b.left(row)
	}
	return out
}

// left returns the row vector x·m.
func (m matrix) left(x []float64) []float64 {
	out := make([]float64, len(m[0]))
	for i, row := range m {
		for j, v := range row {
			out[j] += x[i] * v
		}
	}
	return out
}

// right returns the column vector m·x.
func (m matrix) right(x []float64) []float64 {
	out := make([]float64, len(m))
	for i, row := range m {
		out[i] = dot(row, x)
	}
	return out
}

// dot returns the inner product.
func dot(a, b []float64) float64 {
	s := 0.0
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}

// order returns the indices of x by increasing value; equal ones keep theirs.
func order(x []float64) []int {
	index := make([]int, len(x))
	for i := range index {
		index[i] = i
	}
	slices.SortStableFunc(index, func(i, j int) int { return cmp.Compare(x[i], x[j]) })
	return index
}
