package study

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// beliefs are what the study believes about parameters: what it has stored, overridden by
// Config.Space and by domains that were suggested. They are stored in the attribute sysattr.Beliefs,
// so that other workers draw from them too.
type beliefs struct {
	now atomic.Pointer[space.Space] // sorted by name; nil: none

	mu    sync.Mutex // held while they change or are stored
	dirty bool       // not stored yet

	dropped atomic.Bool // the log says so
}

// load returns them. The space must not be modified.
func (b *beliefs) load() space.Space {
	if p := b.now.Load(); p != nil {
		return *p
	}
	return nil
}

// learn adds what is believed about a parameter.
func (b *beliefs) learn(name string, d space.Dist, belief *space.Belief) error {
	if belief == nil || belief.Same(b.load().Belief(name, d)) {
		return nil
	}
	if err := belief.Check(d); err != nil {
		return fmt.Errorf("belief: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.put(space.Dimension{Name: name, Dist: d, Belief: belief})
	b.dirty = true
	return nil
}

// put adds or replaces a parameter.
func (b *beliefs) put(d space.Dimension) {
	now := slices.Clone(b.load()) // draws may be reading the old ones
	i, found := slices.BinarySearchFunc(now, d.Name, func(e space.Dimension, name string) int {
		return strings.Compare(e.Name, name)
	})
	if found {
		now[i] = d
	} else {
		now = slices.Insert(now, i, d)
	}
	b.now.Store(&now)
}

// begin sets the beliefs of a study that was just opened.
func (b *beliefs) begin(record storage.Study, declared space.Space) error {
	stored, err := decodeBeliefs(record.SystemAttrs[sysattr.Beliefs])
	if err != nil {
		return fmt.Errorf("study %q: attribute %s: %w", record.Name, sysattr.Beliefs, err)
	}
	for _, d := range stored {
		b.put(d)
	}
	for _, d := range declared {
		if err := b.learn(d.Name, d.Dist, d.Belief); err != nil {
			return fmt.Errorf("parameter %q: %w", d.Name, err) // New has checked them
		}
	}
	return nil
}

// noteBeliefs logs it, once, when trials contradict the beliefs.
func (s *Study) noteBeliefs(h trial.History) {
	if !sampler.BeliefsHold(h, s.beliefs.load()) && !s.beliefs.dropped.Swap(true) {
		s.cfg.Logger.Info("trials near what is believed are worse than others: samplers ignore the beliefs while that is so",
			"trials", len(h.Finished()))
	}
}

// withBeliefs returns a study that was just opened, unless there was an error, once its beliefs are
// stored.
func (s *Study) withBeliefs(ctx context.Context, err error) (*Study, error) {
	if err == nil {
		err = s.storeBeliefs(ctx)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// storeBeliefs writes the beliefs of the study, if they are not stored yet, beside those that other
// programs have stored about other parameters.
func (s *Study) storeBeliefs(ctx context.Context) error {
	b := &s.beliefs
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.dirty {
		return nil
	}
	record, err := s.cfg.Storage.Load(ctx, s.record.Name)
	if err != nil {
		return fmt.Errorf("load %w", err)
	}
	stored, err := decodeBeliefs(record.SystemAttrs[sysattr.Beliefs])
	if err != nil {
		return fmt.Errorf("attribute %s: %w", sysattr.Beliefs, err)
	}
	mine := b.load()
	for _, d := range stored {
		if _, ok := mine.Get(d.Name); !ok {
			b.put(d)
		}
	}
	text, err := encodeBeliefs(b.load())
	if err == nil && string(text) != string(record.SystemAttrs[sysattr.Beliefs]) {
		u := storage.StudyUpdate{SystemAttrs: map[string]json.RawMessage{sysattr.Beliefs: text}}
		err = s.cfg.Storage.WriteStudy(ctx, record.ID, u)
	}
	if err != nil {
		return fmt.Errorf("save the beliefs of study %q: %w", s.record.Name, err)
	}
	b.dirty = false
	return nil
}

// A savedBelief is a belief in JSON. The distribution is a text, since its JSON may have NaN.
type savedBelief struct {
	Dist    string    `json:"dist"`
	Center  float64   `json:"center"` // in internal form
	Spread  float64   `json:"spread,omitempty"`
	Weights []float64 `json:"weights,omitempty"`
}

func encodeBeliefs(all space.Space) ([]byte, error) {
	saved := map[string]savedBelief{}
	for _, d := range all {
		text, err := space.Marshal(d.Dist)
		if err != nil {
			return nil, fmt.Errorf("parameter %q: %w", d.Name, err)
		}
		saved[d.Name] = savedBelief{string(text), d.Belief.Center, d.Belief.Spread, d.Belief.Weights}
	}
	return json.Marshal(saved)
}

func decodeBeliefs(text []byte) (all space.Space, err error) {
	if text == nil {
		return nil, nil
	}
	var saved map[string]savedBelief
	if err := json.Unmarshal(text, &saved); err != nil {
		return nil, fmt.Errorf("%.200s: %w", text, err)
	}
	for _, name := range slices.Sorted(maps.Keys(saved)) {
		b := saved[name]
		d, err := space.Unmarshal([]byte(b.Dist))
		if err != nil {
			return nil, fmt.Errorf("parameter %q: %w", name, err)
		}
		all = append(all, space.Dimension{Name: name, Dist: d,
			Belief: &space.Belief{Center: b.Center, Spread: b.Spread, Weights: b.Weights}})
	}
	return space.New(all...)
}
