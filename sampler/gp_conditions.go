package sampler

import (
	"maps"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A gpSpace is what GP draws jointly: the parameters that all complete trials
// have, and those that some have, if it can be told from another parameter which.
//
// A point has a coordinate for every parameter. Where a parameter does not exist
// its coordinate is gpNowhere or, on an unordered axis, a category of its own,
// noCategory, so that all points without it agree in it.
type gpSpace struct {
	space.Space
	conditions []*gpCondition // by parameter; nil where all trials have it
	order      []int          // of the parameters with a condition, each after the one that it depends on
}

// A gpCondition says when a parameter exists: if the one with index parent does,
// and has a value with which it was not always missing.
type gpCondition struct {
	parent  int
	missing []float64 // values of the parent in internal form
}

const (
	gpNowhere  = 0.5
	noCategory = -1
	// gpParentLimit is the largest number of values of a parameter that others
	// may depend on.
	gpParentLimit = 100
)

// newGPSpace returns the space of the complete trials, of which common is what
// they have in common.
func newGPSpace(common space.Space, complete []*trial.Trial) gpSpace {
	g := gpSpace{Space: cube.Free(common)}
	if !slices.ContainsFunc(complete, func(t *trial.Trial) bool { return len(t.Params) > len(common) }) {
		g.conditions = make([]*gpCondition, len(g.Space))
		return g
	}
	columns := gpColumns(complete)
	parents := map[string]gpParent{}
	dims := slices.Clone(g.Space)
	for name, c := range columns {
		if _, ok := common.Get(name); ok || !c.Settled() || c.Dist.Len() == 1 {
			continue
		}
		if c.count == len(complete) { // its range was another once
			dims = append(dims, space.Dimension{Name: name, Dist: c.Dist})
			continue
		}
		if p, ok := columns.parent(name); ok {
			parents[name] = p
		}
	}
	// What depends on a parameter that cannot be told cannot be told either.
	for again := true; again; {
		again = false
		for name, p := range parents {
			if columns[p.name].count == len(complete) {
				continue
			}
			if _, ok := parents[p.name]; !ok {
				delete(parents, name)
				again = true
			}
		}
	}
	for name := range parents {
		dims = append(dims, space.Dimension{Name: name, Dist: columns[name].Dist})
	}
	g.Space = space.New(dims...)
	g.conditions = make([]*gpCondition, len(g.Space))
	index := map[string]int{}
	for i, d := range g.Space {
		index[d.Name] = i
	}
	for i, d := range g.Space {
		if p, ok := parents[d.Name]; ok {
			g.conditions[i] = &gpCondition{index[p.name], p.missing}
			g.order = append(g.order, i)
		}
	}
	slices.SortStableFunc(g.order, func(i, j int) int { // a parent is in more trials
		return columns[g.Space[j].Name].count - columns[g.Space[i].Name].count
	})
	return g
}

// A gpColumn holds the values of a parameter in the complete trials.
type gpColumn struct {
	cube.Drift           // the last distribution, and whether it is settled
	values     []float64 // n, in internal form; NaN where a trial lacks it
	count      int       // trials that have it
}

type gpColumnSet map[string]*gpColumn

func gpColumns(complete []*trial.Trial) gpColumnSet {
	columns := gpColumnSet{}
	for i, t := range complete {
		for _, p := range t.Params {
			c := columns[p.Name]
			if c == nil {
				c = &gpColumn{values: slices.Repeat([]float64{math.NaN()}, len(complete))}
				columns[p.Name] = c
			}
			c.Drift = c.Drift.With(p.Dist)
			c.values[i] = p.Value
			c.count++
		}
	}
	return columns
}

// A gpParent is a parameter that another one depends on.
type gpParent struct {
	name    string
	missing []float64
}

// parent returns what tells which trials have the parameter called name: every
// trial that has it has the parent too, and with no value of the parent do some
// trials have it and others not. Parents are in more trials than what depends on
// them, so that there are no circles. Of several the one in the fewest trials is
// taken, then the first by name.
func (columns gpColumnSet) parent(name string) (gpParent, bool) {
	child := columns[name]
	best, found := gpParent{}, false
	for _, other := range slices.Sorted(maps.Keys(columns)) {
		c := columns[other]
		n := c.Dist.Len()
		if !c.Settled() || c.count <= child.count || n < 2 || n > gpParentLimit || found && c.count >= columns[best.name].count {
			continue
		}
		if missing, ok := c.decides(child); ok {
			best, found = gpParent{other, missing}, true
		}
	}
	return best, found
}

// decides reports whether the values of c tell which trials have the child, and
// returns those of trials that lack it.
func (c *gpColumn) decides(child *gpColumn) (missing []float64, ok bool) {
	var present []float64
	for i, v := range c.values {
		has := !math.IsNaN(child.values[i])
		switch {
		case math.IsNaN(v) && has:
			return nil, false
		case math.IsNaN(v):
		case has && !slices.Contains(present, v):
			present = append(present, v)
		case !has && !slices.Contains(missing, v):
			missing = append(missing, v)
		}
	}
	return missing, !slices.ContainsFunc(missing, func(v float64) bool { return slices.Contains(present, v) })
}

// point returns where a trial is. It reports false if the trial lacks a parameter
// that exists there, because it failed or runs before it was asked for, or has a
// value that is out of today's range.
func (g gpSpace) point(t *trial.Trial) ([]float64, bool) {
	x := make([]float64, len(g.Space))
	for i, d := range g.Space {
		value, ok := t.Drawn(d.Name)
		p, asked := t.Param(d.Name)
		switch {
		case !ok && g.conditions[i] != nil:
			x[i] = nowhere(d.Dist)
		case !ok || !d.Dist.Contains(value) || asked && cube.IsCategorical(d.Dist) != cube.IsCategorical(p.Dist):
			return nil, false
		default:
			x[i] = cube.Unit(d.Dist, value)
		}
	}
	if t.State == trial.Complete || len(g.order) == 0 {
		return x, true
	}
	y, idle := g.fold(x) // what was drawn together may have more than exists
	for _, i := range g.order {
		if _, ok := t.Drawn(g.Space[i].Name); !ok && !idle[i] {
			return nil, false
		}
	}
	return y, true
}

// gpNear is how near to each other points are that count as one.
const gpNear = 1e-6

// pending returns where running trials are.
func (g gpSpace) pending(r Request) [][]float64 {
	var points [][]float64
	for _, t := range r.Running() {
		if x, ok := g.point(t); ok && t.Number != r.Trial.Number {
			points = append(points, x)
		}
	}
	return points
}

// taken returns the function that tells whether a finished trial, also one that
// failed, or a running one is at a point, or so near that trying it would tell
// nothing new.
func (g gpSpace) taken(r Request) func(y []float64) bool {
	points := g.pending(r)
	for _, t := range r.History.Finished() {
		if x, ok := g.point(t); ok {
			points = append(points, x)
		}
	}
	return func(y []float64) bool {
		at := slices.Clone(y)
		for i, d := range g.Space {
			if d.Dist.Len() > cube.GridLimit && !cube.IsCategorical(d.Dist) { // the search takes it for a continuum
				at[i] = d.Dist.Unit(d.Dist.Value(y[i]))
			}
		}
		return slices.ContainsFunc(points, func(x []float64) bool {
			for i, u := range x {
				if math.Abs(u-at[i]) > gpNear {
					return false
				}
			}
			return true
		})
	}
}

func nowhere(d space.Dist) float64 {
	if cube.IsCategorical(d) {
		return noCategory
	}
	return gpNowhere
}

// values returns the values at x by name, in internal form.
func (g gpSpace) values(x []float64) map[string]float64 {
	values := make(map[string]float64, len(g.Space))
	for i, d := range g.Space {
		values[d.Name] = g.value(i, x)
	}
	return values
}

// value returns the value of parameter i at x, in internal form.
func (g gpSpace) value(i int, x []float64) float64 {
	return cube.Value(g.Space[i].Dist, x[i])
}

// fold returns the point that x stands for, with the coordinates of what does not
// exist there as they always are, and which those are; nil if there are none.
func (g gpSpace) fold(x []float64) (y []float64, idle []bool) {
	if len(g.order) == 0 {
		return x, nil
	}
	y, idle = slices.Clone(x), make([]bool, len(x))
	for _, i := range g.order {
		c := g.conditions[i]
		idle[i] = idle[c.parent] || slices.Contains(c.missing, g.value(c.parent, x))
		if idle[i] {
			y[i] = nowhere(g.Space[i].Dist)
		}
	}
	return y, idle
}

// unfold returns a point that x stands for and whose coordinates are all values.
func (g gpSpace) unfold(x []float64) []float64 {
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
