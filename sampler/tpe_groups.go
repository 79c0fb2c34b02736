package sampler

import (
	"slices"

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
	i, found := slices.BinarySearchFunc(f.groupings, seen, func(g grouping, seen int) int { return g.seen - seen })
	if !found {
		i--
	}
	return f.groupings[i].groups
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
