package gp

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// Over returns p with a prior mean instead of 0. p must have been conditioned on the observations
// less the mean at their points.
func (p *Posterior) Over(mean Term) *Posterior {
	over := *p
	over.prior = mean
	return &over
}

// priorAt returns the prior mean at x.
func (p *Posterior) priorAt(x []float64) float64 {
	if p.prior == nil {
		return 0
	}
	return p.prior.Value(x)
}

// descendPrior adds to grad the gradient by x of a function of the prior mean whose derivative by it
// is slope.
func (p *Posterior) descendPrior(x []float64, slope float64, grad []float64) {
	if p.prior == nil {
		return
	}
	byX := make([]float64, len(x))
	p.prior.Gradient(x, byX)
	floats.AddScaled(grad, slope, byX)
}

// A Mean is the mean of a Posterior alone. It takes time linear in the number of observations, where
// Posterior.At takes it squared. It is safe for concurrent use.
type Mean struct {
	kernel  Kernel
	points  [][]float64
	weights []float64 // of the points: K^-1 y
}

// Mean returns the mean of p without its prior. Pending points do not count.
func (p *Posterior) Mean() Mean {
	m := Mean{p.kernel, p.points, make([]float64, p.n)}
	for i, row := range p.inverse[:p.n] { // L^-T white
		floats.AddScaled(m.weights[:i+1], p.white[i], row)
	}
	return m
}

// Value implements Term.
func (m Mean) Value(x []float64) float64 {
	sum := 0.0
	for i, a := range m.points {
		c, _ := m.kernel.at(x, a)
		sum += m.weights[i] * c
	}
	return sum
}

// Gradient implements Term.
func (m Mean) Gradient(x, grad []float64) float64 {
	sum := 0.0
	for i, a := range m.points {
		c, slope := m.kernel.at(x, a)
		sum += m.weights[i] * c
		for k, w := range m.kernel.Weights {
			if !m.kernel.unordered(k) {
				grad[k] += 2 * m.weights[i] * slope * w * (x[k] - a[k])
			}
		}
	}
	return sum
}

// LogScore returns the sum of the logarithms of the densities of the observations, each predicted
// from all the others (Rasmussen and Williams, eq. (5.10) to (5.12)). Pending points do not count.
func (p *Posterior) LogScore() float64 {
	diagonal, weights := make([]float64, p.n), p.Mean().weights // of K^-1; K^-1 y
	for _, row := range p.inverse[:p.n] {
		for j, w := range row {
			diagonal[j] += w * w
		}
	}
	sum := 0.0
	for i, d := range diagonal {
		sum += (math.Log(d/(2*math.Pi)) - weights[i]*weights[i]/d) / 2
	}
	return sum
}
