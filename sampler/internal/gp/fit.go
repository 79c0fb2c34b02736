package gp

import (
	"math"

	"gonum.org/v1/gonum/mat"

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
// needs at least one observation.
func (d Data) Fit(exact bool) (k Kernel, noise float64) {
	dim := len(d.Points[0])
	low, high := make([]float64, dim+2), make([]float64, dim+2)
	for i := range low {
		low[i], high[i] = math.Log(1e-6), math.Log(1e6)
	}
	low[dim+1] = math.Log(1e-9)
	if exact {
		low, high = low[:dim+1], high[:dim+1]
	}
	problem := lbfgs.Problem{Low: low, High: high, Func: func(theta, grad []float64) float64 {
		return d.objective(theta, grad)
	}}
	best := math.Inf(1)
	var theta []float64
	for _, start := range starts(dim) {
		x, f := problem.Minimize(start[:len(low)], lbfgs.Settings{Iterations: 60, GradTol: 1e-2, FuncTol: 1e-5})
		if theta == nil || f < best {
			theta, best = x, f
		}
	}
	return d.parameters(theta)
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

// objective returns the negative logarithm of the posterior density, without
// constants, and its gradient by theta. It is +Inf where the covariance is
// singular.
func (d Data) objective(theta, grad []float64) float64 {
	dim, n := len(d.Points[0]), len(d.Points)
	k, noise := d.parameters(theta)
	cov := mat.NewSymDense(n, nil)
	slopes := make([]float64, 0, n*(n-1)/2) // of cov by row below the diagonal
	for i, a := range d.Points {
		for j, b := range d.Points[:i] {
			c, slope := k.at(a, b)
			cov.SetSym(i, j, c)
			slopes = append(slopes, slope)
		}
		cov.SetSym(i, i, k.Scale+noise)
	}
	var chol mat.Cholesky
	if !chol.Factorize(cov) {
		return math.Inf(1)
	}
	var alpha mat.VecDense // K^-1 y
	var inverse mat.SymDense
	y := mat.NewVecDense(n, d.Values)
	if chol.SolveVecTo(&alpha, y) != nil || chol.InverseTo(&inverse) != nil {
		return math.Inf(1)
	}
	f := chol.LogDet()/2 + mat.Dot(y, &alpha)/2 // Rasmussen and Williams, eq. (5.8)

	// eq. (5.9): ∂f/∂θ = ½ tr((K^-1 - α αᵀ) ∂K/∂θ)
	clear(grad)
	byWeight, trace, whole := grad[:dim], 0.0, 0.0
	at := func(i, j int) float64 { return inverse.At(i, j) - alpha.AtVec(i)*alpha.AtVec(j) }
	pair := 0
	for i, a := range d.Points {
		for j, b := range d.Points[:i] {
			c := at(i, j)
			whole += 2 * c * cov.At(i, j)
			c *= slopes[pair]
			pair++
			for l := range byWeight {
				byWeight[l] += c * k.distance(l, a[l], b[l])
			}
		}
		trace += at(i, i)
	}
	whole += trace * k.Scale
	for i, w := range k.Weights {
		byWeight[i] *= w
	}
	grad[dim] = whole / 2
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
