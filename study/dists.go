package study

import (
	"sync"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// dists holds a recent distribution of each parameter name. For a categorical it is the one with
// the most choices. It finds conflicts with earlier trials, and lets trials share distributions.
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

// add records new names and appended choices.
func (d *dists) add(params []trial.Param) {
	for _, p := range params {
		if known := d.get(p.Name); known == nil || fewer(known, p.Dist) {
			d.set(p.Name, p.Dist)
		}
	}
}

// intern returns the recorded distribution of a name if it equals dist, so that all trials share it
// in memory; else dist. Only then does converting dist to an interface allocate.
func intern[D space.Dist](d *dists, name string, dist D) space.Dist {
	if known := d.get(name); known != nil && space.Equal(known, dist) {
		return known
	}
	return dist
}
