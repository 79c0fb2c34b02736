// Package parzen estimates densities on the unit cube by mixtures of product kernels, for the
// tree-structured Parzen estimator. Its input is columns of numbers, not trials.
package parzen

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/truncnorm"
)

// A Column holds the observations on one axis.
type Column struct {
	X     []float64 // n, a number in [0, 1], the index of a choice, or Missing
	Sigma []float64 // n, the deviation of each kernel, see Bandwidths; numeric only
	Other float64   // with choices: the least mass of those not observed, in [0, 1 - 1/Choices)
}

// An Estimator is a mixture of product kernels, one for each of n observations, and a prior. On a
// numeric axis a kernel is a normal distribution truncated to [0, 1]; the prior has mean 1/2 and
// deviation 1. On an axis with choices a kernel favours the observed one; the prior is uniform.
// An Estimator never changes. It is safe for concurrent use unless an axis has cells: their masses
// are kept in the Axis, which estimators share.
//
// See Bergstra, Bardenet, Bengio and Kégl, "Algorithms for Hyper-Parameter Optimization" (NeurIPS
// 2011), Falkner, Klein and Hutter, "BOHB" (ICML 2018) for the product kernels, and Watanabe,
// "Tree-Structured Parzen Estimator: Understanding Its Algorithm Components" (2023). The rules
// are Optuna 5's.
type Estimator struct {
	mixture
	cumulative []float64 // n+1, of weights that sum to 1; the prior's is the last
	draws      []draws   // one for each axis
}

// draws holds what Draw needs on one axis.
type draws struct {
	Column
	ends []truncnorm.Ends // n
	pHit float64          // probability of the observed choice
}

var priorEnds = truncnorm.NewEnds(-0.5, 0.5)

// New returns the estimator of n observations. The weights are relative to the prior's weight of
// 1. It keeps all arguments.
func New(axes []Axis, columns []Column, weights []float64) *Estimator {
	n := len(weights)
	e := &Estimator{
		mixture:    newMixture(axes, n),
		cumulative: make([]float64, n+1),
		draws:      make([]draws, len(axes)),
	}
	e.weights = weights
	for i := range axes {
		e.setAxis(i, &axes[i], columns[i])
	}
	total := 1.0
	for _, w := range weights {
		total += w
	}
	e.logTotal = math.Log(total)
	below := 0.0
	for k, w := range weights {
		below += w / total
		e.cumulative[k] = below
		e.order = append(e.order, int32(k))
	}
	e.cumulative[n] = 1
	return e
}

// setAxis sets all kernels on axis i.
func (e *Estimator) setAxis(i int, a *Axis, c Column) {
	d := &e.draws[i]
	d.Column = c
	if a.Choices > 0 {
		e.axes[i].choices = c.X
		d.pHit = e.axes[i].setChoices(len(c.X), c.Other)
		return
	}
	d.ends = make([]truncnorm.Ends, len(c.X))
	for k, mu := range c.X {
		sigma := c.Sigma[k]
		if mu == Missing {
			mu, sigma = 0.5, 1
		}
		top, ends := e.set(i, k, mu, sigma, a.table(mu, sigma))
		e.top[k] += top
		d.ends[k] = ends
	}
}

// Axis returns the density on one axis.
func (e *Estimator) Axis(i int) *Estimator {
	return New([]Axis{e.axes[i].Axis}, []Column{e.draws[i].Column}, e.weights)
}

// Draw draws a point from the mixture and writes it to x, one coordinate for each axis.
func (e *Estimator) Draw(r *rand.Rand, x []float64) {
	u := r.Float64()
	// The first kernel whose cumulative weight exceeds u.
	k, _ := slices.BinarySearchFunc(e.cumulative, u, func(c, u float64) int {
		if c <= u {
			return -1
		}
		return 1
	})
	for i := range x {
		x[i] = e.draw(r, i, k)
	}
}

func (e *Estimator) draw(r *rand.Rand, i, k int) float64 {
	d, choices := &e.draws[i], e.axes[i].Choices
	missing := k == len(e.weights) || d.X[k] == Missing // the prior's
	switch {
	case choices > 0 && missing:
		return float64(r.IntN(choices))
	case missing:
		return min(max(0.5+priorEnds.Quantile(r.Float64()), 0), 1)
	case choices == 0:
		return min(max(d.X[k]+d.Sigma[k]*d.ends[k].Quantile(r.Float64()), 0), 1)
	case r.Float64() < d.pHit: // always, with one choice
		return d.X[k]
	}
	other := r.IntN(choices - 1) // the others are equally likely
	if other >= int(d.X[k]) {
		other++
	}
	return float64(other)
}
