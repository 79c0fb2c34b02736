package sampler

import (
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/parzen"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// What follows is TPE without any memory: everything is made anew from the
// request, in the plainest way. The sampler is checked against it.

// split divides the trials that r knows into the good ones and the others,
// both by number. Failed ones and those that are still running are among the
// others; the one that r asks for is left out.
func split(r trial.Request) (below, above []*trial.Trial) {
	var ranked []*trial.Trial
	for _, t := range r.History.Finished() {
		if t.State != trial.Failed {
			ranked = append(ranked, t)
		}
	}
	below = best(ranked, r.History.Directions())
	for _, t := range append(r.History.Finished(), r.History.Running()...) {
		if !slices.Contains(below, t) && (r.Trial == nil || t.Number != r.Trial.Number) {
			above = append(above, t)
		}
	}
	slices.SortFunc(below, byNumber)
	slices.SortFunc(above, byNumber)
	return below, above
}

// goodEstimator estimates the density of the good trials, all of one weight.
func goodEstimator(sp space.Space, trials []*trial.Trial) *parzen.Estimator {
	columns, n := observe(sp, trials)
	return parzen.New(columns, slices.Repeat([]float64{1}, n))
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
	m := newTPEModel(sp)
	for _, t := range trials {
		point := m.observe(t)
		if t.State == trial.Running {
			point = m.observePending(t)
		}
		if point == nil {
			continue
		}
		n++
		for i, x := range point {
			columns[i].X = append(columns[i].X, x)
		}
	}
	for i, d := range sp {
		if isCategorical(d.Dist) {
			columns[i].Choices = d.Dist.Len()
		} else {
			columns[i].Sigma = parzen.Bandwidths(columns[i].X)
		}
	}
	return columns, n
}

// setValue puts the value of parameter i at point j.
func (c *candidates) setValue(i, j int, value float64) {
	c.lo[i][j], c.hi[i][j] = value, value
	if d := c.space[i].Dist; !isCategorical(d) {
		c.lo[i][j], c.hi[i][j] = d.Cell(value)
	}
}

func (c *candidates) logPDF(e *parzen.Estimator) []float64 {
	dst := make([]float64, len(c.lo[0]))
	e.LogPDF(dst, c.lo, c.hi)
	return dst
}

// draw is TPE.draw: the gains of the candidates and the values of each.
func draw(s *TPE, r trial.Request, sp space.Space) (gains []float64, values [][]float64) {
	below, above := split(r)
	l, g := goodEstimator(sp, below), poorEstimator(sp, above)
	x := make([]float64, len(sp))
	for range s.candidates() {
		e := newCandidates(sp, 1)
		value := make([]float64, len(sp))
		l.Draw(r.Rand, x)
		for i, d := range sp {
			value[i] = x[i]
			if !isCategorical(d.Dist) {
				value[i] = d.Dist.Value(x[i])
			}
			e.setValue(i, 0, value[i])
		}
		values = append(values, value)
		gains = append(gains, e.logPDF(l)[0]-e.logPDF(g)[0])
	}
	return gains, values
}

// nearlyBest reports whether the values are those of a candidate with the
// largest gain, or within 1e-9 of it.
func nearlyBest(gains []float64, values [][]float64, chosen []float64) bool {
	top := slices.Max(gains)
	for j, g := range gains {
		if slices.Equal(values[j], chosen) && (g >= top-1e-9 || math.IsNaN(g)) {
			return true
		}
	}
	return false
}
