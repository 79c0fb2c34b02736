package tpe

import (
	"math/rand/v2"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/sampler/internal/parzen"
	"github.com/bluefin-hpo/bluefin/space"
)

// A tried knows which points of a finite space finished trials have tried.
type tried struct {
	first    map[uint64]int // by hash, the index of the first finished trial there
	distinct []int          // distinct[i]: different points among the first i finished trials
	branches []branch       // one point for every set of parameters that trials have, oldest first
}

// A branch is the point of the finished trial at an index.
type branch struct {
	index int
	point []float64
}

// maxBranches is how many sets of parameters trials may have before points may repeat. Every
// lookup tries them all, and a space with that many hardly repeats a point by chance.
const maxBranches = 64

// add notes the point of the next finished trial, nil if it has none. A failed trial that lacks
// parameters may not have asked for them yet, so it says nothing about points that have them.
func (k *tried) add(points [][]float64, point []float64, failed bool) {
	if k.first == nil {
		k.first, k.distinct = map[uint64]int{}, []int{0}
	}
	n := k.distinct[len(k.distinct)-1]
	if failed && slices.Contains(point, parzen.Missing) {
		point = nil
	}
	if point != nil && !k.includes(points, len(points), point) {
		k.first[cube.Hash(0, point...)] = len(points)
		n++
		known := func(b branch) bool { return sameMissing(b.point, point) }
		if len(k.branches) <= maxBranches && !slices.ContainsFunc(k.branches, known) {
			k.branches = append(k.branches, branch{len(points), point})
		}
	}
	k.distinct = append(k.distinct, n)
}

// sameMissing reports whether two trials have the same parameters.
func sameMissing(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return (x == parzen.Missing) == (y == parzen.Missing) })
}

// has reports whether one of the first seen trials has tried a point. It compares only the
// parameters that the trial has, because the objective asks for no others there.
func (k *tried) has(points [][]float64, seen int, point []float64) bool {
	for _, b := range k.known(seen) {
		there := point
		if slices.Contains(b.point, parzen.Missing) {
			there = slices.Clone(point)
			for i, x := range b.point {
				if x == parzen.Missing {
					// A parameter that does not exist in this branch does not make a point
					// different.
					there[i] = x
				}
			}
		}
		if k.includes(points, seen, there) {
			return true
		}
	}
	return false
}

// known returns the branches of the first seen trials.
func (k *tried) known(seen int) []branch {
	n, _ := slices.BinarySearchFunc(k.branches, seen, func(b branch, seen int) int { return b.index - seen })
	return k.branches[:n]
}

// includes reports whether one of the first seen trials has exactly this point. If two points
// ever had one hash, the second would count as untried.
func (k *tried) includes(points [][]float64, seen int, point []float64) bool {
	i, ok := k.first[cube.Hash(0, point...)]
	return ok && i < seen && slices.Equal(points[i], point)
}

// untried returns a function that reports whether neither r's history nor a running trial has
// tried a point. It is nil if points may repeat: all are taken, a parameter is continuous, trials
// differ in other parameters too, or there are too many branches. Any within different points
// include an untried one; within is 0 in a conditional space, where all may be taken.
func (m *model) untried(f *history, r Request) (untried func(point []float64) bool, within int) {
	seen := m.seen
	others := f.mostParams[seen] > len(r.History.RankedSpace())
	if m.rules.whole {
		w := f.whole(seen)
		others = w.changing > 0 || w.single > 0
	}
	if !m.finite || others {
		return nil, 0
	}
	points, running, branches := m.points, m.running, m.tried.known(seen)
	if len(branches) > maxBranches {
		return nil, 0
	}
	// A float, since products of ranges overflow ints.
	size := 1.0
	for _, d := range m.space {
		size *= float64(d.Dist.Len())
	}
	taken := m.tried.distinct[seen]
	for i, o := range running {
		if !m.tried.includes(points, seen, o.point) && !includes(running[:i], o.point) {
			// Each running point counts once, and not if a finished trial has it too.
			taken++
		}
	}
	if float64(taken) >= size {
		return nil, 0
	}
	if !slices.ContainsFunc(branches, func(b branch) bool { return slices.Contains(b.point, parzen.Missing) }) {
		within = taken + 1
	}
	return func(point []float64) bool {
		return !m.tried.has(points, seen, point) && !includes(running, point)
	}, within
}

// includes reports whether one of the trials has exactly this point.
func includes(trials []observed, point []float64) bool {
	return slices.ContainsFunc(trials, func(o observed) bool { return slices.Equal(o.point, point) })
}

// without returns the untried candidates of c. If there are none it draws untried points
// uniformly; if it finds none, it returns c.
func (c *candidates) without(r *rand.Rand, now view) *candidates {
	kept := newCandidates(c.space, len(c.x[0]))
	n := 0
	for j := range c.x[0] {
		if point := c.point(j); now.untried(point) {
			kept.set(n, point)
			n++
		}
	}
	if n > 0 {
		return kept.first(n)
	}
	if others := atRandom(c.space, len(c.x[0]), r, now); others != nil {
		return others
	}
	return c
}

// atRandom draws up to m untried points uniformly. It returns nil if it finds none.
func atRandom(sp space.Space, m int, r *rand.Rand, now view) *candidates {
	found := newCandidates(sp, m)
	n := 0
	point := make([]float64, len(sp))
	// Enough to find a point if one in fifty is untried; below that, visiting is cheaper.
	const tries = 200
	for range tries {
		for i, d := range sp {
			point[i] = cube.Nth(d.Dist, r.IntN(d.Dist.Len()))
		}
		if now.untried(point) {
			found.set(n, point)
			n++
		}
		if n == m {
			return found
		}
	}
	if n > 0 {
		return found.first(n)
	}
	// Nearly all are tried, so few enough to visit one by one. In a very wide range neighbours
	// share a coordinate and one that was tried hides the others, so stop after within points.
	at := make([]int, len(sp))
	for i, d := range sp {
		at[i] = r.IntN(d.Dist.Len())
	}
	for range now.within {
		for i, d := range sp { // the next point
			if at[i] = (at[i] + 1) % d.Dist.Len(); at[i] != 0 {
				break
			}
		}
		for i, d := range sp {
			point[i] = cube.Nth(d.Dist, at[i])
		}
		if now.untried(point) {
			found.set(0, point)
			return found.first(1)
		}
	}
	return nil
}
