package curve

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/lapack/lapack64"
	"gonum.org/v1/gonum/mat"
)

// A Model is the posterior given curves. It is safe for concurrent use.
//
// Its cost is that of inverting an N×N matrix once, N ≤ nR; predictions then take n² steps.
type Model struct {
	kernel Kernel
	curves []Curve
	basis  *basis
	shapes []*shape // n
	starts []int    // n+1: curve i has the rows from starts[i] up to starts[i+1]

	upper   blas64.Triangular // Cholesky factor; its storage becomes the inverse
	inverse blas64.Symmetric  // N×N
	alpha   []float64         // N: inverse · targets
	covs    [][]float64       // n×n: the covariance of the settings
	loglik  float64
	end     *end
}

// tolerance is the variance of steps, relative to the noise, that Condition leaves out.
const tolerance = 1e-2

// factors is the largest number of factors of the steps.
const factors = 4

// Condition returns the posterior given at least one curve of at least one value. It reports false
// if the covariance is singular in floating point. It keeps the curves.
func Condition(k Kernel, curves []Curve) (*Model, bool) {
	m := prepare(k, curves, factors, tolerance*k.Noise)
	return m, m != nil && m.invert()
}

// prepare returns a model with a Cholesky decomposition to come.
func prepare(k Kernel, curves []Curve, limit int, tolerance float64) *Model {
	m := &Model{kernel: k, curves: curves, basis: newBasis(k, curves, limit, tolerance)}
	m.shapes, m.starts = make([]*shape, len(curves)), make([]int, len(curves)+1)
	m.covs = make([][]float64, len(curves))
	for i, c := range curves {
		if m.shapes[i] = m.basis.shape(c.Steps); m.shapes[i] == nil {
			return nil
		}
		m.starts[i+1] = m.starts[i] + len(m.shapes[i].rows)
		m.covs[i] = make([]float64, len(curves))
	}
	for i, c := range curves {
		for j := range i + 1 {
			cov, _ := k.settings(c.X, curves[j].X)
			m.covs[i][j], m.covs[j][i] = cov, cov
		}
	}
	return m
}

// size returns N.
func (m *Model) size() int { return m.starts[len(m.curves)] }

// factorize computes alpha and the likelihood.
func (m *Model) factorize() bool {
	n := m.size()
	cov := mat.NewSymDense(n, nil)
	raw := cov.RawSymmetric()
	targets := make([]float64, 0, n)
	logDet, square, values := 0.0, 0.0, 0
	for i, c := range m.curves {
		s := m.shapes[i]
		for j := i; j < len(m.curves); j++ {
			for a, row := range s.rows {
				at := (m.starts[i]+a)*raw.Stride + m.starts[j]
				for b, other := range m.shapes[j].rows {
					raw.Data[at+b] = m.covs[i][j] * floats.Dot(row, other)
				}
			}
		}
		for a := range s.rows {
			raw.Data[(m.starts[i]+a)*(raw.Stride+1)]++
		}
		targets = append(targets, times(s.project, c.Values)...)
		logDet += s.logDet
		square += s.rest(c.Values, c.Values)
		values += len(c.Values)
	}
	// LAPACK itself, because mat.Cholesky also estimates the condition, which costs as much again.
	chol, ok := lapack64.Potrf(raw)
	if !ok {
		return false
	}
	m.alpha = targets
	white := vector(m.alpha)
	blas64.Trsv(blas.Trans, chol, white)
	square += blas64.Dot(white, white)
	blas64.Trsv(blas.NoTrans, chol, white)
	for i := range n {
		logDet += math.Log(chol.Data[i*chol.Stride+i])
	}
	m.loglik = -square/2 - logDet - float64(values)/2*math.Log(2*math.Pi)
	m.upper = chol
	return !math.IsNaN(m.loglik)
}

func (m *Model) invert() bool {
	if !m.factorize() {
		return false
	}
	inverse, ok := lapack64.Potri(m.upper)
	m.inverse, m.end = inverse, nil
	if ok {
		m.end = m.newEnd(1)
	}
	return ok
}

// LogLikelihood returns the logarithm of the marginal likelihood of the curves.
func (m *Model) LogLikelihood() float64 { return m.loglik }

// An end is a position to predict at: 1, where curves end.
type end struct {
	position float64
	factors  []float64   // R
	rows     []float64   // N: the rows times the factors
	weights  []float64   // n: a prediction's mean is the covariances times these
	spread   [][]float64 // n×n: covariances·spread·covariances is what the variance loses
	solved   *mat.Dense  // N×n: inverse times the rows of each curve
}

func (m *Model) newEnd(position float64) *end {
	e := &end{position: position, factors: m.basis.factors[m.basis.at(position)], rows: make([]float64, m.size())}
	n := len(m.curves)
	e.weights, e.spread = make([]float64, n), make([][]float64, n)
	e.solved = mat.NewDense(m.size(), n, nil)
	for i, s := range m.shapes {
		copy(e.rows[m.starts[i]:], times(s.rows, e.factors))
	}
	for j := range m.curves {
		from, to := m.starts[j], m.starts[j+1]
		e.weights[j] = floats.Dot(e.rows[from:to], m.alpha[from:to])
		for a := range m.size() {
			sum := 0.0
			for b := from; b < to; b++ {
				sum += m.inverseAt(a, b) * e.rows[b]
			}
			e.solved.Set(a, j, sum)
		}
	}
	for i := range m.curves {
		e.spread[i] = make([]float64, n)
		for j := range m.curves {
			for a := m.starts[i]; a < m.starts[i+1]; a++ {
				e.spread[i][j] += e.rows[a] * e.solved.At(a, j)
			}
		}
	}
	return e
}

// Setting returns mean and variance of where a new curve with the setting x would end, without
// noise.
func (m *Model) Setting(x []float64) (mean, variance float64) {
	e := m.end
	covs := make([]float64, len(m.curves))
	for i, c := range m.curves {
		covs[i], _ = m.kernel.settings(x, c.X)
	}
	mean = floats.Dot(covs, e.weights)
	variance = (m.kernel.Shared+1)*floats.Dot(e.factors, e.factors) + m.kernel.Own
	for i, row := range e.spread {
		variance -= covs[i] * floats.Dot(row, covs)
	}
	return mean, math.Max(variance, 0)
}

// Curve returns mean and variance of where curve i ends, without noise.
func (m *Model) Curve(i int) (mean, variance float64) {
	e := m.end
	covs, s, c := m.covs[i], m.shapes[i], m.curves[i]
	own := make([]float64, len(c.Steps))
	for j, t := range c.Steps {
		own[j] = m.kernel.own(t, e.position)
	}
	rows := times(s.project, own)
	from := m.starts[i]
	mean = floats.Dot(covs, e.weights) + floats.Dot(rows, m.alpha[from:m.starts[i+1]]) + s.rest(own, c.Values)
	variance = (m.kernel.Shared+1)*floats.Dot(e.factors, e.factors) + m.kernel.Own - s.rest(own, own)
	for j, row := range e.spread {
		variance -= covs[j] * floats.Dot(row, covs)
	}
	for a, x := range rows {
		variance -= 2 * x * floats.Dot(e.solved.RawRowView(from+a), covs)
		for b, y := range rows {
			variance -= x * y * m.inverseAt(from+a, from+b)
		}
	}
	return mean, math.Max(variance, 0)
}

// inverseAt returns an entry of the inverse.
func (m *Model) inverseAt(i, j int) float64 {
	return m.inverse.Data[min(i, j)*m.inverse.Stride+max(i, j)]
}
