// Package parzen estimates densities on the unit cube by mixtures of product
// kernels, as the tree-structured Parzen estimator needs them. It knows
// columns of numbers and nothing of trials.
//
// In this package n is the number of observations, and n+1 the number of
// kernels: the last one is the prior.
package parzen

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/truncnorm"
)

// A Column is one axis of the space with its observations. A coordinate is a
// number in [0, 1] or, if there are choices, the index of a choice, or Missing.
type Column struct {
	Choices int       // 0: numeric
	X       []float64 // n, a coordinate for each observation
	Sigma   []float64 // n, the deviation of each kernel, see Bandwidths; numeric only
	Other   float64   // with choices: the least mass of a kernel on those not observed together, in [0, 1 - 1/Choices)
}

// Missing is the coordinate of an observation on an axis that it does not have.
// Its kernel is there that of the prior.
const Missing = -1

// An Estimator is a mixture of product kernels: one kernel for each
// observation and one for the prior. On a numeric axis a kernel is a normal
// distribution truncated to [0, 1]; the prior is centred at 1/2 with deviation
// 1. On a categorical
// axis it favours the observed choice; the prior is uniform. An Estimator
// never changes and is safe for concurrent use.
//
// See Bergstra, Bardenet, Bengio and Kégl, "Algorithms for Hyper-Parameter
// Optimization" (NeurIPS 2011), Falkner, Klein and Hutter, "BOHB" (ICML 2018)
// for the product kernels, and Watanabe, "Tree-Structured Parzen Estimator:
// Understanding Its Algorithm Components" (2023). The rules are Optuna 5's.
type Estimator struct {
	kernels    []kernels // one for each column
	logWeights []float64 // n+1, of weights that sum to 1
	cumulative []float64 // n+1, the last one is 1
}

// kernels are the factors of all n+1 kernels that one axis contributes.
type kernels interface {
	// draw returns a coordinate from kernel k.
	draw(r *rand.Rand, k int) float64

	// addLog adds to dst[k] the log mass that kernel k has in the cell
	// [lo, hi], or its log density if lo == hi.
	addLog(dst []float64, lo, hi float64)
}

// New returns the estimator for n observations with the given weights, which
// are relative to the prior's, 1. It keeps what it is given.
func New(columns []Column, weights []float64) *Estimator {
	e := &Estimator{
		kernels:    make([]kernels, len(columns)),
		logWeights: make([]float64, len(weights)+1),
		cumulative: make([]float64, len(weights)+1),
	}
	for i, c := range columns {
		if c.Choices > 0 {
			e.kernels[i] = newCategorical(c)
		} else {
			e.kernels[i] = newNumeric(c)
		}
	}
	sum := 1.0
	for _, w := range weights {
		sum += w
	}
	below := 0.0
	for i, w := range append(slices.Clip(weights), 1) {
		below += w / sum
		e.cumulative[i] = below
		e.logWeights[i] = math.Log(w / sum)
	}
	e.cumulative[len(weights)] = 1
	return e
}

// Draw writes a point of the mixture to x, one coordinate for each column.
func (e *Estimator) Draw(r *rand.Rand, x []float64) {
	u := r.Float64()
	// The first kernel whose weights, summed up to it, exceed u.
	k, _ := slices.BinarySearchFunc(e.cumulative, u, func(c, u float64) int {
		if c <= u {
			return -1
		}
		return 1
	})
	for i := range x {
		x[i] = e.kernels[i].draw(r, k)
	}
}

// LogPDF writes to dst the log of the mixture at each point. A point is a
// cell: on each axis the interval lo[axis][j] to hi[axis][j]. Where the two
// are equal the axis counts with its density, otherwise with its mass; a
// choice has its index in both.
func (e *Estimator) LogPDF(dst []float64, lo, hi [][]float64) {
	cells := false
	for i := range lo {
		cells = cells || !slices.Equal(lo[i], hi[i])
	}
	if cells {
		e.logMasses(dst, lo, hi)
		return
	}
	terms := make([]float64, len(e.logWeights))
	for j := range dst {
		copy(terms, e.logWeights)
		for i, k := range e.kernels {
			k.addLog(terms, lo[i][j], hi[i][j])
		}
		dst[j] = logSumExp(terms)
	}
}

// logMasses is LogPDF. The factors of a cell are computed once for all points
// of a few that are in it.
func (e *Estimator) logMasses(dst []float64, lo, hi [][]float64) {
	const few = 32
	n := len(e.logWeights)
	rows := make([]float64, 2*n*min(few, len(dst)))
	for from := 0; from < len(dst); from += few {
		part := dst[from:min(from+few, len(dst))]
		terms, factors := rows[:n*len(part)], rows[n*len(part):]
		for j := range part {
			copy(terms[j*n:], e.logWeights)
		}
		for i, k := range e.kernels {
			lo, hi := lo[i][from:], hi[i][from:]
			for j := range part {
				row := terms[j*n : (j+1)*n]
				if lo[j] == hi[j] {
					k.addLog(row, lo[j], hi[j])
					continue
				}
				same := slices.Index(lo[:j+1], lo[j])
				of := factors[same*n : (same+1)*n]
				if same == j || hi[same] != hi[j] {
					of = factors[j*n : (j+1)*n]
					clear(of)
					k.addLog(of, lo[j], hi[j])
				}
				for k, v := range of {
					row[k] += v
				}
			}
		}
		for j := range part {
			part[j] = logSumExp(terms[j*n : (j+1)*n])
		}
	}
}

// logSumExp returns ln Σ exp(x), without overflow.
func logSumExp(x []float64) float64 {
	top := slices.Max(x)
	if math.IsInf(top, -1) {
		return top
	}
	sum := 0.0
	for _, v := range x {
		// Below e⁻⁴⁰ of the largest, a term is less than a rounding error.
		if v -= top; v > -40 {
			sum += expNeg(v)
		}
	}
	return top + math.Log(sum)
}

// categorical are kernels over choices. Each gives every choice the base
// weight 1/(n+1), or more if Column.Other wants it, and the observed choice 1
// more.
type categorical struct {
	observed        []int // n+1, -1 for what has none, as the prior
	choices         int
	pHit            float64 // mass of the observed choice
	logHit, logMiss float64
	logPrior        float64
}

func newCategorical(c Column) *categorical {
	n, choices := len(c.X), float64(c.Choices)
	// Of the total 1 + C·base, (C-1)·base is on the others.
	base := max(1/float64(n+1), c.Other/(choices-1-choices*c.Other))
	total := 1 + choices*base
	k := &categorical{
		observed: make([]int, n+1),
		choices:  c.Choices,
		pHit:     (1 + base) / total,
		logHit:   math.Log((1 + base) / total),
		logMiss:  math.Log(base / total),
		logPrior: -math.Log(choices),
	}
	for i, x := range c.X {
		k.observed[i] = int(x)
	}
	k.observed[n] = -1
	return k
}

func (c *categorical) draw(r *rand.Rand, k int) float64 {
	hit := c.observed[k]
	switch {
	case hit < 0:
		return float64(r.IntN(c.choices))
	case r.Float64() < c.pHit: // always, with one choice
		return float64(hit)
	}
	other := r.IntN(c.choices - 1) // the others are equally likely
	if other >= hit {
		other++
	}
	return float64(other)
}

func (c *categorical) addLog(dst []float64, lo, _ float64) {
	choice := int(lo)
	for k, o := range c.observed {
		switch o {
		case choice:
			dst[k] += c.logHit
		case -1:
			dst[k] += c.logPrior
		default:
			dst[k] += c.logMiss
		}
	}
}

// numeric are normal kernels truncated to [0, 1].
type numeric struct {
	mu, sigma []float64 // n+1
	invSigma  []float64 // n+1
	logMass   []float64 // n+1, ln of the untruncated mass in [0, 1]
	logPeak   []float64 // n+1, log density at mu
	ends      []truncnorm.Ends
}

func newNumeric(c Column) *numeric {
	n := len(c.X) + 1
	k := &numeric{
		mu:       append(slices.Clone(c.X), 0.5),
		sigma:    append(slices.Clone(c.Sigma), 1),
		invSigma: make([]float64, n),
		logMass:  make([]float64, n),
		logPeak:  make([]float64, n),
		ends:     make([]truncnorm.Ends, n),
	}
	for i, mu := range k.mu {
		if mu == Missing {
			mu, k.mu[i], k.sigma[i] = 0.5, 0.5, 1
		}
		k.invSigma[i] = 1 / k.sigma[i]
		k.ends[i] = truncnorm.NewEnds(-mu/k.sigma[i], (1-mu)/k.sigma[i])
		k.logMass[i] = k.ends[i].LogMass()
		k.logPeak[i] = truncnorm.LogPhi(0) - math.Log(k.sigma[i]) - k.logMass[i]
	}
	return k
}

func (n *numeric) draw(r *rand.Rand, k int) float64 {
	mu, sigma := n.mu[k], n.sigma[k]
	return min(max(mu+sigma*n.ends[k].Quantile(r.Float64()), 0), 1)
}

func (n *numeric) addLog(dst []float64, lo, hi float64) {
	if lo == hi {
		for k, mu := range n.mu {
			z := (lo - mu) * n.invSigma[k]
			dst[k] += n.logPeak[k] - z*z/2
		}
		return
	}
	for k, mu := range n.mu {
		dst[k] += truncnorm.LogMass((lo-mu)*n.invSigma[k], (hi-mu)*n.invSigma[k]) - n.logMass[k]
	}
}
