package tpe

import (
	"cmp"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/sampler/internal/parzen"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A model holds the two densities of one space and follows the history: a
// trial that ends moves a few kernels of the poor density, and the good one is
// made again only if the good trials are others.
type model struct {
	rules     rules
	space     space.Space
	axes      []parzen.Axis // of both densities
	low, high []float64     // of each parameter, in internal form

	points  [][]float64       // of each finished trial, see observe; nil if it has none
	seen    int               // finished trials in the densities
	good    []int             // the good ones among them, with one objective the best first
	within  []int             // those of them that have points, by number
	first   int               // finished trials before it are forgotten
	density *parzen.Estimator // of these

	running []observed // in the poor density
	poor    *parzen.Live

	finite bool  // no parameter is continuous
	tried  tried // of a finite space
}

// An observed trial has its point.
type observed struct {
	trial *trial.Trial
	point []float64 // nil if it has none
}

func newModel(sp space.Space, rules rules) *model {
	m := &model{rules: rules, space: sp, low: make([]float64, len(sp)), high: make([]float64, len(sp)), finite: cube.IsFinite(sp)}
	for i, p := range sp {
		m.low[i], m.high[i] = p.Dist.Value(0), p.Dist.Value(1)
	}
	m.axes = axesOf(sp)
	m.poor = parzen.NewLive(m.axes)
	return m
}

// axesOf returns the axes of a space.
func axesOf(sp space.Space) []parzen.Axis {
	axes := make([]parzen.Axis, len(sp))
	for i, p := range sp {
		if cube.IsCategorical(p.Dist) {
			axes[i].Choices = p.Dist.Len()
		} else {
			axes[i].Cells = cellCount(p.Dist)
		}
	}
	return axes
}

// observe returns a coordinate for each parameter of the model, parzen.Missing
// for those that the trial lacks. It returns nil if one is outside the range of
// today, and if the trial lacks all; under rules without whole, any.
func (m *model) observe(t *trial.Trial) []float64 {
	x := make([]float64, len(m.space))
	missing := 0
	for i, d := range m.space {
		p, ok := t.Param(d.Name)
		if !ok {
			x[i] = parzen.Missing
			missing++
		} else if !m.setCoordinate(x, i, p.Value) {
			return nil
		}
	}
	if missing == len(x) || missing > 0 && !m.rules.whole {
		return nil
	}
	return x
}

// setCoordinate sets x[i] to that of a value, if it is in the range of today.
func (m *model) setCoordinate(x []float64, i int, value float64) bool {
	if !(m.low[i] <= value && value <= m.high[i]) {
		return false
	}
	x[i] = value
	if d := m.space[i].Dist; !cube.IsCategorical(d) {
		x[i] = d.Unit(value)
	}
	return true
}

// follow brings the model to the trials that r knows and returns the density
// of the good ones and that of the others, the running ones among them. The
// trial that r asks for is left out.
func (m *model) follow(f *history, r Request) (*parzen.Estimator, *parzen.Live) {
	seen := len(r.History.Finished())
	for _, t := range f.all[len(m.points):max(seen, len(m.points))] {
		point := m.observe(t)
		if m.finite {
			m.tried.add(m.points, point, t.State == trial.Failed)
		}
		m.points = append(m.points, point)
	}
	first := 0
	if m.rules.window > 0 {
		first = max(0, seen-m.rules.window)
	}
	if m.density == nil {
		m.seen, m.first = first, first // nothing is in the densities
	}
	changed := map[int]bool{} // the numbers of trials that may come or go
	for _, o := range m.running {
		changed[o.trial.Number] = true
	}
	for _, t := range f.all[min(seen, m.seen):max(seen, m.seen)] { // the history may be an older one
		changed[t.Number] = true
	}
	for _, t := range f.all[min(first, m.first):max(first, m.first)] {
		changed[t.Number] = true
	}
	if good := f.good(seen); m.density == nil || !slices.Equal(good, m.good) {
		for _, i := range m.within {
			changed[f.all[i].Number] = true
		}
		m.setGood(f, good)
		for _, i := range m.within {
			changed[f.all[i].Number] = true
		}
	}
	m.seen, m.first = seen, first
	m.setRunning(r)
	for _, o := range m.running {
		changed[o.trial.Number] = true
	}
	m.poor.Update(m.changes(f, changed))
	return m.density, m.poor
}

// changes returns what has to change in the poor density, of the given numbers.
func (m *model) changes(f *history, numbers map[int]bool) []parzen.Change {
	var list []parzen.Change
	for number := range numbers {
		if x := m.poorAt(f, number); !m.poor.Has(number, x) {
			list = append(list, parzen.Change{Number: number, X: x})
		}
	}
	slices.SortFunc(list, func(a, b parzen.Change) int { return cmp.Compare(a.Number, b.Number) })
	return list
}

// poorAt returns the point of a trial, nil if it is not in the poor density.
func (m *model) poorAt(f *history, number int) []float64 {
	for _, o := range m.running {
		if o.trial.Number == number {
			return o.point
		}
	}
	if number >= len(f.index) {
		return nil
	}
	i := f.index[number] - 1
	if i < m.first || i >= m.seen || slices.Contains(m.within, i) {
		return nil
	}
	return m.points[i]
}

// setRunning observes the running trials that r knows.
func (m *model) setRunning(r Request) {
	before := m.running
	m.running = nil
	for _, t := range r.Running() {
		if r.Trial != nil && t.Number == r.Trial.Number {
			continue
		}
		o := observed{trial: t}
		if i := slices.IndexFunc(before, func(o observed) bool { return o.trial == t }); i >= 0 {
			o = before[i]
		} else {
			o.point = m.observePending(t)
		}
		if o.point != nil {
			m.running = append(m.running, o)
		}
	}
}

// setGood makes the density of the good trials.
func (m *model) setGood(f *history, good []int) {
	m.good, m.within = good, nil
	for _, i := range good {
		if m.points[i] != nil {
			m.within = append(m.within, i)
		}
	}
	byRank := m.rules.weights(len(m.within))
	weight := make(map[int]float64, len(byRank))
	for k, i := range m.within {
		weight[i] = byRank[k]
	}
	slices.SortFunc(m.within, func(a, b int) int { return cmp.Compare(f.all[a].Number, f.all[b].Number) })
	points, weights := make([][]float64, len(m.within)), byRank
	for k, i := range m.within {
		points[k], weights[k] = m.points[i], weight[i]
	}
	m.density = m.rules.estimate(m.space, m.axes, points, weights)
}
