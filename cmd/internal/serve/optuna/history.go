package optuna

import (
	"context"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A history is a study's trials as clients get them. It follows the storage: each use reads what
// has changed since the last one, so the cost of a call depends on that and on its reply.
type history struct {
	study int64
	used  time.Time // guarded by histories.mu

	mu       sync.Mutex
	revision int64
	whole    bool                  // all trials have been read once
	trials   []record              // by number; those not read yet are zero
	dists    map[string]space.Dist // of each parameter, from the first trial that was read with it
	promised map[string]space.Dist // of parameters that are being written
}

// A record is a trial, encoded.
type record struct {
	id    int64
	state trial.State
	field []byte // the trial as field 1 of a message
}

// part is how many trials are read at once when a study is first read.
const part = 1000

// follow reads what has changed. h.mu must be held.
func (h *history) follow(ctx context.Context, s storage.Viewer) error {
	for !h.whole {
		c, err := s.Some(ctx, h.study, h.revision, part, true)
		if err == nil {
			err = h.put(ctx, s, c)
		}
		if err != nil {
			return err
		}
		if h.whole = len(c.Trials) == 0; h.whole {
			return nil
		}
	}
	c, err := s.Since(ctx, h.study, h.revision)
	if err != nil {
		return err
	}
	return h.put(ctx, s, c)
}

func (h *history) put(ctx context.Context, s storage.Viewer, c storage.Changes) error {
	known, n := len(h.trials), len(h.trials)
	for _, t := range c.Trials {
		n = max(n, t.Number+1)
	}
	trials := h.trials
	if n > known {
		trials = append(trials, make([]record, n-known)...)
		if err := identify(ctx, s, h.study, trials, known); err != nil {
			return err
		}
	}
	for _, t := range c.Trials {
		r := &trials[t.Number]
		text, err := proto.Marshal(toTrial(t, r.id))
		if err != nil {
			return err
		}
		r.state = t.State
		r.field = protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), text)
		for _, p := range t.Params {
			if h.dists[p.Name] == nil {
				h.dists[p.Name] = p.Dist
			}
		}
	}
	h.trials, h.revision = trials, c.Revision
	return nil
}

// identify sets the IDs of the trials from number first on. IDs grow with the numbers, so those
// between two that differ by as much as their numbers are known: it asks for few of them.
func identify(ctx context.Context, s storage.Viewer, study int64, trials []record, first int) error {
	ask := func(number int) (err error) {
		trials[number].id, err = s.TrialID(ctx, study, number)
		return err
	}
	var between func(low, high int) error
	between = func(low, high int) error {
		switch gap := int64(high - low); {
		case gap <= 1:
			return nil
		case trials[high].id-trials[low].id == gap:
			for i := low + 1; i < high; i++ {
				trials[i].id = trials[i-1].id + 1
			}
			return nil
		}
		middle := (low + high) / 2
		if err := ask(middle); err != nil {
			return err
		}
		if err := between(low, middle); err != nil {
			return err
		}
		return between(middle, high)
	}
	last := len(trials) - 1
	if err := ask(last); err != nil || first == last {
		return err
	}
	if err := ask(first); err != nil {
		return err
	}
	return between(first, last)
}

// find returns the trials whose ID is greater than after, and those with the given IDs, by number.
func (h *history) find(after int64, ids []int64) [][]byte {
	at := func(id int64) (int, bool) {
		return slices.BinarySearchFunc(h.trials, id, func(r record, id int64) int {
			switch {
			case r.id < id:
				return -1
			case r.id > id:
				return 1
			}
			return 0
		})
	}
	first := len(h.trials)
	if after < 1<<63-1 {
		first, _ = at(after + 1)
	}
	var numbers []int
	for _, id := range ids {
		if i, ok := at(id); ok && i < first {
			numbers = append(numbers, i)
		}
	}
	slices.Sort(numbers)
	var found [][]byte
	for _, i := range slices.Compact(numbers) {
		found = append(found, h.trials[i].field)
	}
	for _, r := range h.trials[first:] {
		found = append(found, r.field)
	}
	return found
}

// fit returns an error if a parameter cannot be in one study with those of the same name, and whether
// there is a trial with each. Optuna lets a range change, but not even add a choice.
func (h *history) fit(params []trial.Param) (known bool, err error) {
	known = true
	for _, p := range params {
		known = known && h.dists[p.Name] != nil
		for _, d := range []space.Dist{h.dists[p.Name], h.promised[p.Name]} {
			if d != nil && !(space.Compatible(d, p.Dist) && space.Compatible(p.Dist, d)) {
				return known, invalid("parameter %q is %v in the study and cannot become %v", p.Name, d, p.Dist)
			}
		}
	}
	return known, nil
}

// histories holds the histories of the studies in use.
type histories struct {
	mu      sync.Mutex
	byStudy map[int64]*history
}

// idle is how long a history that nobody reads is kept.
const idle = 10 * time.Minute

func (all *histories) get(study int64) *history {
	all.mu.Lock()
	defer all.mu.Unlock()
	h := all.byStudy[study]
	if h == nil {
		if all.byStudy == nil {
			all.byStudy = map[int64]*history{}
		}
		for id, other := range all.byStudy {
			if time.Since(other.used) > idle {
				delete(all.byStudy, id)
			}
		}
		h = &history{study: study, dists: map[string]space.Dist{}, promised: map[string]space.Dist{}}
		all.byStudy[study] = h
	}
	h.used = time.Now()
	return h
}

func (all *histories) drop(study int64) {
	all.mu.Lock()
	defer all.mu.Unlock()
	delete(all.byStudy, study)
}
