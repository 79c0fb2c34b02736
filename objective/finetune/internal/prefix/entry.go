package prefix

import (
	"container/list"
	"context"
	"time"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// An entry is cached features. It is immutable.
type entry struct {
	key   Hash
	batch nn.Batch
	cost  time.Duration // of computing it from the data
}

// bytes is the memory that an entry counts for.
func (e *entry) bytes() int64 { return 4*int64(len(e.batch.X.Data)) + 8*int64(len(e.batch.Lens)) }

// A flight is features that are being computed or read.
type flight struct {
	done chan struct{} // closed at the end
	e    *entry        // nil: failed
}

// features returns the features of s. Concurrent trainings that want the same wait for the first.
func (c *Cache) features(ctx context.Context, s *source) (*entry, error) {
	// A flight that fails leaves the features to be made by one of those that waited for it.
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		e, theirs, mine := c.find(s.key())
		switch {
		case e != nil:
			return e, nil
		// Only the one that put up the flight may end it.
		case mine != nil:
			return c.fly(ctx, s, mine)
		}
		select {
		case <-theirs.done:
			if theirs.e != nil {
				c.hit(theirs.e)
				return theirs.e, nil
			} // my turn: their context may have ended
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// find returns the features with that key, or the flight that brings them: theirs, or mine if there
// was none.
func (c *Cache) find(key Hash) (e *entry, theirs, mine *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at := c.entries[key]; at != nil {
		c.recent.MoveToFront(at)
		e = at.Value.(*entry)
		c.stats.Hits++
		c.stats.Saved += e.cost
		return e, nil, nil
	}
	if f := c.flights[key]; f != nil {
		return nil, f, nil
	}
	if c.flights == nil {
		c.flights = make(map[Hash]*flight)
	}
	mine = &flight{done: make(chan struct{})}
	// Under the same lock as the search, so exactly one training computes.
	c.flights[key] = mine
	return nil, nil, mine
}

// hit counts features that another training brought.
func (c *Cache) hit(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Hits++
	c.stats.Saved += e.cost
}

// fly brings the features of s, and writes them to disk if they were not there.
func (c *Cache) fly(ctx context.Context, s *source, f *flight) (*entry, error) {
	computed, err := c.make(ctx, s, f)
	if computed {
		// After landing, so that those waiting need not wait for the disk.
		c.write(f.e)
	}
	return f.e, err
}

// land ends a flight, even one that failed or panicked.
func (c *Cache) land(key Hash, f *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	// keep has run before, so a new search finds the features or starts over.
	delete(c.flights, key)
	close(f.done)
}

// make reads features from disk, or computes them, starting from those of fewer blocks if
// available, and keeps them.
func (c *Cache) make(ctx context.Context, s *source, f *flight) (computed bool, err error) {
	// Deferred, because a layer that panics must not leave others waiting forever.
	defer c.land(s.key(), f)
	last := len(s.keys) - 1
	if e := c.read(s.key()); e != nil {
		c.keep(e, func(st *Stats) { st.DiskHits++; st.Saved += e.cost })
		f.e = e
		return false, nil
	}
	// From the deepest features available: freezing one block more costs one block.
	from, base := 0, &entry{batch: s.data}
	for i := last - 1; i >= 0 && from == 0; i-- {
		if e := c.peek(s.keys[i]); e != nil {
			from, base = i+1, e
		}
	}
	start := time.Now()
	b, err := s.compute(ctx, from, base.batch)
	if err != nil {
		return false, err
	}
	// The cost counts from the data on, even if a shallower depth was available.
	took := time.Since(start)
	e := &entry{key: s.key(), batch: b, cost: base.cost + took}
	c.keep(e, func(st *Stats) { st.Misses++; st.Computed += took; st.Saved += base.cost })
	f.e = e
	return true, nil
}

// peek returns features from memory or disk.
func (c *Cache) peek(key Hash) *entry {
	c.mu.Lock()
	at := c.entries[key]
	if at != nil {
		c.recent.MoveToFront(at)
	}
	// Not while reading the disk: other trainings must not wait for it.
	c.mu.Unlock()
	if at != nil {
		return at.Value.(*entry)
	}
	return c.read(key)
}

// keep stores e in memory, unless it is larger than the limit, and drops the least recently used
// features if needed.
func (c *Cache) keep(e *entry, count func(*Stats)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	count(&c.stats)
	limit := c.MaxBytes
	if limit == 0 {
		limit = defaultMaxBytes
	}
	// Running trainings still use it; it is only not kept.
	if e.bytes() > limit {
		return
	}
	// This ends: without entries Bytes is 0, and e fits.
	for c.stats.Bytes+e.bytes() > limit {
		oldest := c.recent.Remove(c.recent.Back()).(*entry)
		delete(c.entries, oldest.key)
		c.stats.Bytes -= oldest.bytes()
		c.stats.Evictions++
	}
	if c.entries == nil {
		c.entries = make(map[Hash]*list.Element)
	}
	c.entries[e.key] = c.recent.PushFront(e)
	c.stats.Bytes += e.bytes()
}
