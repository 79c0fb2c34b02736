package bayesopt

import (
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/sampler/internal/gp"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A Space is what a model draws jointly: the parameters that all complete trials
// have, and those that only some have, where another parameter decides which.
//
// A point has a coordinate for every parameter. Where a parameter does not exist,
// its coordinate is nowhere or, on an unordered axis, a category of its own,
// noCategory, so that all points without it agree in it.
type Space struct {
	space.Space
	conditions []*condition // by parameter; nil where all trials have it
	order      []int        // of the parameters with a condition, each after its parent
}

// A condition says when a parameter exists: where its parent does, with none of the
// missing values.
type condition struct {
	parent  int       // an index
	missing []float64 // in internal form
}

const (
	nowhere    = 0.5
	noCategory = -1
)

// SpaceOf returns the space of the complete trials of h, of the pruned ones if none
// is complete.
func SpaceOf(h trial.History) Space {
	var complete, pruned []*trial.Trial
	for _, t := range h.Finished() {
		switch t.State {
		case trial.Complete:
			complete = append(complete, t)
		case trial.Pruned:
			pruned = append(pruned, t)
		}
	}
	if len(complete) == 0 {
		return newSpace(h.RankedSpace(), pruned)
	}
	return newSpace(h.Space(), complete)
}

// newSpace returns the space of trials that have common in common.
func newSpace(common space.Space, trials []*trial.Trial) Space {
	g := Space{Space: cube.Free(common)}
	if !slices.ContainsFunc(trials, func(t *trial.Trial) bool { return len(t.Params) > len(common) }) {
		g.conditions = make([]*condition, len(g.Space))
		return g
	}
	columns := columnsOf(trials)
	more, parents := columns.beyond(common, len(trials))
	g.Space = space.Must(space.New(append(g.Space, more...)...))
	g.conditions = make([]*condition, len(g.Space))
	index := map[string]int{}
	for i, d := range g.Space {
		index[d.Name] = i
	}
	for i, d := range g.Space {
		if p, ok := parents[d.Name]; ok {
			g.conditions[i] = &condition{index[p.name], p.missing}
			g.order = append(g.order, i)
		}
	}
	slices.SortStableFunc(g.order, func(i, j int) int { // a parent is in more trials
		return columns[g.Space[j].Name].count - columns[g.Space[i].Name].count
	})
	return g
}

// axes returns the axes of the parameters.
func (g Space) axes() []gp.Axis {
	axes := make([]gp.Axis, len(g.Space))
	for i, d := range g.Space {
		axes[i] = gp.Axis{Values: cube.Grid(d.Dist), Unordered: cube.IsCategorical(d.Dist)}
	}
	return axes
}

// point returns where a trial is. It reports false if a value is out of its current
// range, or if the trial lacks a parameter that exists there because it failed, or
// is running, before it asked for it.
func (g Space) point(t *trial.Trial) ([]float64, bool) {
	x := make([]float64, len(g.Space))
	for i, d := range g.Space {
		value, ok := t.Drawn(d.Name)
		p, asked := t.Param(d.Name)
		switch {
		case !ok && g.conditions[i] != nil:
			x[i] = missing(d.Dist)
		case !ok || !d.Dist.Contains(value) || asked && cube.IsCategorical(d.Dist) != cube.IsCategorical(p.Dist):
			return nil, false
		default:
			x[i] = cube.Unit(d.Dist, value)
		}
	}
	if t.State == trial.Complete || len(g.order) == 0 {
		return x, true
	}
	y, idle := g.fold(x) // a joint draw may have more parameters than exist
	for _, i := range g.order {
		if _, ok := t.Drawn(g.Space[i].Name); !ok && !idle[i] {
			return nil, false
		}
	}
	return y, true
}

// missing returns the coordinate of a parameter that does not exist.
func missing(d space.Dist) float64 {
	if cube.IsCategorical(d) {
		return noCategory
	}
	return nowhere
}

// values returns the values at x by name, in internal form.
func (g Space) values(x []float64) map[string]float64 {
	values := make(map[string]float64, len(g.Space))
	for i, d := range g.Space {
		values[d.Name] = cube.Value(d.Dist, x[i])
	}
	return values
}

// fold returns x with the coordinates of parameters that do not exist there set to
// what missing returns, and which those are; nil if no parameter has a condition.
func (g Space) fold(x []float64) (y []float64, idle []bool) {
	if len(g.order) == 0 {
		return x, nil
	}
	y, idle = slices.Clone(x), make([]bool, len(x))
	for _, i := range g.order {
		c := g.conditions[i]
		idle[i] = idle[c.parent] || slices.Contains(c.missing, cube.Value(g.Space[c.parent].Dist, x[c.parent]))
		if idle[i] {
			y[i] = missing(g.Space[i].Dist)
		}
	}
	return y, idle
}

// unfold returns a point that folds to x and whose coordinates are all values.
func (g Space) unfold(x []float64) []float64 {
	y := slices.Clone(x)
	for _, i := range g.order {
		d := g.Space[i].Dist
		if values := cube.Grid(d); cube.IsCategorical(d) {
			y[i] = max(y[i], 0)
		} else if values != nil && !slices.Contains(values, y[i]) {
			y[i] = values[len(values)/2]
		}
	}
	return y
}

// pending returns where running trials are, except the one that r asks for.
func (g Space) pending(r Request) [][]float64 {
	var points [][]float64
	for _, t := range r.Running() {
		if x, ok := g.point(t); ok && t.Number != r.Trial.Number {
			points = append(points, x)
		}
	}
	return points
}

// taken returns a function that reports whether a running or a finished trial, also a
// failed one, is at a point, or so near that trying it would tell nothing new.
func (g Space) taken(r Request) func(y []float64) bool {
	const near = 1e-6 // on every axis
	points := g.pending(r)
	for _, t := range r.History.Finished() {
		if x, ok := g.point(t); ok {
			points = append(points, x)
		}
	}
	return func(y []float64) bool {
		at := slices.Clone(y)
		for i, d := range g.Space {
			if d.Dist.Len() > cube.GridLimit && !cube.IsCategorical(d.Dist) { // continuous for the search
				at[i] = d.Dist.Unit(d.Dist.Value(y[i]))
			}
		}
		return slices.ContainsFunc(points, func(x []float64) bool {
			for i, u := range x {
				if math.Abs(u-at[i]) > near {
					return false
				}
			}
			return true
		})
	}
}
