package gp

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/lapack/lapack64"

	"github.com/bluefin-hpo/bluefin/internal/lbfgs"
)

// Data are observations: n points of d axes with their values.
type Data struct {
	Points    [][]float64 // n×d
	Values    []float64   // n, of about mean 0 and variance 1
	Unordered []bool      // d, or nil: see Kernel
	MinNoise  float64     // the least variance of the noise, > 0
}

// Fit returns the parameters with the largest posterior density: the likelihood of the
// values times the priors of Optuna's GPSampler. With exact, the noise is MinNoise. It
// needs at least one observation. The search starts at from, the last result of a fit to
// slightly fewer data with the same arguments; nil: at points of its own, which costs more.
func (d Data) Fit(exact bool, from []float64) (k Kernel, noise float64, theta []float64) {
	dim := len(d.Points[0])
	low, high := make([]float64, dim+2), make([]float64, dim+2)
	for i := range low {
		low[i], high[i] = math.Log(1e-6), math.Log(1e6)
	}
	low[dim+1] = math.Log(1e-9)
	if exact {
		low, high = low[:dim+1], high[:dim+1]
	}
	w := newWorkspace(len(d.Points))
	problem := lbfgs.Problem{Low: low, High: high, Func: func(theta, grad []float64) float64 {
		return d.objective(theta, grad, w)
	}}
	best := math.Inf(1)
	begin := starts(dim)
	if from != nil {
		begin = [][]float64{from}
	}
	for _, start := range begin {
		x, f := problem.Minimize(start[:len(low)], lbfgs.Settings{Iterations: 60, GradTol: 1e-2, FuncTol: 1e-5})
		if theta == nil || f < best {
			theta, best = x, f
		}
	}
	k, noise = d.parameters(theta)
	return k, noise, theta
}

// starts returns where Fit starts: smooth, and wiggly with noise.
func starts(dim int) [][]float64 {
	smooth, wiggly := make([]float64, dim+2), make([]float64, dim+2)
	for i := range dim {
		wiggly[i] = math.Log(10)
	}
	smooth[dim+1], wiggly[dim+1] = math.Log(1e-4), math.Log(1e-2)
	return [][]float64{smooth, wiggly}
}

// parameters returns the kernel and the noise. theta has the logarithms of the d
// weights, of the scale and, unless the noise is MinNoise, of its excess over that.
func (d Data) parameters(theta []float64) (k Kernel, noise float64) {
	dim := len(d.Points[0])
	k = Kernel{Weights: make([]float64, dim), Scale: math.Exp(theta[dim]), Unordered: d.Unordered}
	for i := range k.Weights {
		k.Weights[i] = math.Exp(theta[i])
	}
	noise = d.MinNoise
	if len(theta) > dim+1 {
		noise += math.Exp(theta[dim+1])
	}
	return k, noise
}

// A workspace is the memory of objective for n points.
type workspace struct {
	cov    []float64 // by row below the diagonal
	slopes []float64 // the same, derivatives of cov
	chol   blas64.Triangular
	alpha  []float64 // n: K^-1 y
}

func newWorkspace(n int) *workspace {
	pairs := n * (n - 1) / 2
	return &workspace{
		cov: make([]float64, pairs), slopes: make([]float64, pairs), alpha: make([]float64, n),
		chol: blas64.Triangular{Uplo: blas.Lower, Diag: blas.NonUnit, N: n, Stride: n, Data: make([]float64, n*n)},
	}
}

// objective returns the negative logarithm of the posterior density, without
// constants, and its gradient by theta. It is +Inf where the covariance is
// singular.
func (d Data) objective(theta, grad []float64, m *workspace) float64 {
	dim, n := len(d.Points[0]), len(d.Points)
	k, noise := d.parameters(theta)
	pair := 0
	for i, a := range d.Points {
		row := m.chol.Data[i*n:]
		for j, b := range d.Points[:i] {
			m.cov[pair], m.slopes[pair] = k.at(a, b)
			row[j] = m.cov[pair]
			pair++
		}
		row[i] = k.Scale + noise
	}
	// Without the condition numbers, which package mat always estimates.
	whole := blas64.Symmetric{Uplo: blas.Lower, N: n, Stride: n, Data: m.chol.Data}
	if _, ok := lapack64.Potrf(whole); !ok {
		return math.Inf(1)
	}
	alpha := blas64.Vector{N: n, Inc: 1, Data: m.alpha}
	copy(m.alpha, d.Values)
	blas64.Trsv(blas.NoTrans, m.chol, alpha)
	f := floats.Dot(m.alpha, m.alpha) / 2 // Rasmussen and Williams, eq. (5.8)
	for i := range n {
		f += math.Log(m.chol.Data[i*n+i])
	}
	blas64.Trsv(blas.Trans, m.chol, alpha)
	if _, ok := lapack64.Potri(m.chol); !ok { // K^-1
		return math.Inf(1)
	}

	// eq. (5.9): ∂f/∂θ = ½ tr((K^-1 - α αᵀ) ∂K/∂θ)
	clear(grad)
	byWeight, trace, scale := grad[:dim], 0.0, 0.0
	pair = 0
	for i, a := range d.Points {
		row := m.chol.Data[i*n:]
		for j, b := range d.Points[:i] {
			c := row[j] - m.alpha[i]*m.alpha[j]
			scale += 2 * c * m.cov[pair]
			c *= m.slopes[pair]
			pair++
			if k.Unordered == nil {
				for l := range byWeight {
					diff := a[l] - b[l]
					byWeight[l] += c * diff * diff
				}
				continue
			}
			for l := range byWeight {
				byWeight[l] += c * k.distance(l, a[l], b[l])
			}
		}
		trace += row[i] - m.alpha[i]*m.alpha[i]
	}
	scale += trace * k.Scale
	for i, w := range k.Weights {
		byWeight[i] *= w
	}
	grad[dim] = scale / 2
	if len(theta) > dim+1 {
		grad[dim+1] = trace / 2 * (noise - d.MinNoise)
	}
	return f - d.logPrior(k, noise, grad)
}

// logPrior returns the logarithm of the prior density without constants, and
// subtracts its gradient by the logarithms of the parameters from grad. The
// prior of a weight w is exp(-0.1/w - 0.1 w), that of the scale Gamma(2, 1), that
// of the noise Gamma(1.1, 30).
func (d Data) logPrior(k Kernel, noise float64, grad []float64) float64 {
	dim, sum := len(k.Weights), 0.0
	for i, w := range k.Weights {
		sum -= 0.1/w + 0.1*w
		grad[i] -= 0.1/w - 0.1*w
	}
	sum += math.Log(k.Scale) - k.Scale
	grad[dim] -= 1 - k.Scale
	sum += 0.1*math.Log(noise) - 30*noise
	if len(grad) > dim+1 {
		grad[dim+1] -= (0.1/noise - 30) * (noise - d.MinNoise)
	}
	return sum
}
