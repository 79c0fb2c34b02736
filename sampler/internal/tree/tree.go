// Package tree knows which combinations of a space have been tried. The space is a
// tree: each value of a parameter leads to the parameter that trials suggest next.
package tree

import (
	"cmp"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A Path holds the suggestions of a trial beyond some node.
type Path struct {
	rest    []trial.Param
	running bool // there may be more to come
}

// Beyond returns the paths of the trials whose parameters begin with start.
func Beyond(start []trial.Param, trials []*trial.Trial) []Path {
	var paths []Path
	for _, t := range trials {
		if len(t.Params) < len(start) {
			continue
		}
		same := func(p, q trial.Param) bool { return p.Name == q.Name && p.Value == q.Value }
		if slices.EqualFunc(t.Params[:len(start)], start, same) {
			paths = append(paths, Path{t.Params[len(start):], t.State == trial.Running})
		}
	}
	return paths
}

// A Node is a parameter, with the number of combinations left below its tried values.
type Node struct {
	dist  space.Dist
	tried []branch // by value
}

// A branch is a value that has been tried, with the combinations below it that have
// not. An untried value counts as one combination, since what follows it is unknown.
type branch struct {
	value, left float64
}

// NodeOf returns the node of the parameter that the paths suggest next. With avoid, the
// values of running trials count as tried.
func NodeOf(paths []Path, name string, d space.Dist, avoid bool) Node {
	byValue := map[float64][]Path{}
	for _, p := range paths {
		if len(p.rest) > 0 && p.rest[0].Name == name && d.Contains(p.rest[0].Value) {
			x := p.rest[0].Value
			byValue[x] = append(byValue[x], Path{p.rest[1:], p.running})
		}
	}
	n := Node{dist: d}
	for x, below := range byValue {
		n.tried = append(n.tried, branch{x, Left(below, avoid)})
	}
	slices.SortFunc(n.tried, func(a, b branch) int { return cmp.Compare(a.value, b.value) })
	return n
}

// Left returns how many combinations are left at the node from which the paths, at
// least one, start.
func Left(paths []Path, avoid bool) float64 {
	for _, p := range paths {
		if len(p.rest) > 0 { // trials that ended here failed before the next parameter
			return NodeOf(paths, p.rest[0].Name, p.rest[0].Dist, avoid).Left()
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

// Left returns how many combinations are left below the node.
func (n Node) Left() float64 {
	if n.dist.Len() == 0 { // continuous, as somebody queued it: Sample will refuse it
		return 1
	}
	sum := float64(n.dist.Len() - len(n.tried))
	for _, b := range n.tried {
		sum += b.left
	}
	return sum
}

// Draw returns a value with something left, of which there is one, for a u in [0, 1):
// with flat all are equally likely, else in proportion to what they have left.
func (n Node) Draw(u float64, flat bool) float64 {
	weight := func(b branch) float64 {
		if flat {
			return min(b.left, 1)
		}
		return b.left
	}
	untried := float64(n.dist.Len() - len(n.tried))
	sum := untried
	for _, b := range n.tried {
		sum += weight(b)
	}
	u *= sum
	if u < untried {
		return n.untried(int(u))
	}
	u -= untried
	last := 0.0
	for _, b := range n.tried {
		if b.left == 0 {
			continue
		}
		last = b.value
		if u -= weight(b); u < 0 {
			break
		}
	}
	return last
}

// untried returns the k-th of the values that have not been tried.
func (n Node) untried(k int) float64 {
	d := n.dist
	if i, ok := d.(space.Int); ok {
		i.Log = false // so that all cells are equally wide
		d = i
	}
	size := float64(d.Len())
	for _, b := range n.tried {
		if at := int(math.Floor(d.Unit(b.value) * size)); at <= k {
			k++
		}
	}
	return d.Value((float64(k) + 0.5) / size)
}
