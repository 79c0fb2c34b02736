// Package lbfgs minimizes a differentiable function in a box, with a
// limited-memory approximation of the Hessian.
package lbfgs

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// A Problem is a function with the box to minimize it in.
type Problem struct {
	// Func returns the value at x and writes the gradient. NaN or +Inf marks a point
	// to avoid. It must not keep x or grad.
	Func func(x, grad []float64) float64

	Low, High []float64 // the box, d each; Low ≤ High, possibly infinite
}

// Settings say when to stop.
type Settings struct {
	Iterations int     // the maximum; 0: 100
	GradTol    float64 // stop when no entry of the projected gradient is larger
	FuncTol    float64 // stop when an iteration gains less, relative to max(|f|, 1)
}

const (
	memory    = 10   // pairs of steps and gradient changes kept
	decrease  = 1e-4 // fraction of the decrease predicted by the gradient that a step must achieve
	halvings  = 25   // of a step before the search gives up
	curvature = 1e-10
)

// Minimize returns the best point found from x0, which is moved into the box, and its
// value. It is the two-metric projection of Bertsekas, "Projected Newton methods for
// optimization problems with simple constraints" (SIAM J. Control Optim. 20, 1982), with
// the L-BFGS direction of Nocedal and Wright, "Numerical Optimization" (2006), algorithm
// 7.4, on the free variables.
func (p Problem) Minimize(x0 []float64, s Settings) (x []float64, f float64) {
	d := len(x0)
	x, next := make([]float64, d), make([]float64, d)
	p.project(x, x0)
	grad, nextGrad := make([]float64, d), make([]float64, d)
	dir, free := make([]float64, d), make([]bool, d)
	f = p.Func(x, grad)
	if math.IsNaN(f) || math.IsInf(f, 1) {
		return x, f
	}
	iterations := s.Iterations
	if iterations == 0 {
		iterations = 100
	}
	var h history
	for range iterations {
		if p.freeAt(x, grad, free) <= s.GradTol {
			return x, f
		}
		h.direction(dir, grad, free)
		if !(floats.Dot(dir, grad) < 0) {
			h.clear()
			h.direction(dir, grad, free)
		}
		t := 1.0
		if h.empty() { // the scale is unknown: move by at most 1
			t = min(1, 1/floats.Norm(dir, 2))
		}
		nextF, ok := p.search(x, grad, dir, f, t, next, nextGrad)
		if !ok {
			if h.empty() {
				return x, f
			}
			h.clear()
			continue
		}
		h.add(x, next, grad, nextGrad)
		gain := f - nextF
		x, next, grad, nextGrad, f = next, x, nextGrad, grad, nextF
		if gain <= s.FuncTol*math.Max(1, math.Abs(f)) {
			return x, f
		}
	}
	return x, f
}

// search halves t until next = P(x + t·dir) satisfies Armijo's rule. P is the projection
// to the box.
func (p Problem) search(x, grad, dir []float64, f, t float64, next, nextGrad []float64) (nextF float64, ok bool) {
	for range halvings {
		slope := 0.0
		for i := range x {
			next[i] = math.Min(math.Max(x[i]+t*dir[i], p.Low[i]), p.High[i])
			slope += grad[i] * (next[i] - x[i])
		}
		nextF = p.Func(next, nextGrad)
		if slope < 0 && nextF <= f+decrease*slope { // false for NaN
			return nextF, true
		}
		t /= 2
	}
	return f, false
}

func (p Problem) project(dst, x []float64) {
	for i := range x {
		dst[i] = math.Min(math.Max(x[i], p.Low[i]), p.High[i])
	}
}

// freeAt sets free to the variables that the gradient does not hold at an end of the box,
// and returns the largest entry of the projected gradient.
func (p Problem) freeAt(x, grad []float64, free []bool) float64 {
	largest := 0.0
	for i, g := range grad {
		free[i] = !(x[i] <= p.Low[i] && g >= 0 || x[i] >= p.High[i] && g <= 0)
		if free[i] {
			moved := math.Min(math.Max(x[i]-g, p.Low[i]), p.High[i]) - x[i]
			largest = math.Max(largest, math.Abs(moved))
		}
	}
	return largest
}

// A history holds the last steps, which approximate the Hessian.
type history struct {
	pairs []pair
}

type pair struct {
	step, change []float64 // s = x' - x, y = ∇f(x') - ∇f(x)
}

func (h *history) empty() bool { return len(h.pairs) == 0 }

func (h *history) clear() { h.pairs = nil }

func (h *history) add(x, next, grad, nextGrad []float64) {
	step, change := make([]float64, len(x)), make([]float64, len(x))
	floats.SubTo(step, next, x)
	floats.SubTo(change, nextGrad, grad)
	if !(floats.Dot(step, change) > curvature*floats.Norm(step, 2)*floats.Norm(change, 2)) {
		return
	}
	if len(h.pairs) == memory {
		h.pairs = append(h.pairs[:0], h.pairs[1:]...)
	}
	h.pairs = append(h.pairs, pair{step, change})
}

// direction sets dst to -H·grad on the free variables and to 0 on the others. H
// approximates the inverse of the Hessian there (Nocedal and Wright, algorithm 7.4, with
// the pairs restricted to the free variables).
func (h *history) direction(dst, grad []float64, free []bool) {
	for i, g := range grad {
		dst[i] = 0
		if free[i] {
			dst[i] = -g
		}
	}
	alpha := make([]float64, len(h.pairs))
	scale := 1.0
	for k := len(h.pairs) - 1; k >= 0; k-- {
		p := h.pairs[k]
		sy := dot(p.step, p.change, free)
		if !(sy > 0) {
			continue
		}
		if scale == 1 {
			scale = sy / dot(p.change, p.change, free) // eq. (7.20), by the newest pair
		}
		alpha[k] = dot(p.step, dst, free) / sy
		axpy(dst, -alpha[k], p.change, free)
	}
	floats.Scale(scale, dst)
	for k, p := range h.pairs {
		if sy := dot(p.step, p.change, free); sy > 0 {
			axpy(dst, alpha[k]-dot(p.change, dst, free)/sy, p.step, free)
		}
	}
}

func dot(x, y []float64, free []bool) float64 {
	sum := 0.0
	for i := range x {
		if free[i] {
			sum += x[i] * y[i]
		}
	}
	return sum
}

func axpy(dst []float64, a float64, x []float64, free []bool) {
	for i := range dst {
		if free[i] {
			dst[i] += a * x[i]
		}
	}
}
