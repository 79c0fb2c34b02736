package tpe

import (
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A grouping splits the parameters of the first seen finished trials into groups.
type grouping struct {
	seen   int
	groups []space.Space // every ranked trial has all parameters of a group or none
}

// groups returns the groups of the first seen finished trials. Each parameter has its latest
// distribution.
func (f *history) groups(seen int) []space.Space {
	if len(f.groupings) == 0 {
		f.groupings = []grouping{{}}
	}
	for ; f.grouped < seen; f.grouped++ {
		t := f.all[f.grouped]
		// A failed trial may not have asked for all its parameters.
		if t.State == trial.Failed {
			continue
		}
		old := f.groupings[len(f.groupings)-1].groups
		if now := regroup(old, t.Space()); now != nil {
			f.groupings = append(f.groupings, grouping{f.grouped + 1, now})
		}
	}
	return latest(f.groupings, seen, func(g grouping) int { return g.seen }).groups
}

// A widened holds the parameters of the ranked ones among the first seen finished trials.
type widened struct {
	seen     int
	steady   space.Space // those whose distribution is settled
	changing int         // the number of those whose distribution is not
	single   int         // the number of others, which only one trial has
}

// whole returns the parameters of the first seen finished trials.
func (f *history) whole(seen int) widened {
	return latest(f.wholes, seen, func(w widened) int { return w.seen })
}

// widen updates what whole returns after all[i], which is ranked. A name that never comes again
// would cost a new model, so where there are many parameters, a new name is single until it comes
// again. Those of the first trial are not.
func (f *history) widen(t *trial.Trial, i int) {
	const many = 64
	now := f.whole(i)
	changed := false
	for _, p := range t.Params {
		before, known := f.drifts[p.Name]
		after := before.With(p.Dist)
		f.drifts[p.Name] = after
		k, steady := find(now.steady, p.Name)
		d := space.Dimension{Name: p.Name, Dist: p.Dist}
		switch {
		case !known && f.ranked[i] > 0 && len(now.steady) >= many:
			now.single++
			f.single[p.Name] = true
		case f.single[p.Name]:
			delete(f.single, p.Name)
			now.single--
			if now.changing++; after.Settled() {
				now.changing--
				now.steady = slices.Insert(slices.Clone(now.steady), k, d)
			}
		case steady && after.Settled():
			continue
		case steady:
			// A copy: older states still serve workers that see fewer trials.
			now.steady = slices.Delete(slices.Clone(now.steady), k, k+1)
			now.changing++
		case after.Settled():
			now.steady = slices.Insert(slices.Clone(now.steady), k, d)
			if known {
				now.changing--
			}
		default:
			continue
		}
		changed = true
	}
	if changed {
		now.seen = i + 1
		f.wholes = append(f.wholes, now)
	}
}

// find returns the index of a parameter, or where to insert it.
func find(sp space.Space, name string) (at int, found bool) {
	return slices.BinarySearchFunc(sp, name, func(d space.Dimension, name string) int {
		return strings.Compare(d.Name, name)
	})
}

// regroup returns the groups after one more trial, of the given space. It splits every group into
// what the trial has and what it lacks; new parameters form a group. It returns nil if nothing
// changes.
func regroup(groups []space.Space, of space.Space) []space.Space {
	var now []space.Space
	changed := false
	rest := slices.Clone(of)
	for _, g := range groups {
		var has, lacks space.Space
		for _, d := range g {
			i := slices.IndexFunc(rest, func(e space.Dimension) bool { return e.Name == d.Name })
			if i < 0 {
				lacks = append(lacks, d)
				continue
			}
			changed = changed || !space.Equal(d.Dist, rest[i].Dist)
			has = append(has, rest[i])
			rest = slices.Delete(rest, i, i+1)
		}
		changed = changed || len(has) > 0 && len(lacks) > 0
		now = append(now, has, lacks)
	}
	now = append(now, rest)
	if !changed && len(rest) == 0 {
		return nil
	}
	return slices.DeleteFunc(now, func(g space.Space) bool { return len(g) == 0 })
}
