package tpe

import (
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/sampler/internal/parzen"
	"github.com/bluefin-hpo/bluefin/space"
)

// rules are the numbers in which TPE differs from Optuna 5.
type rules struct {
	oneOf  int     // one in oneOf ranked trials is good, rounded up
	most   int     // the most good trials; 0: no limit
	byRank bool    // good trials weigh by rank; otherwise equally
	other  float64 // parzen.Column.Other for good trials
	steps  float64 // least deviation of a good trial's kernel, in steps of the parameter
	window int     // poor trials are running or among the last window finished; 0: no limit
	whole  bool    // the joint space has the parameters of any trial; otherwise those of all
}

// rules returns the rules for a number of objectives.
func (s *Search) rules(objectives int) rules {
	switch {
	// Fronts have no ranks to weigh by.
	case objectives > 1:
		return rules{oneOf: 10}
	case s.Optuna, s.Independent:
		return rules{oneOf: 10, most: 25}
	}
	return rules{oneOf: 5, most: 50, byRank: true, other: 0.2, steps: 0.4, window: 200, whole: !s.Groups}
}

// size returns how many of n ranked trials are good.
func (p rules) size(n int) int {
	size := (n + p.oneOf - 1) / p.oneOf
	if p.most > 0 {
		size = min(size, p.most)
	}
	return size
}

// weights returns the weights of n good trials, best first; their mean is 1. By rank they are
// ln(n + 1/2) - ln i, the weights of the parents in CMA-ES (Hansen, "The CMA Evolution Strategy:
// A Tutorial", arXiv:1604.00772, eq. 49).
func (p rules) weights(n int) []float64 {
	w, sum := make([]float64, n), 0.0
	for i := range w {
		w[i] = 1
		if p.byRank {
			w[i] = math.Log(float64(n)+0.5) - math.Log(float64(i+1))
		}
		sum += w[i]
	}
	for i := range w {
		// A mean of 1 keeps the prior's share that of one trial.
		w[i] *= float64(n) / sum
	}
	return w
}

// estimate returns the density of good trials at the given points. A kernel much narrower than a
// step would hardly ever leave its cell, so those are widened.
func (p rules) estimate(
	sp space.Space, axes []parzen.Axis, points [][]float64, weights []float64, more pseudo,
) *parzen.Estimator {
	columns := make([]parzen.Column, len(sp))
	for i, d := range sp {
		c := &columns[i]
		for _, x := range points {
			c.X = append(c.X, x[i])
		}
		if cube.IsCategorical(d.Dist) {
			c.Other = p.other
			more.add(c, i)
			continue
		}
		c.Sigma = parzen.Bandwidths(c.X)
		if n := d.Dist.Len(); n > 0 {
			for k, sigma := range c.Sigma {
				c.Sigma[k] = max(sigma, p.steps/float64(n))
			}
		}
		more.add(c, i)
	}
	if more.weight > 0 {
		weights = append(slices.Clip(weights), more.weight)
	}
	return parzen.New(axes, columns, weights)
}
