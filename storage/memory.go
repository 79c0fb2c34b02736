package storage

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/bluefin-hpo/bluefin/trial"
)

// Memory keeps studies in memory, for as long as it lives. The zero value is an
// empty storage. It is the reference for what a Storage does.
type Memory struct {
	mu      sync.Mutex
	lastID  int64 // of a study
	studies map[int64]*memoryStudy
}

type memoryStudy struct {
	Study
	revision int64
	finished int
	trials   []*memoryTrial // by number
	running  []int          // their numbers, sorted
	waiting  []int          // of the queue
	paused   []int
	changes  []change // by revision; compacted, so at most two for each trial
}

type memoryTrial struct {
	*trial.Trial // replaced, never modified
	revision     int64
	finish       int // place in finishing order, from 1
	owner        string
	until        time.Time
	restarts     int // since its checkpoint
	checkpoint   *Checkpoint
	marks        map[string]json.RawMessage // the Reported attributes at the checkpoint
}

// A change says that a trial was replaced. It is stale once the trial has a
// later revision.
type change struct {
	revision int64
	trial    *memoryTrial
}

func (c change) stale() bool { return c.trial.revision != c.revision }

var _ Storage = (*Memory)(nil)

// Create implements Storage.
func (m *Memory) Create(_ context.Context, name string, directions []trial.Direction) (Study, error) {
	s := Study{Name: name, Directions: directions}
	if err := s.Check(); err != nil {
		return Study{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	created, err := m.create(s)
	if err != nil {
		return Study{}, err
	}
	return created.copy(), nil
}

func (m *Memory) create(s Study) (*memoryStudy, error) {
	if _, err := m.named(s.Name); err == nil {
		return nil, fmt.Errorf("study %q: %w", s.Name, ErrExist)
	}
	if m.studies == nil {
		m.studies = map[int64]*memoryStudy{}
	}
	m.lastID++
	created := &memoryStudy{Study: s.copy()}
	created.ID = m.lastID
	m.studies[created.ID] = created
	return created, nil
}

// copy returns a study that shares no memory with s.
func (s Study) copy() Study {
	s.Directions = slices.Clone(s.Directions)
	s.UserAttrs, s.SystemAttrs = withAttrs(nil, s.UserAttrs), withAttrs(nil, s.SystemAttrs)
	return s
}

func (m *Memory) named(name string) (*memoryStudy, error) {
	for _, s := range m.studies {
		if s.Name == name {
			return s, nil
		}
	}
	return nil, fmt.Errorf("study %q: %w", name, ErrNotExist)
}

func (m *Memory) study(id int64) (*memoryStudy, error) {
	if s := m.studies[id]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("study %d: %w", id, ErrNotExist)
}

// trial returns a study and one of its trials.
func (m *Memory) trial(study int64, number int) (*memoryStudy, *memoryTrial, error) {
	s, err := m.study(study)
	if err != nil {
		return nil, nil, err
	}
	if number < 0 || number >= len(s.trials) {
		return nil, nil, fmt.Errorf("trial %d: %w", number, ErrNotExist)
	}
	return s, s.trials[number], nil
}

// Load implements Storage.
func (m *Memory) Load(_ context.Context, name string) (Study, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.named(name)
	if err != nil {
		return Study{}, err
	}
	return s.copy(), nil
}

// Studies implements Storage.
func (m *Memory) Studies(context.Context) ([]Study, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []Study
	for _, s := range m.studies {
		all = append(all, s.copy())
	}
	slices.SortFunc(all, func(a, b Study) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

// Delete implements Storage.
func (m *Memory) Delete(_ context.Context, study int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, err := m.study(study)
	delete(m.studies, study)
	return err
}

// WriteStudy implements Storage.
func (m *Memory) WriteStudy(_ context.Context, study int64, u StudyUpdate) error {
	if err := u.Check(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.study(study)
	if err == nil {
		err = u.CheckIf(s.SystemAttrs)
	}
	if err == nil {
		s.UserAttrs, s.SystemAttrs = withAttrs(s.UserAttrs, u.UserAttrs), withAttrs(s.SystemAttrs, u.SystemAttrs)
	}
	return err
}

// Export implements Storage.
func (m *Memory) Export(_ context.Context, name string) (Snapshot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.named(name)
	if err != nil {
		return Snapshot{}, err
	}
	return Snapshot{s.copy(), s.since(0, nil)}, nil
}

// Import implements Storage. Constraints are kept as numbers alone.
func (m *Memory) Import(_ context.Context, snapshot Snapshot) (Study, error) {
	if err := snapshot.Check(); err != nil {
		return Study{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.create(snapshot.Study)
	if err != nil {
		return Study{}, err
	}
	for range snapshot.Trials {
		s.new()
	}
	for _, t := range snapshot.Normalized().Trials {
		u := additions(t)
		c := applied(&trial.Trial{Number: t.Number, State: t.State, Seen: t.Seen, Start: t.Start, End: t.End}, u)
		c.Values = slices.Clone(t.Values)
		s.set(s.trials[t.Number], c)
	}
	return s.copy(), nil
}

// Close implements Storage. The studies stay.
func (m *Memory) Close() error { return nil }
