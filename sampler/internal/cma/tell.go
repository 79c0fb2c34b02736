package cma

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// Tell returns the state after one generation: λ points (λ×d) and their values (λ), of
// which only the order counts. Smaller is better, NaN is worst, and of equal values the
// first is better.
//
// If the new state would not be finite, or C not positive definite within sane limits,
// because the points are absurd or the search has long converged, then the distribution
// and the paths stay as they were. Tell panics if the shapes are wrong.
func (s *State) Tell(points [][]float64, values []float64) *State {
	if len(points) != s.Lambda || len(values) != s.Lambda {
		panic(fmt.Sprintf("cma: Tell with %d points and %d values, want %d", len(points), len(values), s.Lambda))
	}
	next := &State{Constants: s.Constants, Generation: s.Generation + 1}
	steps := s.ranked(points, values)
	mean := make([]float64, s.Dim) // y_w, how far the mean moves
	for k, w := range s.Weights[:s.Mu] {
		floats.AddScaled(mean, w, steps[k]) // eq. 41
	}
	next.Mean = floats.AddScaledTo(make([]float64, s.Dim), s.Mean, s.Sigma, mean) // eq. 42, with c_m = 1

	next.PSigma = path(s.PSigma, s.CSigma, s.MuEff, s.whiten(mean)) // eq. 43
	norm := floats.Norm(next.PSigma, 2)
	next.Sigma = s.Sigma * math.Exp(min(1, s.CSigma/s.DSigma*(norm/s.ChiN-1))) // eq. 44, the growth limited as in pycma

	// p_c does not move while σ grows fast, or C would grow too (h_σ, p. 28).
	// Generations count from 1 here, as in cmaes.
	stalled := norm/math.Sqrt(1-math.Pow(1-s.CSigma, 2*float64(next.Generation+1))) >= (1.4+2/float64(s.Dim+1))*s.ChiN
	if stalled {
		next.PC = floats.ScaleTo(make([]float64, s.Dim), 1-s.CC, s.PC)
	} else {
		next.PC = path(s.PC, s.CC, s.MuEff, mean) // eq. 45
	}
	if s.Separable {
		next.Diagonal = s.adaptDiagonal(steps, next.PC, stalled)
	} else {
		next.C = s.adapt(steps, next.PC, stalled)
	}
	if s.AdaptRates {
		next.slow(s)
	}
	if !next.settle() {
		kept := *s
		kept.Generation++
		kept.kept = true
		return &kept
	}
	return next
}

// ranked returns y = (x-m)/σ of the points, best first (λ×d).
func (s *State) ranked(points [][]float64, values []float64) [][]float64 {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := values[i], values[j]
		if math.IsNaN(a) || math.IsNaN(b) {
			return -cmp.Compare(a, b) // cmp has NaN first
		}
		return cmp.Compare(a, b)
	})
	steps := make([][]float64, len(order))
	for k, i := range order {
		steps[k] = floats.SubTo(make([]float64, s.Dim), points[i], s.Mean)
		for j := range steps[k] {
			steps[k][j] /= s.Sigma
		}
	}
	return steps
}

// path returns (1-c)·p + √(c·(2-c)·µ_eff)·y: an evolution path that has forgotten a
// fraction c of itself and moved by y. Tiny entries become 0: a search that does not
// move would sink into the subnormal numbers, where arithmetic is slow.
func path(p []float64, c, muEff float64, y []float64) []float64 {
	next := floats.ScaleTo(make([]float64, len(p)), 1-c, p)
	floats.AddScaled(next, math.Sqrt(c*(2-c)*muEff), y)
	for i, v := range next {
		if math.Abs(v) < minPath {
			next[i] = 0
		}
	}
	return next
}

// adaptDiagonal is adapt for a diagonal C.
func (s *State) adaptDiagonal(steps [][]float64, pc []float64, stalled bool) []float64 {
	delta := 0.0
	if stalled {
		delta = s.CC * (2 - s.CC)
	}
	c := floats.ScaleTo(make([]float64, s.Dim), 1+s.C1*delta-s.C1-s.CMu*floats.Sum(s.Weights), s.Diagonal)
	for i := range c {
		c[i] += s.C1 * pc[i] * pc[i]
		for k, w := range s.Weights[:s.Mu] {
			c[i] += s.CMu * w * steps[k][i] * steps[k][i]
		}
	}
	return c
}

// adapt returns the covariance matrix after the ranked steps (λ×d).
func (s *State) adapt(steps [][]float64, pc []float64, stalled bool) *mat.SymDense {
	delta := 0.0 // δ(h_σ) makes up for the variance that a stalled path lacks
	if stalled {
		delta = s.CC * (2 - s.CC)
	}
	c := mat.NewSymDense(s.Dim, nil)
	c.ScaleSym(1+s.C1*delta-s.C1-s.CMu*floats.Sum(s.Weights), s.C) // eq. 47
	c.SymRankOne(c, s.C1, mat.NewVecDense(s.Dim, pc))              // eq. 47, rank one
	for k, w := range s.Weights {
		if w < 0 { // eq. 46: a step with a negative weight counts with length √d
			w *= float64(s.Dim) / (square(floats.Norm(s.whiten(steps[k]), 2)) + 1e-8)
		}
		c.SymRankOne(c, s.CMu*w, mat.NewVecDense(s.Dim, steps[k])) // eq. 47, rank µ
	}
	return c
}
