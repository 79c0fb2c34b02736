package sampler

import (
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A grouping parts the parameters of the first seen finished trials.
type grouping struct {
	seen   int
	groups []space.Space // parameters that all ranked trials have together or not at all
}

// groups returns the groups of the first seen finished trials. Each parameter
// has the distribution that it had last.
func (f *tpeHistory) groups(seen int) []space.Space {
	if len(f.groupings) == 0 {
		f.groupings = []grouping{{}}
	}
	for ; f.grouped < seen; f.grouped++ {
		t := f.all[f.grouped]
		if t.State == trial.Failed {
			continue
		}
		old := f.groupings[len(f.groupings)-1].groups
		if now := regroup(old, t.Space()); now != nil {
			f.groupings = append(f.groupings, grouping{f.grouped + 1, now})
		}
	}
	return groupingAt(f.groupings, seen)
}

// groupingAt returns the last groups with no more than seen trials.
func groupingAt(list []grouping, seen int) []space.Space {
	i, found := slices.BinarySearchFunc(list, seen, func(g grouping, seen int) int { return g.seen - seen })
	if !found {
		i--
	}
	return list[i].groups
}

// whole returns all parameters of the first seen finished trials, unless they
// failed: those that have always had one distribution, and the others.
func (f *tpeHistory) whole(seen int) (steady, changing space.Space) {
	both := groupingAt(f.wholes, seen)
	return both[0], both[1]
}

// widen follows whole after all[i], which has not failed. What has changed once
// may change in every trial: a model of it would be made anew each time.
func (f *tpeHistory) widen(t *trial.Trial, i int) {
	steady, changing := f.whole(i)
	changed := false
	for _, p := range t.Params {
		k, known := find(steady, p.Name)
		if known && sameDist(steady[k].Dist, p.Dist) {
			continue
		}
		j, moves := find(changing, p.Name)
		if moves {
			continue
		}
		changed = true
		d := space.Dimension{Name: p.Name, Dist: p.Dist}
		if known {
			steady, changing = slices.Delete(slices.Clone(steady), k, k+1), slices.Insert(slices.Clone(changing), j, d)
		} else {
			steady = slices.Insert(slices.Clone(steady), k, d)
		}
	}
	if changed {
		f.wholes = append(f.wholes, grouping{i + 1, []space.Space{steady, changing}})
	}
}

// find returns where a parameter is, or belongs.
func find(sp space.Space, name string) (at int, found bool) {
	return slices.BinarySearchFunc(sp, name, func(d space.Dimension, name string) int { return strings.Compare(d.Name, name) })
}

// regroup returns the groups after one more trial, of the given space: every
// group is cut into what the trial has and what it lacks, and what is new is a
// group. It returns nil if nothing changes.
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
