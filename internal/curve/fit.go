package curve

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/lapack/lapack64"

	"github.com/bluefin-hpo/bluefin/internal/lbfgs"
)

// A prior of a hyperparameter: its logarithm is normal.
type prior struct{ median, sigma float64 }

// priors are those of the hyperparameters after the weights, in the order of parameters.
var priors = [...]prior{
	{0.5, 1.0},   // Shared
	{0.5, 1.0},   // Level
	{0.3, 1.0},   // Scale
	{0.7, 0.5},   // Length
	{0.05, 1.0},  // Own
	{0.003, 1.0}, // Noise
}

// weightPrior is that of each weight: length scales around the unit interval.
var weightPrior = prior{1, 1.3}

// fitFactors is the number of factors while fitting: fixed, so that the likelihood is smooth.
const fitFactors = 4

// Fit returns the kernel with about the largest posterior density given the curves, after at most
// so many iterations from the medians of the priors.
func Fit(curves []Curve, iterations int) Kernel {
	dim := len(curves[0].X)
	theta := make([]float64, dim+len(priors))
	low, high := make([]float64, len(theta)), make([]float64, len(theta))
	for i := range theta {
		p := priorOf(i, dim)
		theta[i] = math.Log(p.median)
		low[i], high[i] = theta[i]-4*p.sigma, theta[i]+4*p.sigma
	}
	problem := lbfgs.Problem{Low: low, High: high, Func: func(theta, grad []float64) float64 {
		return objective(curves, theta, grad)
	}}
	theta, _ = problem.Minimize(theta, lbfgs.Settings{Iterations: iterations, GradTol: 0.05, FuncTol: 1e-3})
	return parameters(theta)
}

func priorOf(i, dim int) prior {
	if i < dim {
		return weightPrior
	}
	return priors[i-dim]
}

// parameters returns the kernel; theta has the logarithms of its fields.
func parameters(theta []float64) Kernel {
	dim := len(theta) - len(priors)
	w := make([]float64, len(theta))
	for i, x := range theta {
		w[i] = math.Exp(x)
	}
	o := w[dim:]
	return Kernel{Weights: slices.Clip(w[:dim]), Shared: o[0], Level: o[1], Scale: o[2], Length: o[3],
		Own: o[4], OwnLength: 0.5, Noise: o[5]}
}

// objective returns the negative logarithm of the posterior density, without constants, and its
// gradient. By the weights and Shared it is exact; by the others, which change the rows of every
// curve, it is a difference.
func objective(curves []Curve, theta, grad []float64) float64 {
	dim := len(theta) - len(priors)
	k := parameters(theta)
	m := prepare(k, curves, fitFactors, 0)
	if m == nil {
		return math.Inf(1)
	}
	if !m.factorize() {
		return math.Inf(1)
	}
	inverse, ok := lapack64.Potri(m.upper)
	if !ok {
		return math.Inf(1)
	}
	m.inverse = inverse
	clear(grad)
	// ∂f/∂cov(i, j) = tr(rows_iᵀ (inverse - α αᵀ)_ij rows_j), once for each of (i, j) and (j, i).
	for i, x := range curves {
		for j := i; j < len(curves); j++ {
			sum := 0.0
			for a, row := range m.shapes[i].rows {
				at := m.starts[i] + a
				for b, other := range m.shapes[j].rows {
					bt := m.starts[j] + b
					p := m.inverseAt(at, bt) - m.alpha[at]*m.alpha[bt]
					sum += p * floats.Dot(row, other)
				}
			}
			if i == j {
				grad[dim] += sum / 2 * k.Shared
				continue
			}
			y := curves[j]
			_, slope := k.settings(x.X, y.X)
			for l, w := range k.Weights {
				diff := x.X[l] - y.X[l]
				grad[l] += sum * slope * w * diff * diff
			}
			grad[dim] += sum * k.Shared
		}
	}
	const h = 1e-3
	for i := dim + 1; i < len(theta); i++ {
		moved := slices.Clone(theta)
		moved[i] += h
		if n := prepareAs(m, parameters(moved)); n != nil {
			if n.factorize() {
				grad[i] = (m.loglik - n.loglik) / h
			}
		}
	}
	f := -m.loglik
	for i, x := range theta {
		p := priorOf(i, dim)
		z := (x - math.Log(p.median)) / p.sigma
		f += z * z / 2
		grad[i] += z / p.sigma
	}
	return f
}

// prepareAs is prepare with another kernel that differs only in what concerns the steps.
func prepareAs(m *Model, k Kernel) *Model {
	n := &Model{kernel: k, curves: m.curves, covs: m.covs, starts: m.starts, shapes: make([]*shape, len(m.curves))}
	n.basis = newBasis(k, m.curves, len(m.basis.factors[0]), 0)
	for i, c := range m.curves {
		if n.shapes[i] = n.basis.shape(c.Steps); n.shapes[i] == nil || len(n.shapes[i].rows) != len(m.shapes[i].rows) {
			return nil
		}
	}
	return n
}
