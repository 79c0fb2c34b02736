package cma

import "math"

// Constants are the settings of the strategy for a dimension and a population, named
// as in the tutorial. They never change during a run.
type Constants struct {
	Dim    int // d, ≥ 1
	Lambda int // λ, points per generation, ≥ 2
	Mu     int // µ, how many of them make the new mean

	// Weights by rank, best first: λ of them. The first µ are positive and sum
	// to 1; those of the worse half are negative ("active" CMA) and reduce the
	// variance in their directions.
	Weights []float64

	MuEff  float64 // µ_eff, variance-effective size of the selection
	C1     float64 // learning rate of the rank-one update
	CMu    float64 // learning rate of the rank-µ update
	CC     float64 // decay of the evolution path of C
	CSigma float64 // decay of the evolution path of σ
	DSigma float64 // damping of σ
	ChiN   float64 // E‖N(0, I)‖

	// Separable keeps C diagonal, for many dimensions: see NewSeparable.
	Separable bool
	// AdaptRates makes the learning rates of the mean and of σ²·C as small as
	// noise and local minima demand: see rates.
	AdaptRates bool
}

// DefaultLambda is the population for a dimension, 4 + ⌊3 ln d⌋ (eq. 48).
func DefaultLambda(dim int) int { return 4 + int(3*math.Log(float64(dim))) }

// NewConstants returns the default constants (table 1 of the tutorial).
func NewConstants(dim, lambda int) *Constants {
	c := &Constants{Dim: dim, Lambda: lambda, Mu: lambda / 2, Weights: make([]float64, lambda)}
	for i := range c.Weights { // eq. 49
		c.Weights[i] = math.Log(float64(lambda+1)/2) - math.Log(float64(i+1))
	}
	c.MuEff = effective(c.Weights[:c.Mu])
	n := float64(dim)

	c.C1 = 2 / (square(n+1.3) + c.MuEff) // eq. 57
	// eq. 58; the 1e-8, as in cmaes, keeps some of the old C even with a huge
	// population.
	c.CMu = min(1-c.C1-1e-8, 2*(c.MuEff-2+1/c.MuEff)/(square(n+2)+c.MuEff))
	c.CSigma = (c.MuEff + 2) / (n + c.MuEff + 5)                       // eq. 55
	c.DSigma = 1 + 2*max(0, math.Sqrt((c.MuEff-1)/(n+1))-1) + c.CSigma // eq. 55
	c.CC = (4 + c.MuEff/n) / (n + 4 + 2*c.MuEff/n)                     // eq. 56
	c.ChiN = math.Sqrt(n) * (1 - 1/(4*n) + 1/(21*n*n))                 // p. 28
	c.scaleWeights(effective(c.Weights[c.Mu:]))
	return c
}

// NewSeparable returns the constants of the strategy that adapts one variance per
// coordinate and no covariances: linear instead of quadratic in d, with higher
// learning rates. It has no negative weights. See Ros and Hansen, "A Simple
// Modification in CMA-ES Achieving Linear Time and Space Complexity" (PPSN X, 2008).
func NewSeparable(dim, lambda int) *Constants {
	c := NewConstants(dim, lambda)
	c.Separable = true
	clear(c.Weights)
	sum := 0.0
	for i := range c.Weights[:c.Mu] { // log(µ+1) instead of the tutorial's log((λ+1)/2)
		c.Weights[i] = math.Log(float64(c.Mu+1)) - math.Log(float64(i+1))
		sum += c.Weights[i]
	}
	for i := range c.Weights[:c.Mu] {
		c.Weights[i] /= sum
	}
	c.MuEff = effective(c.Weights[:c.Mu])
	n, mu := float64(dim), c.MuEff
	c.C1 = 2 / (square(n+1.3) + mu)
	full := 2/mu/square(n+math.Sqrt2) + (1-1/mu)*min(1, (2*mu-1)/(square(n+2)+mu))
	c.CMu = (n + 2) / 3 * full // section 3: (n+2)/3 times as fast as with covariances
	c.CC = 4 / (n + 4)
	c.CSigma = (mu + 2) / (n + mu + 3)
	c.DSigma = 1 + 2*max(0, math.Sqrt((mu-1)/(n+1))-1) + c.CSigma
	return c
}

// scaleWeights makes the positive weights sum to 1, and the negative ones to what C
// can lose while its eigenvalues stay positive (eq. 50 to 53).
func (c *Constants) scaleWeights(muEffMinus float64) {
	var positive, negative float64
	for _, w := range c.Weights {
		positive += max(w, 0)
		negative -= min(w, 0)
	}
	// With µ = 1 the rank-µ update is off, CMu = 0, and the first and the last
	// bound are infinite.
	alpha := min(
		1+c.C1/c.CMu,                          // eq. 50
		1+2*muEffMinus/(c.MuEff+2),            // eq. 51
		(1-c.C1-c.CMu)/(float64(c.Dim)*c.CMu), // eq. 52
	)
	for i, w := range c.Weights { // eq. 53
		if w >= 0 {
			c.Weights[i] = w / positive
		} else {
			c.Weights[i] = w * alpha / negative
		}
	}
}

// effective is (Σw)² / Σw².
func effective(weights []float64) float64 {
	var sum, squares float64
	for _, w := range weights {
		sum += w
		squares += w * w
	}
	return sum * sum / squares
}

func square(x float64) float64 { return x * x }
