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
// failed. Each has the distribution that it had last.
func (f *tpeHistory) whole(seen int) space.Space { return groupingAt(f.wholes, seen)[0] }

// regroupWhole returns the parameters of whole and of one more trial. It
// returns nil if nothing changes.
func regroupWhole(whole space.Space, t *trial.Trial) space.Space {
	var now space.Space
	for _, p := range t.Params {
		i, ok := slices.BinarySearchFunc(whole, p.Name, func(d space.Dimension, name string) int { return strings.Compare(d.Name, name) })
		switch {
		case ok && sameDist(whole[i].Dist, p.Dist):
			continue
		case now == nil:
			now = slices.Clone(whole)
		}
		if ok {
			now[slices.IndexFunc(now, func(d space.Dimension) bool { return d.Name == p.Name })].Dist = p.Dist
		} else {
			now = append(now, space.Dimension{Name: p.Name, Dist: p.Dist})
		}
	}
	if now == nil {
		return nil
	}
	return space.New(now...)
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
