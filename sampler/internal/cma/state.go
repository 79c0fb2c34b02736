// Package cma is the covariance matrix adaptation evolution strategy on plain
// vectors: Draw draws points, Tell takes their values, smaller being better. Bounds
// keeps points in the unit cube.
//
// The algorithm and the equation numbers are those of Hansen, "The CMA Evolution
// Strategy: A Tutorial" (arXiv:1604.00772, 2016), with the constants and the negative
// weights of the library cmaes. The tests compare every number of the state with it.
//
// Shapes: d is the dimension, λ the population, µ the number of selected
// points; vectors are d long, matrices d×d.
package cma

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// The limits of a State: far beyond what a search needs, and narrow enough that no
// draw overflows.
const (
	minSigma, maxSigma = 1e-32, 1e32
	minScale, maxScale = 1e-60, 1e60 // of the largest eigenvalue of C
	maxCondition       = 1e14        // of C: the ratio of its eigenvalues
	minPath            = 1e-150      // of what is not 0 in a path, so that its square is a normal number
)

// A State is the state of a search: the normal distribution N(Mean, Sigma²·C) to draw
// from, and the evolution paths. It never changes, so any number of goroutines may use
// it.
type State struct {
	*Constants
	Generation int           // populations told so far
	Mean       []float64     // m
	Sigma      float64       // σ
	C          *mat.SymDense // covariance without σ², positive definite; nil if Separable
	Diagonal   []float64     // that of C if Separable, else nil
	PSigma     []float64     // p_σ, evolution path of σ
	PC         []float64     // p_c, evolution path of C
	Rates      *Rates        // nil unless AdaptRates

	root    *mat.SymDense // C^(1/2), the symmetric root; nil if Separable
	inverse *mat.SymDense // C^(-1/2)

	condition float64 // of C, before its eigenvalues were raised
	kept      bool    // the last generation could not be told
}

// New returns the state before the first generation. It keeps mean, of length c.Dim,
// and cov, nil for the identity; if c is separable only its diagonal counts. It panics
// unless mean and sigma are finite, sigma is positive, and cov is positive definite.
func New(c *Constants, mean []float64, sigma float64, cov *mat.SymDense) *State {
	s := &State{Constants: c, Mean: mean, Sigma: sigma, C: cov, PSigma: make([]float64, c.Dim), PC: make([]float64, c.Dim)}
	switch {
	case c.Separable:
		s.C, s.Diagonal = nil, ones(c.Dim)
		if cov != nil {
			for i := range s.Diagonal {
				s.Diagonal[i] = cov.At(i, i)
			}
		}
	case cov == nil:
		s.C = mat.NewSymDense(c.Dim, nil)
		for i := range c.Dim {
			s.C.SetSym(i, i, 1)
		}
	}
	if c.AdaptRates {
		s.Rates = newRates(c.Dim)
	}
	if !s.settle() {
		panic("cma: New with a state that is not finite or not positive definite")
	}
	return s
}

// Draw returns a point of N(Mean, Sigma²·C). All its coordinates are finite.
func (s *State) Draw(r *rand.Rand) []float64 {
	z := make([]float64, s.Dim)
	for i := range z {
		z[i] = r.NormFloat64()
	}
	return s.Point(z)
}

// Point returns m + σ·C^(1/2)·z (eq. 38 to 40). The tutorial multiplies with
// B·D, where C = B·D²·Bᵀ; the symmetric root B·D·Bᵀ has the same distribution
// and does not depend on the signs of the eigenvectors.
func (s *State) Point(z []float64) []float64 {
	x := s.stretch(z)
	for i := range x {
		x[i] = s.Mean[i] + s.Sigma*x[i]
	}
	return x
}

// settle computes the roots of C and reports whether the state is sound. It raises the
// eigenvalues of C that are too small beside the largest; rounding may even have made
// them negative.
func (s *State) settle() bool {
	s.Sigma = min(max(s.Sigma, minSigma), maxSigma)
	if !finite(s.Mean...) || !finite(s.Sigma) || !finite(s.PSigma...) || !finite(s.PC...) {
		return false
	}
	if s.Separable {
		return s.settleDiagonal()
	}
	if !finite(s.C.RawSymmetric().Data...) {
		return false
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(s.C, true) {
		return false
	}
	values := eigen.Values(nil) // ascending
	largest := values[s.Dim-1]
	if !(minScale <= largest && largest <= maxScale) {
		return false
	}
	s.condition = largest / values[0]
	if values[0] <= 0 {
		s.condition = math.Inf(1)
	}
	var b mat.Dense // eigenvectors in columns
	eigen.VectorsTo(&b)
	if low := largest / maxCondition; values[0] < low {
		for i, v := range values {
			values[i] = max(v, low)
		}
		s.C = compose(&b, values, func(v float64) float64 { return v })
	}
	s.root = compose(&b, values, math.Sqrt)
	s.inverse = compose(&b, values, func(v float64) float64 { return 1 / math.Sqrt(v) })
	return true
}

// settleDiagonal is settle for a diagonal C.
func (s *State) settleDiagonal() bool {
	largest := slices.Max(s.Diagonal)
	if !finite(s.Diagonal...) || !(minScale <= largest && largest <= maxScale) {
		return false
	}
	s.condition = math.Inf(1)
	if smallest := slices.Min(s.Diagonal); smallest > 0 {
		s.condition = largest / smallest
	}
	for i, v := range s.Diagonal {
		s.Diagonal[i] = max(v, largest/maxCondition)
	}
	return true
}

// stretch returns C^(1/2)·z.
func (s *State) stretch(z []float64) []float64 {
	if !s.Separable {
		return product(s.root, z)
	}
	x := make([]float64, s.Dim)
	for i, v := range s.Diagonal {
		x[i] = math.Sqrt(v) * z[i]
	}
	return x
}

// whiten returns C^(-1/2)·y.
func (s *State) whiten(y []float64) []float64 {
	if !s.Separable {
		return product(s.inverse, y)
	}
	z := make([]float64, s.Dim)
	for i, v := range s.Diagonal {
		z[i] = y[i] / math.Sqrt(v)
	}
	return z
}

func ones(n int) []float64 { return slices.Repeat([]float64{1}, n) }

// compose returns B·diag(f(v))·Bᵀ for positive f(v).
func compose(b *mat.Dense, values []float64, f func(float64) float64) *mat.SymDense {
	half := mat.DenseCopyOf(b) // B·diag(f(v))^(1/2)
	for j, v := range values {
		scale := math.Sqrt(f(v))
		for i := range values {
			half.Set(i, j, half.At(i, j)*scale)
		}
	}
	m := mat.NewSymDense(len(values), nil)
	m.SymOuterK(1, half)
	return m
}

// product returns m·x.
func product(m *mat.SymDense, x []float64) []float64 {
	var y mat.VecDense
	y.MulVec(m, mat.NewVecDense(len(x), x))
	return y.RawVector().Data
}

func finite(xs ...float64) bool {
	for _, x := range xs {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}
