package cma

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// The hyperparameters of learning-rate adaptation, section 3.3 of the paper.
const (
	snrTarget = 1.4  // α: the ratio of signal to noise that each step should have
	betaMean  = 0.1  // β_m: how fast the estimates for the mean forget
	betaCov   = 0.03 // β_Σ: the same for the covariance
	damping   = 0.1  // γ: how fast the rates change
)

// Rates are learning rates of the mean and of Σ = σ²·C, adapted so that steps
// have a constant ratio of signal to noise: Nomura, Akimoto and Ono, "CMA-ES with
// Learning Rate Adaptation: Can CMA-ES with Default Population Size Solve
// Multimodal and Noisy Problems?" (GECCO 2023). A step is the change of one
// generation, in coordinates in which Σ is the identity.
type Rates struct {
	Mean, Cov float64 // η_m and η_Σ, in (0, 1]

	meanStep, covStep     []float64 // E: moving averages of the steps; d and d²
	meanSquare, covSquare float64   // V: moving averages of their squared lengths
}

func newRates(dim int) *Rates {
	return &Rates{Mean: 1, Cov: 1, meanStep: make([]float64, dim), covStep: make([]float64, dim*dim)}
}

// slow adapts the learning rates to the step from old to s, then shortens it by them.
func (s *State) slow(old *State) {
	meanStep := floats.SubTo(make([]float64, s.Dim), s.Mean, old.Mean)
	oldCov, cov := old.spread(), s.spread() // Σ
	var covStep mat.SymDense
	covStep.ScaleSym(-1, oldCov)
	covStep.AddSym(cov, &covStep)

	r := *old.Rates
	r.meanStep, r.covStep = slices.Clone(r.meanStep), slices.Clone(r.covStep)
	before := r.Mean
	// Eq. (11) and (12): the steps in coordinates in which Σ is the identity.
	localMean := old.whiten(meanStep)
	floats.Scale(1/old.Sigma, localMean)
	localCov := old.whitenBoth(&covStep)
	floats.Scale(1/(old.Sigma*old.Sigma*math.Sqrt2), localCov)
	r.Mean = adaptRate(r.Mean, betaMean, r.meanStep, &r.meanSquare, localMean)
	r.Cov = adaptRate(r.Cov, betaCov, r.covStep, &r.covSquare, localCov)
	s.Rates = &r

	floats.AddScaledTo(s.Mean, old.Mean, r.Mean, meanStep) // eq. (9)
	covStep.ScaleSym(r.Cov, &covStep)
	covStep.AddSym(oldCov, &covStep) // eq. (10)
	s.setSpread(&covStep)
	s.Sigma *= before / r.Mean // eq. (24): σ is in proportion to 1/η_m
}

// adaptRate returns the new rate after a step, and updates the averages.
func adaptRate(rate, beta float64, mean []float64, square *float64, step []float64) float64 {
	floats.Scale(1-beta, mean)
	floats.AddScaled(mean, beta, step)
	*square = (1-beta)**square + beta*floats.Dot(step, step)
	signal := floats.Dot(mean, mean)
	snr := (signal - beta/(2-beta)**square) / (*square - signal) // eq. (15)
	relative := min(max(snr/(snrTarget*rate)-1, -1), 1)
	if math.IsNaN(relative) { // no step at all
		relative = -1
	}
	return min(1, rate*math.Exp(min(damping*rate, beta)*relative)) // eq. (16)
}

// spread returns σ²·C.
func (s *State) spread() *mat.SymDense {
	cov := mat.NewSymDense(s.Dim, nil)
	if s.Separable {
		for i, v := range s.Diagonal {
			cov.SetSym(i, i, s.Sigma*s.Sigma*v)
		}
		return cov
	}
	cov.ScaleSym(s.Sigma*s.Sigma, s.C)
	return cov
}

// setSpread splits cov into σ² and a C of determinant 1.
func (s *State) setSpread(cov *mat.SymDense) {
	var eigen mat.EigenSym
	sum := math.NaN() // settle will see
	if finite(cov.RawSymmetric().Data...) && eigen.Factorize(cov, false) {
		sum = 0
		for _, v := range eigen.Values(nil) {
			sum += math.Log(v)
		}
	}
	s.Sigma = math.Exp(sum / float64(2*s.Dim))
	scale := 1 / (s.Sigma * s.Sigma)
	if s.Separable {
		for i := range s.Diagonal {
			s.Diagonal[i] = cov.At(i, i) * scale
		}
		return
	}
	s.C = mat.NewSymDense(s.Dim, nil)
	s.C.ScaleSym(scale, cov)
}

// whitenBoth returns the entries of C^(-1/2)·m·C^(-1/2).
func (s *State) whitenBoth(m *mat.SymDense) []float64 {
	n := s.Dim
	half := make([]float64, n*n) // rows of m·C^(-1/2)
	for i := range n {
		copy(half[i*n:], s.whiten(mat.Row(nil, i, m)))
	}
	whole := mat.NewDense(n, n, nil)
	for j := range n {
		whole.SetCol(j, s.whiten(mat.Col(nil, j, mat.NewDense(n, n, half))))
	}
	return whole.RawMatrix().Data
}
