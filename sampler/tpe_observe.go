package sampler

import (
	"github.com/bluefin-hpo/bluefin/sampler/internal/parzen"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// goodEstimator estimates the density of the good trials, all of one weight.
func goodEstimator(sp space.Space, trials []*trial.Trial) *parzen.Estimator {
	columns, n := observe(sp, trials)
	weights := make([]float64, n)
	for i := range weights {
		weights[i] = 1
	}
	return parzen.New(columns, weights)
}

// poorEstimator estimates the density of the poor trials; old ones fade.
func poorEstimator(sp space.Space, trials []*trial.Trial) *parzen.Estimator {
	columns, n := observe(sp, trials)
	return parzen.New(columns, parzen.RecencyWeights(n))
}

// observe returns a column for each parameter of sp, from the n trials that
// have all of them within the range of today.
func observe(sp space.Space, trials []*trial.Trial) (columns []parzen.Column, n int) {
	columns = make([]parzen.Column, len(sp))
	low, high := make([]float64, len(sp)), make([]float64, len(sp))
	for i, p := range sp {
		columns[i].X = make([]float64, 0, len(trials))
		if isCategorical(p.Dist) {
			columns[i].Choices = p.Dist.Len()
		}
		low[i], high[i] = p.Dist.Value(0), p.Dist.Value(1)
	}
	values := make([]float64, len(sp))
trials:
	for _, t := range trials {
		for i, d := range sp {
			p, ok := t.Param(d.Name)
			if !ok || !(low[i] <= p.Value && p.Value <= high[i]) {
				continue trials
			}
			values[i] = p.Value
		}
		n++
		for i, d := range sp {
			x := values[i]
			if columns[i].Choices == 0 {
				x = d.Dist.Unit(x)
			}
			columns[i].X = append(columns[i].X, x)
		}
	}
	for i, c := range columns {
		if c.Choices == 0 {
			columns[i].Sigma = parzen.Bandwidths(c.X)
		}
	}
	return columns, n
}
