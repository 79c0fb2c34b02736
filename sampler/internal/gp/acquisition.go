package gp

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/floats"

	"github.com/bluefin-hpo/bluefin/sampler/internal/sobol"
	"github.com/bluefin-hpo/bluefin/sampler/internal/truncnorm"
)

// A Term is a summand of the function that the next point maximizes, a logarithm.
type Term interface {
	// Value returns the term at x.
	Value(x []float64) float64

	// Gradient returns the term at x and adds its gradient to grad, except on
	// unordered axes.
	Gradient(x, grad []float64) float64
}

// jitter is added to the variance, so that logarithms stay finite where nothing is left
// to learn.
const jitter = 1e-12

// A LogEI is the logarithm of the expected improvement over the best value and the
// values at the pending points,
//
//	ln E[max(0, f(x) - max(best, f(pending)))].
//
// The expectation over the pending values is a mean over samples, called fantasies; the
// one over f(x) is exact.
type LogEI struct {
	p *Posterior
	// whites are, for each fantasy, L^-1 of the values at all points. Those of
	// the observed points are the same in all.
	whites [][]float64 // s×(n+q)
	bests  []float64   // s: the best of the value to beat and of the pending ones

	// Reused by Gradient.
	values, byMean, bySD []float64 // s
	byV                  []float64 // n+q
}

// NewLogEI returns the improvement over best. normals are samples of q standard
// normal variables, q being the pending points of p; nil if there are none.
func NewLogEI(p *Posterior, best float64, normals [][]float64) LogEI {
	if len(normals) == 0 {
		normals = [][]float64{nil}
	}
	ei := LogEI{p: p}
	for _, z := range normals {
		white := append(p.white[:p.n:p.n], z...)
		limit := best
		for i := p.n; i < len(white); i++ {
			value := p.priorAt(p.points[i]) // plus row i of L·white
			for j, w := range white[:i+1] {
				value += p.lower.Data[i*p.lower.Stride+j] * w
			}
			limit = math.Max(limit, value)
		}
		ei.whites, ei.bests = append(ei.whites, white), append(ei.bests, limit)
	}
	s := len(ei.whites)
	scratch := make([]float64, 3*s+len(p.points))
	ei.values, ei.byMean, ei.bySD, ei.byV = scratch[:s], scratch[s:2*s], scratch[2*s:3*s], scratch[3*s:]
	return ei
}

// Normals returns 32 samples of q standard normal variables, spread evenly; nil if q
// is 0.
func Normals(r *rand.Rand, q int) [][]float64 {
	if q == 0 {
		return nil
	}
	scramble := &sobol.Scramble{Seed: r.Uint64()}
	normals := make([][]float64, 32)
	for i := range normals {
		normals[i] = make([]float64, q)
		for k := range normals[i] {
			u := sobol.At(uint64(i), k%sobol.MaxDim, scramble)
			normals[i][k] = math.Sqrt2 * math.Erfinv(2*max(u, 0x1p-53)-1)
		}
	}
	return normals
}

// Value implements Term.
func (ei LogEI) Value(x []float64) float64 {
	v := ei.p.whiten(x)
	sd := ei.p.deviation(v)
	shared := floats.Dot(v[:ei.p.n], ei.p.white) + ei.p.priorAt(x)
	sum := logSum{top: math.Inf(-1)}
	for s, white := range ei.whites {
		mean := shared + floats.Dot(v[ei.p.n:], white[ei.p.n:])
		value, _ := logImprovement((mean - ei.bests[s]) / sd)
		sum.add(value)
	}
	return math.Log(sd) + sum.log() - math.Log(float64(len(ei.whites)))
}

// Gradient implements Term.
func (ei LogEI) Gradient(x, grad []float64) float64 {
	p := ei.p
	v := p.whiten(x)
	sd := p.deviation(v)
	shared := floats.Dot(v[:p.n], p.white) + p.priorAt(x)
	sum := logSum{top: math.Inf(-1)}
	for s, white := range ei.whites {
		z := (shared + floats.Dot(v[p.n:], white[p.n:]) - ei.bests[s]) / sd
		value, slope := logImprovement(z)
		sum.add(value)
		ei.values[s], ei.byMean[s], ei.bySD[s] = value, slope/sd, (1-z*slope)/sd
	}
	total := sum.log()
	byV := ei.byV
	clear(byV)
	toSD, toMean := 0.0, 0.0
	for s, white := range ei.whites {
		share := math.Exp(ei.values[s] - total)
		floats.AddScaled(byV, share*ei.byMean[s], white)
		toSD += share * ei.bySD[s]
		toMean += share * ei.byMean[s]
	}
	floats.AddScaled(byV, -toSD/sd, v) // ∂sd/∂v = -v/sd
	p.descend(x, byV, grad)
	p.descendPrior(x, toMean, grad)
	return math.Log(sd) + total - math.Log(float64(len(ei.whites)))
}

// deviation returns the standard deviation at the point with v = whiten(x).
func (p *Posterior) deviation(v []float64) float64 {
	return math.Sqrt(math.Max(p.kernel.Scale-floats.Dot(v, v), 0) + jitter)
}

// A logSum adds numbers given by their logarithms.
type logSum struct{ top, sum float64 } // the sum is exp(top)·sum

func (s *logSum) add(x float64) {
	if x > s.top {
		s.sum = s.sum*math.Exp(s.top-x) + 1
		s.top = x
	} else {
		s.sum += math.Exp(x - s.top)
	}
}

func (s *logSum) log() float64 { return s.top + math.Log(s.sum) }

// A LogFeasibility is the logarithm of the probability that the function is at
// most Limit: Gardner et al., "Bayesian Optimization with Inequality
// Constraints" (ICML 2014).
type LogFeasibility struct {
	Posterior *Posterior
	Limit     float64
}

// Value implements Term.
func (c LogFeasibility) Value(x []float64) float64 {
	v := c.Posterior.whiten(x)
	return truncnorm.LogCDF((c.Limit - floats.Dot(v[:c.Posterior.n], c.Posterior.white)) / c.Posterior.deviation(v))
}

// Gradient implements Term.
func (c LogFeasibility) Gradient(x, grad []float64) float64 {
	p := c.Posterior
	v := p.whiten(x)
	sd := p.deviation(v)
	z := (c.Limit - floats.Dot(v[:p.n], p.white)) / sd
	value := truncnorm.LogCDF(z)
	hazard := math.Exp(truncnorm.LogPhi(z) - value) // ∂value/∂z
	byV := make([]float64, len(v))
	floats.AddScaled(byV[:p.n], -hazard/sd, p.white)
	floats.AddScaled(byV, hazard*z/(sd*sd), v)
	p.descend(x, byV, grad)
	return value
}
