package gp

import (
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// A Posterior is a Gaussian process given observations, and given that pending
// points will be observed too. It is safe for concurrent use.
type Posterior struct {
	kernel Kernel
	points [][]float64 // n+q: the observed points, then the pending ones
	n      int
	lower  *mat.TriDense // L with L·Lᵀ = K, (n+q)×(n+q)
	// inverse holds the rows of L^-1, row i with its i+1 entries up to the
	// diagonal: products with it are faster than solving with L.
	inverse [][]float64
	white   []float64 // n: L^-1 y
}

// Condition returns the posterior of a process with mean 0 given the values y at n ≥ 1
// points, with independent noise of the given variance. The values at the pending points
// are open; their noise has the same variance. It reports false if the covariance is
// singular in floating point. The posterior keeps the points.
func Condition(k Kernel, noise float64, points [][]float64, y []float64, pending [][]float64) (*Posterior, bool) {
	all := append(points[:len(points):len(points)], pending...)
	m := len(all)
	var chol mat.Cholesky
	if !chol.Factorize(covariance(k, noise, all)) {
		return nil, false
	}
	p := &Posterior{kernel: k, points: all, n: len(y), lower: new(mat.TriDense), white: make([]float64, len(y))}
	chol.LTo(p.lower)
	var inverse mat.TriDense
	if err := inverse.InverseTri(p.lower); err != nil {
		return nil, false // the condition number overflows
	}
	p.inverse = make([][]float64, m)
	for i := range p.inverse {
		p.inverse[i] = make([]float64, i+1)
		for j := range p.inverse[i] {
			p.inverse[i][j] = inverse.At(i, j)
		}
	}
	for i := range p.white {
		p.white[i] = floats.Dot(p.inverse[i], y[:i+1])
	}
	return p, true
}

// covariance returns the covariance of the observations at the points.
func covariance(k Kernel, noise float64, points [][]float64) *mat.SymDense {
	cov := mat.NewSymDense(len(points), nil)
	for i, a := range points {
		for j, b := range points[:i] {
			c, _ := k.at(a, b)
			cov.SetSym(i, j, c)
		}
		cov.SetSym(i, i, k.Scale+noise)
	}
	return cov
}

// whiten returns v = L^-1 k(x), so that the covariance of x and x' given all
// points is k(x, x') - v·v'. With slopes, it puts the derivatives of k(x) there.
func (p *Posterior) whiten(x, slopes []float64) (v []float64) {
	cov := make([]float64, 2*len(p.points))
	cov, v = cov[:len(p.points)], cov[len(p.points):]
	for i, a := range p.points {
		c, slope := p.kernel.at(x, a)
		cov[i] = c
		if slopes != nil {
			slopes[i] = slope
		}
	}
	for i, row := range p.inverse {
		v[i] = floats.Dot(row, cov[:i+1])
	}
	return v
}

// At returns the mean and the variance of the function at x. The mean does not depend on
// the pending points; the variance is that after they are observed.
func (p *Posterior) At(x []float64) (mean, variance float64) {
	v := p.whiten(x, nil)
	return floats.Dot(v[:p.n], p.white), p.kernel.Scale - floats.Dot(v, v)
}

// descend adds to grad the gradient by x of a function of v = whiten(x) whose
// gradient by v is byV, given the slopes at x.
func (p *Posterior) descend(x, slopes, byV, grad []float64) {
	byCov := make([]float64, len(p.points)) // L^-T byV
	for i, row := range p.inverse {
		floats.AddScaled(byCov[:i+1], byV[i], row)
	}
	for j, a := range p.points {
		c := 2 * byCov[j] * slopes[j]
		for i, w := range p.kernel.Weights {
			if !p.kernel.unordered(i) {
				grad[i] += c * w * (x[i] - a[i])
			}
		}
	}
}
