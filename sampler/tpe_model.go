package sampler

import (
	"cmp"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/parzen"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A tpeModel holds the two densities of one space and follows the history: a
// trial that ends moves a few kernels of the poor density, and the good one is
// made again only if the good trials are others.
type tpeModel struct {
	space     space.Space
	low, high []float64 // of each parameter, in internal form

	points  [][]float64       // of each finished trial, see observe; nil if it has none
	seen    int               // finished trials in the densities
	good    []int             // the good ones among them
	within  []int             // those of them that have points, by number
	density *parzen.Estimator // of these

	running []observed // in the poor density
	poor    *parzen.Live

	finite bool     // no parameter is continuous
	tried  tpeTried // of a finite space
}

// An observed trial has its point.
type observed struct {
	trial *trial.Trial
	point []float64 // nil if it has none
}

func newTPEModel(sp space.Space) *tpeModel {
	m := &tpeModel{space: sp, low: make([]float64, len(sp)), high: make([]float64, len(sp)), finite: isFinite(sp)}
	axes := make([]parzen.Axis, len(sp))
	for i, p := range sp {
		m.low[i], m.high[i] = p.Dist.Value(0), p.Dist.Value(1)
		if isCategorical(p.Dist) {
			axes[i].Choices = p.Dist.Len()
		} else {
			axes[i].Cells = cellCount(p.Dist)
		}
	}
	m.poor = parzen.NewLive(axes)
	return m
}

// observe returns a coordinate for each parameter of the model, nil if the
// trial lacks one or has it outside the range of today.
func (m *tpeModel) observe(t *trial.Trial) []float64 {
	x := make([]float64, len(m.space))
	for i, d := range m.space {
		p, ok := t.Param(d.Name)
		if !ok || !m.setCoordinate(x, i, p.Value) {
			return nil
		}
	}
	return x
}

// setCoordinate sets x[i] to that of a value, if it is in the range of today.
func (m *tpeModel) setCoordinate(x []float64, i int, value float64) bool {
	if !(m.low[i] <= value && value <= m.high[i]) {
		return false
	}
	x[i] = value
	if d := m.space[i].Dist; !isCategorical(d) {
		x[i] = d.Unit(value)
	}
	return true
}

// follow brings the model to the trials that r knows and returns the density
// of the good ones and that of the others, the running ones among them. The
// trial that r asks for is left out.
func (m *tpeModel) follow(f *tpeHistory, r trial.Request) (*parzen.Estimator, *parzen.Snapshot) {
	seen := len(r.History.Finished())
	for _, t := range f.all[len(m.points):max(seen, len(m.points))] {
		point := m.observe(t)
		if m.finite {
			m.tried.add(m.points, point)
		}
		m.points = append(m.points, point)
	}
	// By number, where it should be in the poor density; nil: not there.
	changes := make(map[int][]float64, 4)
	for _, o := range m.running {
		changes[o.trial.Number] = nil
	}
	for i := seen; i < m.seen; i++ { // the history is an older one
		changes[f.all[i].Number] = nil
	}
	good := f.good(seen)
	if !m.isGood(good) {
		for _, i := range m.within {
			if i < seen {
				changes[f.all[i].Number] = m.points[i]
			}
		}
	}
	for i := m.seen; i < seen; i++ {
		changes[f.all[i].Number] = m.points[i]
	}
	if !m.isGood(good) {
		m.setGood(f, good)
		for _, i := range m.within {
			changes[f.all[i].Number] = nil
		}
	}
	m.setRunning(r)
	for _, o := range m.running {
		changes[o.trial.Number] = o.point
	}
	m.seen = seen
	m.poor.Update(m.list(changes))
	return m.density, m.poor.Snapshot()
}

// setRunning observes the running trials that r knows.
func (m *tpeModel) setRunning(r trial.Request) {
	before := m.running
	m.running = nil
	for _, t := range r.History.Running() {
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

// isGood reports whether the density of the good trials is that of these.
func (m *tpeModel) isGood(good []int) bool {
	return m.density != nil && slices.Equal(good, m.good)
}

// setGood makes the density of the good trials, all of one weight.
func (m *tpeModel) setGood(f *tpeHistory, good []int) {
	m.good, m.within = good, nil
	for _, i := range good {
		if m.points[i] != nil {
			m.within = append(m.within, i)
		}
	}
	slices.SortFunc(m.within, func(a, b int) int { return cmp.Compare(f.all[a].Number, f.all[b].Number) })
	columns := make([]parzen.Column, len(m.space))
	weights := make([]float64, len(m.within))
	for i, d := range m.space {
		c := &columns[i]
		for _, k := range m.within {
			c.X = append(c.X, m.points[k][i])
		}
		if isCategorical(d.Dist) {
			c.Choices = d.Dist.Len()
		} else {
			c.Sigma = parzen.Bandwidths(c.X)
		}
	}
	for k := range weights {
		weights[k] = 1
	}
	m.density = parzen.New(columns, weights)
}

// list returns the changes that change something, by number.
func (m *tpeModel) list(changes map[int][]float64) []parzen.Change {
	var list []parzen.Change
	for number, x := range changes {
		if !slices.Equal(m.poor.At(number), x) || (x == nil) != (m.poor.At(number) == nil) {
			list = append(list, parzen.Change{Number: number, X: x})
		}
	}
	slices.SortFunc(list, func(a, b parzen.Change) int { return cmp.Compare(a.Number, b.Number) })
	return list
}
