package tpe

import (
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/internal/pareto"
	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/sampler/internal/parzen"
	"github.com/bluefin-hpo/bluefin/sampler/internal/rank"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// This file is TPE without a cache: it computes everything from the request, in the plainest way.
// The sampler is checked against it.

// split splits the trials that r shows into the good ones, best first if there is one objective, and
// the others, by number. The others include failed and running trials, but not the trial to draw for
// nor trials older than the window.
func split(r Request, rules rules) (below, above []*trial.Trial) {
	var ranked []*trial.Trial
	for _, t := range r.History.Finished() {
		if t.State != trial.Failed {
			ranked = append(ranked, t)
		}
	}
	below = best(ranked, r.History.Directions(), rules.size(len(ranked)))
	recent := r.History.Finished()
	if rules.window > 0 {
		recent = recent[max(0, len(recent)-rules.window):]
	}
	for _, t := range slices.Concat(recent, r.Running()) {
		if !slices.Contains(below, t) && (r.Trial == nil || t.Number != r.Trial.Number) {
			above = append(above, t)
		}
	}
	slices.SortFunc(above, byNumber)
	return below, above
}

// best returns the n best ranked trials: feasible complete ones, then pruned ones, then
// infeasible ones.
func best(ranked []*trial.Trial, directions []trial.Direction, n int) []*trial.Trial {
	var classes [infeasible + 1][]*trial.Trial
	for _, t := range slices.SortedFunc(slices.Values(ranked), byNumber) {
		classes[class(t)] = append(classes[class(t)], t)
	}
	good := bestComplete(classes[feasible], directions, n)
	good = append(good, bestBy(classes[pruned], n-len(good), rank.ByProgress(directions[0]))...)
	return append(good, bestBy(classes[infeasible], n-len(good), byViolation)...)
}

// bestComplete returns the n best feasible complete trials, or all if there are fewer. With
// several objectives it takes whole ranks of mutually non-dominated trials while they fit; from
// the next rank it takes the trials that together dominate the most volume.
func bestComplete(trials []*trial.Trial, directions []trial.Direction, n int) []*trial.Trial {
	if len(directions) == 1 {
		return bestBy(trials, n, byLoss(directions[0]))
	}
	if n >= len(trials) {
		return slices.Clip(trials)
	}
	losses := make([][]float64, len(trials))
	for i, t := range trials {
		for k, d := range directions {
			losses[i] = append(losses[i], rank.Loss(t.Values[k], d))
		}
	}
	ranks := pareto.Ranks(losses)
	var chosen []*trial.Trial
	for rank := 0; len(chosen) < n; rank++ {
		var tied []*trial.Trial
		var points [][]float64
		for i, t := range trials {
			if ranks[i] == rank {
				tied, points = append(tied, t), append(points, losses[i])
			}
		}
		for _, i := range pareto.Subset(points, pareto.ReferencePoint(points), n-len(chosen)) {
			chosen = append(chosen, tied[i])
		}
	}
	return chosen
}

// goodEstimator estimates the density of the good trials, which are sorted best first.
func goodEstimator(sp space.Space, trials []*trial.Trial, rules rules) *parzen.Estimator {
	m := newModel(sp, rules)
	type kernel struct {
		number int
		point  []float64
		weight float64
	}
	var kernels []kernel
	for _, t := range trials {
		if x := m.observe(t); x != nil {
			kernels = append(kernels, kernel{number: t.Number, point: x})
		}
	}
	for k, w := range rules.weights(len(kernels)) {
		kernels[k].weight = w
	}
	// By number, as equal observations are neighbours.
	slices.SortFunc(kernels, func(a, b kernel) int { return a.number - b.number })
	var points [][]float64
	var weights []float64
	for _, k := range kernels {
		points, weights = append(points, k.point), append(weights, k.weight)
	}
	return rules.estimate(sp, axesOf(sp), points, weights, pseudo{})
}

// poorEstimator estimates the density of the poor trials; old ones fade.
func poorEstimator(sp space.Space, trials []*trial.Trial, rules rules) *parzen.Estimator {
	columns, n := observe(sp, trials, rules)
	return parzen.New(axesOf(sp), columns, parzen.RecencyWeights(n))
}

// observe returns a column for each parameter of sp, from the n trials that
// have all of them, or under rules with whole any, within the range of today.
func observe(sp space.Space, trials []*trial.Trial, rules rules) (columns []parzen.Column, n int) {
	columns = make([]parzen.Column, len(sp))
	m := newModel(sp, rules)
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
		if !cube.IsCategorical(d.Dist) {
			columns[i].Sigma = parzen.Bandwidths(columns[i].X)
		}
	}
	return columns, n
}

// setValue puts the value of parameter i at point j.
func (c *candidates) setValue(i, j int, value float64) {
	c.lo[i][j], c.hi[i][j] = value, value
	if d := c.space[i].Dist; !cube.IsCategorical(d) {
		c.lo[i][j], c.hi[i][j] = d.Cell(value)
	}
}

func (c *candidates) logPDF(e *parzen.Estimator) []float64 {
	dst := make([]float64, len(c.lo[0]))
	e.LogPDF(dst, c.lo, c.hi)
	return dst
}

// draw is TPE.draw: the gains of the candidates and the values of each.
func draw(s *Search, r Request, sp space.Space) (gains []float64, values [][]float64) {
	rules := s.rules(len(r.History.Directions()))
	below, above := split(r, rules)
	l, g := goodEstimator(sp, below, rules), poorEstimator(sp, above, rules)
	x := make([]float64, len(sp))
	chances := (&Search{Independent: s.Independent, Optuna: s.Optuna}).chances(r)
	for range s.candidates() {
		e := newCandidates(sp, 1)
		value := make([]float64, len(sp))
		l.Draw(r.Rand, x)
		for i, d := range sp {
			value[i] = x[i]
			if !cube.IsCategorical(d.Dist) {
				value[i] = d.Dist.Value(x[i])
			}
			e.setValue(i, 0, value[i])
		}
		values = append(values, value)
		gain := e.logPDF(l)[0] - e.logPDF(g)[0]
		if chances != nil {
			gain += chances.Worth(func(name string) (float64, bool) {
				for i, d := range sp {
					if d.Name == name && x[i] != parzen.Missing {
						return value[i], true
					}
				}
				return r.Trial.Drawn(name)
			})
		}
		gains = append(gains, gain)
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
