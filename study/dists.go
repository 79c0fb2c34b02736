package study

import (
	"sync"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// dists are the distributions that parameters have had, for each name one that
// was the last at some time, and of a categorical one the longest list of
// choices.
type dists struct {
	mu     sync.RWMutex
	byName map[string]space.Dist
}

// get returns the distribution of a name, or nil.
func (d *dists) get(name string) space.Dist {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.byName[name]
}

func (d *dists) set(name string, dist space.Dist) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.byName == nil {
		d.byName = map[string]space.Dist{}
	}
	if !fewer(dist, d.byName[name]) {
		d.byName[name] = dist
	}
}

// fewer reports whether a has fewer choices than b.
func fewer(a, b space.Dist) bool {
	x, ok := a.(space.Categorical)
	y, ok2 := b.(space.Categorical)
	return ok && ok2 && len(x.Choices) < len(y.Choices)
}

// add takes in the names that are new, and choices that were appended.
func (d *dists) add(params []trial.Param) {
	for _, p := range params {
		if known := d.get(p.Name); known == nil || fewer(known, p.Dist) {
			d.set(p.Name, p.Dist)
		}
	}
}

// share returns known if d is the same, so that the trials of a study share
// one distribution in memory; else d.
func share(known, d space.Dist) space.Dist {
	switch d := d.(type) {
	case space.Float:
		return shareAs(known, d)
	case space.Int:
		return shareAs(known, d)
	}
	if known != nil && space.Equal(known, d) {
		return known
	}
	return d
}

// shareAs is share for a type, which needs no memory if d is known.
func shareAs[D interface {
	comparable
	space.Dist
}](known space.Dist, d D) space.Dist {
	if k, ok := known.(D); ok && k == d {
		return known
	}
	return d
}
