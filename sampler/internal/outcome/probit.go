package outcome

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/bluefin-hpo/bluefin/sampler/internal/truncnorm"
)

// A probit is a Gaussian process classifier with Laplace's approximation: Rasmussen and Williams,
// "Gaussian Processes for Machine Learning", chapter 3. A point has outcome +1 with probability
// Φ(optimism + f), f being the process.
type probit struct {
	kernel   kernel
	points   [][]float64
	gradient []float64 // of the log likelihood at the mode
	root     []float64 // of the negative second derivatives
	lower    mat.Cholesky
	evidence float64 // the logarithm of the probability of the outcomes
}

// optimism is the mean of the process: three in four unknown points run.
const optimism = 1

// fit returns the classifier of points with outcomes ±1; nil if the covariance is singular.
func fit(k kernel, points [][]float64, outcomes []float64) *probit {
	n := len(points)
	p := &probit{kernel: k, points: points, gradient: make([]float64, n), root: make([]float64, n)}
	cov, b := mat.NewSymDense(n, nil), mat.NewSymDense(n, nil)
	for i, x := range points {
		for j, z := range points[:i+1] {
			cov.SetSym(i, j, k.at(x, z))
		}
	}
	f, a, right := mat.NewVecDense(n, nil), mat.NewVecDense(n, nil), mat.NewVecDense(n, nil)
	const steps = 30 // of Newton's method, which takes about six
	before := math.Inf(-1)
	for range steps {
		p.evidence = -mat.Dot(a, f) / 2
		for i, y := range outcomes {
			z := y * (optimism + f.AtVec(i))
			log := truncnorm.LogCDF(z)
			hazard := math.Exp(truncnorm.LogPhi(z) - log)
			curve := math.Max(hazard*(z+hazard), 1e-12)
			p.evidence += log
			p.gradient[i], p.root[i] = y*hazard, math.Sqrt(curve)
			right.SetVec(i, curve*f.AtVec(i)+p.gradient[i])
		}
		for i := range n {
			for j := range i + 1 {
				b.SetSym(i, j, p.root[i]*cov.At(i, j)*p.root[j])
			}
			b.SetSym(i, i, b.At(i, i)+1)
		}
		if !p.lower.Factorize(b) {
			return nil
		}
		p.evidence -= p.lower.LogDet() / 2
		if p.evidence-before < 1e-6 {
			break
		}
		before = p.evidence
		var solved mat.VecDense
		solved.MulVec(cov, right)
		p.scale(&solved)
		if p.lower.SolveVecTo(&solved, &solved) != nil {
			return nil
		}
		p.scale(&solved)
		a.SubVec(right, &solved)
		f.MulVec(cov, a)
	}
	return p
}

// scale multiplies v by the roots.
func (p *probit) scale(v *mat.VecDense) {
	for i, w := range p.root {
		v.SetVec(i, v.AtVec(i)*w)
	}
}

// log returns the logarithm of the probability of +1 at a point. Unless grad is nil, it adds factor
// times its gradient to that, where factor gets the logarithm.
func (p *probit) log(z []float64, factor func(log float64) float64, grad []float64) float64 {
	n := len(p.points)
	mean, cross := float64(optimism), mat.NewVecDense(n, nil)
	for i, x := range p.points {
		c := p.kernel.at(x, z)
		mean += c * p.gradient[i]
		cross.SetVec(i, c*p.root[i])
	}
	var solved mat.VecDense
	variance := p.kernel.at(z, z)
	if p.lower.SolveVecTo(&solved, cross) == nil {
		variance -= mat.Dot(cross, &solved)
	}
	spread := 1 + math.Max(variance, 0)
	t := mean / math.Sqrt(spread)
	log := truncnorm.LogCDF(t)
	if grad == nil {
		return log
	}
	hazard := factor(log) * math.Exp(truncnorm.LogPhi(t)-log)
	byMean, byVariance := hazard/math.Sqrt(spread), -hazard*t/(2*spread)
	for i, x := range p.points {
		p.kernel.descend(x, z, byMean*p.gradient[i]-2*byVariance*p.root[i]*solved.AtVec(i), grad)
	}
	for i, v := range z { // of the variance before the trials
		if !p.kernel.categorical[i] && !math.IsNaN(v) {
			grad[i] += byVariance * 2 * p.kernel.slope * v
		}
	}
	return log
}
