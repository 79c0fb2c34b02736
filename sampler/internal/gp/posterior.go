package gp

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/lapack/lapack64"
)

// A Posterior is a Gaussian process given observations, and given that pending
// points will be observed too. It reuses memory, so it is not safe for concurrent use.
type Posterior struct {
	kernel Kernel
	points [][]float64 // n+q: the observed points, then the pending ones
	n      int
	lower  blas64.Triangular // L with L·Lᵀ = K, (n+q)×(n+q)
	// inverse holds the rows of L^-1, row i with its i+1 entries up to the
	// diagonal: products with it are faster than solving with L.
	inverse [][]float64
	white   []float64 // n: L^-1 y
	y       []float64 // n
	noise   float64
	prior   Term // the mean before any observation; nil: 0

	// Of the last point, n+q each: k(x), whiten(x), and what descend needs.
	cov, v, slopes, byCov []float64
}

// Condition returns the posterior of a process with mean 0 given the values y at n ≥ 1
// points, with independent noise of the given variance. The values at the pending points
// are open; their noise has the same variance. It reports false if the covariance is
// singular in floating point. The posterior keeps its arguments.
func Condition(k Kernel, noise float64, points [][]float64, y []float64, pending [][]float64) (*Posterior, bool) {
	all := append(points[:len(points):len(points)], pending...)
	m := len(all)
	chol, ok := lapack64.Potrf(covariance(k, noise, all))
	if !ok {
		return nil, false
	}
	scratch := make([]float64, 4*m)
	p := &Posterior{
		kernel: k, points: all, n: len(y), lower: chol, white: make([]float64, len(y)), y: y, noise: noise,
		cov: scratch[:m], v: scratch[m : 2*m], slopes: scratch[2*m : 3*m], byCov: scratch[3*m:],
	}
	inverse := chol
	inverse.Data = slices.Clone(chol.Data)
	if !lapack64.Trtri(inverse) {
		return nil, false
	}
	p.inverse = make([][]float64, m)
	for i := range p.inverse {
		p.inverse[i] = inverse.Data[i*m:][:i+1]
	}
	for i := range p.white {
		p.white[i] = floats.Dot(p.inverse[i], y[:i+1])
	}
	return p, true
}

// covariance returns the covariance of the observations at the points.
func covariance(k Kernel, noise float64, points [][]float64) blas64.Symmetric {
	n := len(points)
	cov := blas64.Symmetric{Uplo: blas.Lower, N: n, Stride: n, Data: make([]float64, n*n)}
	for i, a := range points {
		row := cov.Data[i*n:]
		for j, b := range points[:i] {
			row[j], _ = k.at(a, b)
		}
		row[i] = k.Scale + noise
	}
	return cov
}

// whiten returns v = L^-1 k(x), so that the covariance of x and x' given all
// points is k(x, x') - v·v'. It is valid until the next call.
func (p *Posterior) whiten(x []float64) (v []float64) {
	for i, a := range p.points {
		p.cov[i], p.slopes[i] = p.kernel.at(x, a)
	}
	for i, row := range p.inverse {
		p.v[i] = floats.Dot(row, p.cov[:i+1])
	}
	return p.v
}

// At returns the mean and the variance of the function at x. The mean does not depend on
// the pending points; the variance is that after they are observed.
func (p *Posterior) At(x []float64) (mean, variance float64) {
	v := p.whiten(x)
	return floats.Dot(v[:p.n], p.white) + p.priorAt(x), p.kernel.Scale - floats.Dot(v, v)
}

// Means returns the means of the function at the n observed points, faster than At.
func (p *Posterior) Means() []float64 {
	means := make([]float64, p.n) // K^-1 y
	for i, row := range p.inverse[:p.n] {
		floats.AddScaled(means[:i+1], p.white[i], row)
	}
	for i, y := range p.y {
		means[i] = y - p.noise*means[i] + p.priorAt(p.points[i]) // k(x_i) K^-1 y, as K is the covariance with noise
	}
	return means
}

// LeaveOneOut returns how much better the process predicts each observed value from the others
// than a constant does: the mean difference of the logarithms of the densities that it and a
// standard normal distribution give the values (Rasmussen and Williams, eq. (5.10) to (5.12)).
func (p *Posterior) LeaveOneOut() float64 {
	sum := p.LogScore()
	for _, y := range p.y {
		sum += (y*y + math.Log(2*math.Pi)) / 2
	}
	return sum / float64(p.n)
}

// descend adds to grad the gradient by x of a function of v = whiten(x) whose
// gradient by v is byV. whiten must have been called with x last.
func (p *Posterior) descend(x, byV, grad []float64) {
	byCov := p.byCov // L^-T byV
	clear(byCov)
	for i, row := range p.inverse {
		floats.AddScaled(byCov[:i+1], byV[i], row)
	}
	for j, a := range p.points {
		c := 2 * byCov[j] * p.slopes[j]
		for i, w := range p.kernel.Weights {
			if !p.kernel.unordered(i) {
				grad[i] += c * w * (x[i] - a[i])
			}
		}
	}
}
