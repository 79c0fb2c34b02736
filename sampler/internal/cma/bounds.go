package cma

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// edge is how far the bend at a boundary reaches, inwards and outwards.
const edge = 0.05

// Bounds keep a search in the unit cube. A smooth coordinate continues beyond 0
// and 1 and is folded back by the quadratic boundary of pycma's BoundTransform
// (Hansen): Fold is the identity from edge to 1-edge, has its extremes 0 and 1 at
// -edge and 1+edge, and bends back beyond. So an optimum on the boundary looks like
// the bottom of a bowl, with points on both sides, and the search converges to it
// as to any other. Unlike pycma, draws are repeated from 2·edge outside: a
// distribution that is wide beside the edges is truncated there, and converges as
// fast as one that is truncated at 0 and 1.
//
// A sharp coordinate is not folded; draws outside the unit interval are repeated.
type Bounds struct {
	Sharp []bool // d
}

// Draw returns a point from draw, to be folded. Draws out of bounds are repeated up
// to ten times the dimension; then the last one is clipped.
func (b Bounds) Draw(r *rand.Rand, draw func(*rand.Rand) []float64) []float64 {
	for range 10 * len(b.Sharp) {
		if y := draw(r); b.contain(y) {
			return y
		}
	}
	y := draw(r)
	for i := range y {
		low, high := b.interval(i)
		y[i] = min(max(y[i], low), high)
	}
	return y
}

// interval returns the bounds of coordinate i before it is folded.
func (b Bounds) interval(i int) (low, high float64) {
	if b.Sharp[i] {
		return 0, 1
	}
	return -2 * edge, 1 + 2*edge
}

func (b Bounds) contain(y []float64) bool {
	for i, v := range y {
		if low, high := b.interval(i); v < low || v > high {
			return false
		}
	}
	return true
}

// Fold returns the point of the unit cube for one that Draw returned.
func (b Bounds) Fold(y []float64) []float64 {
	x := slices.Clone(y)
	for i, v := range y {
		if !b.Sharp[i] {
			x[i] = fold(v)
		}
	}
	return x
}

func fold(y float64) float64 {
	switch {
	case y < edge:
		return square(y+edge) / (4 * edge)
	case y > 1-edge:
		return 1 - square(1+edge-y)/(4*edge)
	}
	return y
}

// Unfold returns the point on this side of the bends that Fold maps to x.
func (b Bounds) Unfold(x []float64) []float64 {
	y := slices.Clone(x)
	for i, v := range x {
		switch {
		case b.Sharp[i]:
		case v < edge:
			y[i] = 2*math.Sqrt(edge*v) - edge
		case v > 1-edge:
			y[i] = 1 + edge - 2*math.Sqrt(edge*(1-v))
		}
	}
	return y
}

// Redraw replaces unfolded points (λ×d) by points that s may have drawn, for callers
// that kept only the folded ones. Next to a boundary a coordinate has two such
// points, one on each side of the bend, where Fold is equally steep. One is chosen
// by their densities under s, given the coordinates without a choice and those
// chosen before; that is exact for a single choice or without correlations, and a
// good approximation otherwise. quantiles returns d numbers in (0, 1) for point k,
// which decide.
func (b Bounds) Redraw(s *State, points [][]float64, quantiles func(k int) []float64) {
	for k, y := range points {
		var order []int // of the coordinates, those with a choice last
		twins := b.twins(y)
		for i, t := range twins {
			if math.IsNaN(t) {
				order = append(order, i)
			}
		}
		if fixed := len(order); fixed < s.Dim {
			for i, t := range twins {
				if !math.IsNaN(t) {
					order = append(order, i)
				}
			}
			s.choose(y, twins, order, fixed, quantiles(k))
		}
	}
}

// choose decides between y and its twins in the coordinates order[fixed:].
func (s *State) choose(y, twins []float64, order []int, fixed int, u []float64) {
	l := s.lower(order)
	z := make([]float64, s.Dim) // y = m + σ·l·z, in that order
	for i, o := range order {
		given := 0.0
		for j := range i {
			given += l.At(i, j) * z[j]
		}
		mean, deviation := s.Mean[o]+s.Sigma*given, s.Sigma*l.At(i, i)
		z[i] = (y[o] - mean) / deviation
		if i < fixed {
			continue
		}
		other := (twins[o] - mean) / deviation
		if u[o] > 1/(1+math.Exp((z[i]-other)*(z[i]+other)/2)) { // the share of y, e^(-z²/2) to e^(-other²/2)
			y[o], z[i] = twins[o], other
		}
	}
}

// twins returns for each coordinate of an unfolded point the other one that folds to
// the same value, NaN if Draw cannot return it.
func (b Bounds) twins(y []float64) []float64 {
	t := make([]float64, len(y))
	for i, v := range y {
		switch {
		case b.Sharp[i] || 0 < v && v < 1:
			t[i] = math.NaN()
		case v < 0.5:
			t[i] = -2*edge - v // mirrored at -edge
		default:
			t[i] = 2*(1+edge) - v
		}
	}
	return t
}

// lower returns the Cholesky factor of C with the coordinates in the given order, or
// of its diagonal if rounding has made C indefinite.
func (s *State) lower(order []int) *mat.TriDense {
	l := mat.NewTriDense(s.Dim, mat.Lower, nil)
	if !s.Separable {
		c := mat.NewSymDense(s.Dim, nil)
		for i, a := range order {
			for j, b := range order[:i+1] {
				c.SetSym(i, j, s.C.At(a, b))
			}
		}
		var chol mat.Cholesky
		if chol.Factorize(c) {
			chol.LTo(l)
			return l
		}
	}
	for i, o := range order {
		l.SetTri(i, i, s.deviation(o))
	}
	return l
}
