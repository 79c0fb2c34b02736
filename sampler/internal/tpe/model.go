package tpe

import (
	"cmp"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/sampler/internal/parzen"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A model holds the two densities of one space and keeps them up to date. A finished trial moves
// a few kernels of the poor density; the good one is rebuilt only when the good trials change.
type model struct {
	rules     rules
	space     space.Space
	axes      []parzen.Axis // of both densities
	low, high []float64     // of each parameter, in internal form

	points [][]float64 // of each finished trial, see observe; nil if it has none
	seen   int         // the number of finished trials in the densities
	first  int         // the first of them that may be in the poor density

	good    []int             // the good ones, with one objective best first
	within  []int             // the good ones that have points, by number
	density *parzen.Estimator // of within, and of what is believed
	pseudo  pseudo

	running []observed // in the poor density
	poor    *parzen.Live

	finite bool  // no parameter is continuous
	tried  tried // of a finite space
}

// An observed is a running trial with its point.
type observed struct {
	trial *trial.Trial
	point []float64
}

// newModel returns the model before any trial.
func newModel(sp space.Space, rules rules) *model {
	axes := axesOf(sp)
	m := &model{rules: rules, space: sp, axes: axes, poor: parzen.NewLive(axes), finite: cube.IsFinite(sp)}
	for _, p := range sp {
		// Of values, not of coordinates: values out of range have none.
		m.low, m.high = append(m.low, p.Dist.Value(0)), append(m.high, p.Dist.Value(1))
	}
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

// observe returns the point of a trial.
func (m *model) observe(t *trial.Trial) []float64 {
	return m.point(func(d space.Dimension) (float64, bool) {
		p, ok := t.Param(d.Name)
		return p.Value, ok
	})
}

// point returns a coordinate for each parameter of the model, from values in internal form. Those
// that value does not have are parzen.Missing. It returns nil if all are missing, or any unless
// the rules allow that, or if a value lies outside the current range.
func (m *model) point(value func(space.Dimension) (float64, bool)) []float64 {
	x := make([]float64, len(m.space))
	missing := 0
	for i, d := range m.space {
		v, ok := value(d)
		switch {
		case !ok:
			x[i] = parzen.Missing
			missing++
		case m.low[i] <= v && v <= m.high[i]:
			x[i] = cube.Unit(d.Dist, v)
		// A trial from another range says little about this one.
		default:
			return nil
		}
	}
	if missing == len(x) || missing > 0 && !m.rules.whole {
		return nil
	}
	return x
}

// follow updates the model to the trials that r shows. It returns the density of the good ones
// and that of the others, running ones included. The trial to draw for is left out.
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
		m.seen, m.first = first, first // the densities are empty
	}
	changed := map[int]bool{} // numbers of trials that may enter or leave the poor density
	for _, o := range m.running {
		changed[o.trial.Number] = true
	}
	for _, t := range f.all[min(seen, m.seen):max(seen, m.seen)] { // r may show fewer trials than the last request
		changed[t.Number] = true
	}
	for _, t := range f.all[min(first, m.first):max(first, m.first)] {
		changed[t.Number] = true
	}
	believed := m.believe(r, seen)
	if good := f.good(seen); m.density == nil || !slices.Equal(good, m.good) || !m.pseudo.same(believed) {
		for _, i := range m.within {
			changed[f.all[i].Number] = true
		}
		// Trials that are no longer good become poor, and the other way round.
		m.pseudo = believed
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

// changes returns what has to change in the poor density for the trials with the given numbers.
func (m *model) changes(f *history, numbers map[int]bool) []parzen.Change {
	var list []parzen.Change
	for number := range numbers {
		if x := m.poorAt(f, number); !m.poor.Has(number, x) {
			list = append(list, parzen.Change{Number: number, X: x})
		}
	}
	// Sums depend on the order of kernels; a map has none.
	slices.SortFunc(list, func(a, b parzen.Change) int { return cmp.Compare(a.Number, b.Number) })
	return list
}

// poorAt returns the point that a trial must have in the poor density, nil if it must not be
// there.
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

// setRunning observes the running trials that r shows.
func (m *model) setRunning(r Request) {
	before := m.running
	m.running = nil
	for _, t := range r.Running() {
		// The trial to draw for would repel itself.
		if r.Trial != nil && t.Number == r.Trial.Number {
			continue
		}
		if i := slices.IndexFunc(before, func(o observed) bool { return o.trial == t }); i >= 0 {
			m.running = append(m.running, before[i])
		} else if x := m.observePending(t); x != nil {
			m.running = append(m.running, observed{t, x})
		}
	}
}

// setGood rebuilds the density of the good trials.
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
	// By number, the order of Optuna's kernels: draws pick one by its place.
	slices.SortFunc(m.within, func(a, b int) int { return cmp.Compare(f.all[a].Number, f.all[b].Number) })
	points, weights := make([][]float64, len(m.within)), byRank
	for k, i := range m.within {
		points[k], weights[k] = m.points[i], weight[i]
	}
	m.density = m.rules.estimate(m.space, m.axes, points, weights, m.pseudo)
}
