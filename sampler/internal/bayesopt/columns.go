package bayesopt

import (
	"maps"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// parentLimit is the largest number of values of a parameter that others may
// depend on.
const parentLimit = 100

// A columnSet holds the parameters of n trials by name.
type columnSet map[string]*column

// A column holds the values of a parameter.
type column struct {
	cube.Drift
	values []float64 // n, in internal form; NaN where a trial lacks it
	count  int       // trials that have it
}

func columnsOf(trials []*trial.Trial) columnSet {
	columns := columnSet{}
	for i, t := range trials {
		for _, p := range t.Params {
			c := columns[p.Name]
			if c == nil {
				c = &column{values: slices.Repeat([]float64{math.NaN()}, len(trials))}
				columns[p.Name] = c
			}
			c.Drift = c.Drift.With(p.Dist)
			c.values[i] = p.Value
			c.count++
		}
	}
	return columns
}

// A parent is a parameter that decides which trials have another one.
type parent struct {
	name    string
	missing []float64 // its values in trials that lack the other one
}

// beyond returns the parameters that a model can draw jointly in addition to those
// that all n trials have in common, and the parents of those that not all have.
func (columns columnSet) beyond(common space.Space, n int) (more []space.Dimension, parents map[string]parent) {
	parents = map[string]parent{}
	for name, c := range columns {
		if _, ok := common.Get(name); ok || !c.Settled() || c.Dist.Len() == 1 {
			continue
		}
		if c.count == n { // its range was once another
			more = append(more, space.Dimension{Name: name, Dist: c.Dist})
		} else if p, ok := columns.parent(name); ok {
			parents[name] = p
		}
	}
	// A parameter is useless without its parent.
	for again := true; again; {
		again = false
		for name, p := range parents {
			if _, ok := parents[p.name]; !ok && columns[p.name].count < n {
				delete(parents, name)
				again = true
			}
		}
	}
	for name := range parents {
		more = append(more, space.Dimension{Name: name, Dist: columns[name].Dist})
	}
	return more, parents
}

// parent returns the parameter that decides which trials have the one called name:
// all trials that have it have the parent too, and no value of the parent occurs both
// with it and without. A parent is in more trials, so there are no cycles. Of several
// it takes the one in the fewest trials, then the first by name.
func (columns columnSet) parent(name string) (parent, bool) {
	child := columns[name]
	best, found := parent{}, false
	for _, other := range slices.Sorted(maps.Keys(columns)) {
		c := columns[other]
		n := c.Dist.Len()
		if !c.Settled() || c.count <= child.count || n < 2 || n > parentLimit {
			continue
		}
		if found && c.count >= columns[best.name].count {
			continue
		}
		if missing, ok := c.decides(child); ok {
			best, found = parent{other, missing}, true
		}
	}
	return best, found
}

// decides reports whether the values of c decide which trials have child, and
// returns those of trials that lack it.
func (c *column) decides(child *column) (missing []float64, ok bool) {
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
