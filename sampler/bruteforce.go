package sampler

import (
	"fmt"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// BruteForce tries every combination of a space that need not be known
// beforehand: it learns from the trials which parameters follow which values,
// and draws only where something is left to try. All parameters must have
// finitely many values, and what a trial suggests next must be a function of
// the values that it has.
//
// Half of its choice is uniform among the values with something left, half in
// proportion to what is known to be left. It avoids what running trials try as
// long as there is anything else. Trials that failed or were pruned have tried
// theirs. When nothing is left, Study.Optimize ends; who asks for more gets what
// Random draws, so that combinations repeat. Parallel workers that ask at the same
// moment may draw the same.
//
// A draw reads the whole history.
type BruteForce struct{}

// Sample returns a value of d in internal form. It is an error if d is a
// continuum.
func (BruteForce) Sample(r Request, name string, d space.Dist) (float64, error) {
	n := d.Len()
	if n == 0 {
		return 0, fmt.Errorf("BruteForce draws %q from %v, want finitely many values: give it a step", name, d)
	}
	var paths []path
	for _, trials := range [][]*trial.Trial{r.History.Finished(), r.Running()} {
		for _, t := range trials {
			if t.Number == r.Trial.Number {
				continue
			}
			if rest, ok := beyond(t.Params, r.Trial.Params); ok {
				paths = append(paths, path{rest, t.State == trial.Running})
			}
		}
	}
	for _, avoid := range []bool{true, false} {
		if b := branchesOf(paths, name, d, avoid); b.left() > 0 {
			return b.draw(r.Rand.Float64(), r.Rand.Float64() < 0.5), nil
		}
	}
	return d.Value(r.Rand.Float64()), nil
}

// Left returns how many combinations are known that no trial has tried or is
// trying. What follows an untried value is not known, so it counts as one.
func (BruteForce) Left(h trial.History) int {
	var paths []path
	begun := 0 // running, and nobody knows where
	blank := 0 // finished without a parameter
	for _, trials := range [][]*trial.Trial{h.Finished(), h.Running()} {
		for _, t := range trials {
			switch running := t.State == trial.Running; {
			case len(t.Params) > 0:
				paths = append(paths, path{t.Params, running})
			case running:
				begun++
			default:
				blank++
			}
		}
	}
	left := 1.0 // of a space of which nothing is known
	switch {
	case len(paths) > 0:
		first := paths[0].rest[0]
		left = branchesOf(paths, first.Name, first.Dist, true).left()
	case blank > 0: // nothing was learned
		return math.MaxInt
	}
	return int(min(max(left-float64(begun), 0), math.MaxInt32))
}

// A path is what a trial has suggested beyond some values.
type path struct {
	rest    []trial.Param
	running bool // there may be more to come
}

// beyond returns what of params follows after start, if they begin with it.
func beyond(params, start []trial.Param) (rest []trial.Param, ok bool) {
	if len(params) < len(start) {
		return nil, false
	}
	for i, p := range start {
		if params[i].Name != p.Name || params[i].Value != p.Value {
			return nil, false
		}
	}
	return params[len(start):], true
}

// branches say how many combinations each value of a parameter has left. An
// untried value has one, since nobody knows what follows.
type branches struct {
	dist  space.Dist
	tried []branch // by value
}

type branch struct {
	value, left float64
}

// branchesOf returns the branches at the parameter where the paths are. What
// running trials try counts as nothing left if avoid is set, else as not tried.
func branchesOf(paths []path, name string, d space.Dist, avoid bool) branches {
	byValue := map[float64][]path{}
	for _, p := range paths {
		if len(p.rest) > 0 && p.rest[0].Name == name && d.Contains(p.rest[0].Value) {
			x := p.rest[0].Value
			byValue[x] = append(byValue[x], path{p.rest[1:], p.running})
		}
	}
	b := branches{dist: d}
	for x, below := range byValue {
		b.tried = append(b.tried, branch{x, leftBelow(below, avoid)})
	}
	slices.SortFunc(b.tried, func(p, q branch) int {
		if p.value < q.value {
			return -1
		}
		return 1
	})
	return b
}

// leftBelow returns how many combinations are left where the paths are.
func leftBelow(paths []path, avoid bool) float64 {
	for _, p := range paths {
		if len(p.rest) > 0 { // what follows here; those that ended here failed before
			return branchesOf(paths, p.rest[0].Name, p.rest[0].Dist, avoid).left()
		}
	}
	for _, p := range paths {
		if !p.running {
			return 0
		}
	}
	if avoid {
		return 0
	}
	return 1
}

// left returns how many combinations are left in all branches.
func (b branches) left() float64 {
	if b.dist.Len() == 0 { // a continuum, as somebody queued it: Sample will say so
		return 1
	}
	sum := float64(b.dist.Len() - len(b.tried))
	for _, t := range b.tried {
		sum += t.left
	}
	return sum
}

// draw returns a value with something left, of which there is one, by a u in
// [0, 1): all of them are equally likely if flat is set, else in proportion to
// what they have left.
func (b branches) draw(u float64, flat bool) float64 {
	weight := func(t branch) float64 {
		if flat {
			return min(t.left, 1)
		}
		return t.left
	}
	untried := float64(b.dist.Len() - len(b.tried))
	sum := untried
	for _, t := range b.tried {
		sum += weight(t)
	}
	u *= sum
	if u < untried {
		return b.untried(int(u))
	}
	u -= untried
	last := 0.0
	for _, t := range b.tried {
		if t.left == 0 {
			continue
		}
		last = t.value
		if u -= weight(t); u < 0 {
			break
		}
	}
	return last
}

// untried returns the k-th of the values that have not been tried.
func (b branches) untried(k int) float64 {
	d := b.dist
	if i, ok := d.(space.Int); ok {
		i.Log = false // so that all cells are equally wide
		d = i
	}
	n := float64(d.Len())
	for _, t := range b.tried {
		if at := int(math.Floor(d.Unit(t.value) * n)); at <= k {
			k++
		}
	}
	return d.Value((float64(k) + 0.5) / n)
}
