// Package lbfgs minimizes a differentiable function in a box, with a
// limited-memory approximation of the Hessian.
package lbfgs

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// A Problem is a function with the box to minimize it in.
type Problem struct {
	// Func returns the value at x and writes the gradient. A value that is NaN
	// or +Inf is a point to stay away from. It must not keep x or grad.
	Func func(x, grad []float64) float64

	Low, High []float64 // the box, d each; Low ≤ High, infinite ends are no ends
}

// Settings say when to stop.
type Settings struct {
	Iterations int     // at most so many; 0: 100
	GradTol    float64 // stop when no entry of the projected gradient is larger
	FuncTol    float64 // stop when an iteration gains less, relative to max(|f|, 1)
}

const (
	memory    = 10   // pairs of steps and changes of the gradient that are kept
	decrease  = 1e-4 // of what the gradient promises, what a step must gain at least
	halvings  = 25   // of a step before the search gives up
	curvature = 1e-10
)

// Minimize returns the best point that it finds from x0 on, and its value: the
// two-metric projection of Bertsekas, "Projected Newton methods for optimization
// problems with simple constraints" (SIAM J. Control Optim. 20, 1982), with the
// L-BFGS direction of Nocedal and Wright, "Numerical Optimization" (2006),
// algorithm 7.4, on the variables that are free. x0 is moved into the box.
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
		if h.empty() { // nothing is known of the scale: go no farther than 1
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

// search looks for a point next = P(x + t·dir), P being the projection to the
// box, that is better than x by the rule of Armijo, halving t.
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

// freeAt says which variables are not held at an end of the box by the
// gradient, and returns the largest entry of the projected gradient.
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

// A history is what the last steps tell of the Hessian.
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

// direction sets dst = -H·grad on the free variables, 0 on the others, H being
// the approximate inverse of the Hessian there (Nocedal and Wright, algorithm
// 7.4, with the pairs cut to the free variables).
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
