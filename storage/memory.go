package storage

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/bluefin-hpo/bluefin/trial"
)

// Memory keeps studies in memory, for as long as it lives. The zero value is
// an empty storage. It is the reference of what a Storage does.
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
	running  []int          // their numbers, in order
	waiting  []int
	changes  []change // by revision; compacted, so at most two for each trial
}

// A change says that a trial was replaced. It is stale once the trial has a
// later revision.
type change struct {
	revision int64
	trial    *memoryTrial
}

func (c change) stale() bool { return c.trial.revision != c.revision }

type memoryTrial struct {
	*trial.Trial // replaced, never changed
	revision     int64
	finish       int // place in finishing order, from 1
	owner        string
	until        time.Time
	again        int // restarts since its checkpoint
	checkpoint   *Checkpoint
	marks        map[string]json.RawMessage // the Reported attributes at the checkpoint
}

var _ Storage = (*Memory)(nil)

// Create implements Storage.
func (m *Memory) Create(_ context.Context, name string, directions []trial.Direction) (Study, error) {
	if err := CheckStudy(name, directions); err != nil {
		return Study{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.create(name, directions)
	if err != nil {
		return Study{}, err
	}
	return s.copy(), nil
}

func (m *Memory) create(name string, directions []trial.Direction) (*memoryStudy, error) {
	if m.named(name) != nil {
		return nil, fmt.Errorf("study %q: %w", name, ErrExist)
	}
	if m.studies == nil {
		m.studies = map[int64]*memoryStudy{}
	}
	m.lastID++
	s := &memoryStudy{Study: Study{ID: m.lastID, Name: name, Directions: slices.Clone(directions)}}
	m.studies[s.ID] = s
	return s, nil
}

// named returns the study of that name, or nil.
func (m *Memory) named(name string) *memoryStudy {
	for _, s := range m.studies {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Load implements Storage.
func (m *Memory) Load(_ context.Context, name string) (Study, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.named(name); s != nil {
		return s.copy(), nil
	}
	return Study{}, fmt.Errorf("study %q: %w", name, ErrNotExist)
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
	s, err := m.study(study)
	if err == nil {
		delete(m.studies, s.ID)
	}
	return err
}

// SetUserAttr implements Storage.
func (m *Memory) SetUserAttr(_ context.Context, study int64, key string, value json.RawMessage) error {
	if err := CheckAttr(key, value); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.study(study)
	if err == nil {
		s.UserAttrs = withAttrs(s.UserAttrs, map[string]json.RawMessage{key: value})
	}
	return err
}

// Add implements Storage.
func (m *Memory) Add(_ context.Context, study int64, t *trial.Trial) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.study(study)
	if err != nil {
		return 0, err
	}
	if err := CheckTrial(t, len(s.Directions)); err != nil {
		return 0, err
	}
	if t.Number >= 0 && t.Number != len(s.trials) {
		return 0, fmt.Errorf("trial %d: %w, the next one is %d", t.Number, ErrExist, len(s.trials))
	}
	mt := s.new()
	u := unsigned(Update{Params: t.Params, Reports: t.Reports, Constraints: t.Constraints, UserAttrs: t.UserAttrs, SystemAttrs: t.SystemAttrs, Values: t.Values})
	added := applied(mt.Trial, u)
	added.State, added.Values = t.State, slices.Clone(u.Values)
	if t.State.Finished() {
		added.Start = now()
		added.End = added.Start
	}
	s.set(mt, added)
	return mt.Number, nil
}

// Begin implements Storage.
func (m *Memory) Begin(_ context.Context, study int64, c Claim) (*trial.Trial, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.study(study)
	if err != nil {
		return nil, err
	}
	mt, err := s.claim(c)
	if err != nil {
		return nil, err
	}
	t := mt.Trial
	if mt.revision > 0 { // else nobody has seen it yet
		t = mt.rewound(t)
	}
	if t.State == trial.Waiting {
		t.Seen = c.Seen
	} else {
		mt.again++
	}
	t.State, t.Start = trial.Running, now()
	mt.owner, mt.until = c.Owner, t.Start.Add(c.Duration)
	s.set(mt, t)
	return t, nil
}

// claim returns the trial that Begin shall begin.
func (s *memoryStudy) claim(c Claim) (*memoryTrial, error) {
	var at time.Time
	if len(s.running) > 0 {
		at = now()
	}
	for i := 0; i < len(s.running); {
		mt := s.trials[s.running[i]]
		switch {
		case mt.owner == "" || mt.until.After(at):
			i++
		case c.Orphans.Policy == Resume && c.Orphans.Allow(mt.again):
			return mt, nil
		default:
			s.abandon(mt, c.Orphans)
		}
	}
	if begun := len(s.trials) - len(s.waiting); c.Budget > 0 && begun >= c.Budget {
		leased := 0
		for _, number := range s.running {
			if s.trials[number].owner != "" {
				leased++
			}
		}
		return nil, &BudgetError{s.Name, c.Budget, leased}
	}
	if len(s.waiting) > 0 {
		return s.trials[s.waiting[0]], nil
	}
	return s.new(), nil
}

// abandon fails an orphan and, if the policy says so, queues a copy.
func (s *memoryStudy) abandon(mt *memoryTrial, o Orphans) {
	retried := RetryOf(mt.Trial, o)
	t := applied(mt.Trial, Update{SystemAttrs: AbandonedAttrs(mt.again)})
	t.State, t.End = trial.Failed, now()
	mt.owner = ""
	s.set(mt, t)
	if retried == nil {
		return
	}
	c := s.new()
	retried.Number, retried.Seen = c.Number, c.Seen
	s.set(c, retried)
}

// Write implements Storage.
func (m *Memory) Write(_ context.Context, study int64, number int, u Update) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.study(study)
	if err != nil {
		return err
	}
	if number < 0 || number >= len(s.trials) {
		return fmt.Errorf("trial %d: %w", number, ErrNotExist)
	}
	mt := s.trials[number]
	switch {
	case mt.State.Finished():
		return fmt.Errorf("trial %d: %w", number, ErrFinished)
	case mt.State == trial.Waiting || u.Owner != "" && u.Owner != mt.owner:
		return fmt.Errorf("trial %d: %w", number, ErrLost)
	}
	if err := u.Check(len(s.Directions)); err != nil {
		return fmt.Errorf("trial %d: %w", number, err)
	}
	u = unsigned(u)
	t := applied(mt.Trial, u)
	t.State = u.State
	if c := u.Checkpoint; c != nil {
		if mt.checkpoint == nil || c.Step > mt.checkpoint.Step { // only progress starts the count anew
			mt.again = 0
		}
		mt.checkpoint = &Checkpoint{Step: c.Step, Data: slices.Clone(c.Data), Keep: c.Keep}
		mt.marks = reported(t.SystemAttrs)
	}
	switch {
	case u.State == trial.Waiting:
		t = mt.rewound(t)
		t.Start = time.Time{}
	case u.State.Finished():
		t.Values, t.End = slices.Clone(u.Values), now()
	case u.Renew > 0:
		mt.until = now().Add(u.Renew)
	}
	if t.State != trial.Running {
		mt.owner = ""
	}
	s.set(mt, t)
	return nil
}

// Checkpoint implements Storage.
func (m *Memory) Checkpoint(_ context.Context, study int64, number int) (Checkpoint, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.study(study)
	if err != nil {
		return Checkpoint{}, err
	}
	if number < 0 || number >= len(s.trials) || s.trials[number].checkpoint == nil {
		return Checkpoint{}, fmt.Errorf("checkpoint of trial %d: %w", number, ErrNotExist)
	}
	c := *s.trials[number].checkpoint
	c.Data = slices.Clone(c.Data)
	return c, nil
}

// Since implements Storage.
func (m *Memory) Since(_ context.Context, study, revision int64, except ...string) (Changes, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.study(study)
	if err != nil {
		return Changes{}, err
	}
	var changed []*memoryTrial
	for i := len(s.changes) - 1; i >= 0 && s.changes[i].revision > revision; i-- {
		mt := s.changes[i].trial
		if !s.changes[i].stale() && (mt.owner == "" || !slices.Contains(except, mt.owner)) {
			changed = append(changed, mt)
		}
	}
	slices.SortFunc(changed, func(a, b *memoryTrial) int {
		switch {
		case a.finish > 0 && b.finish > 0:
			return a.finish - b.finish
		case a.finish > 0 || b.finish > 0:
			return b.finish - a.finish
		}
		return a.Number - b.Number
	})
	c := Changes{Revision: s.revision, Trials: make([]*trial.Trial, len(changed))}
	for i, mt := range changed {
		c.Trials[i] = mt.Trial
	}
	return c, nil
}

// Trial implements Storage.
func (m *Memory) Trial(_ context.Context, study int64, number int) (*trial.Trial, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.study(study)
	if err != nil {
		return nil, err
	}
	if number < 0 || number >= len(s.trials) {
		return nil, fmt.Errorf("trial %d: %w", number, ErrNotExist)
	}
	return s.trials[number].Trial, nil
}

// Best implements Storage.
func (m *Memory) Best(_ context.Context, study int64) (*trial.Trial, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.study(study)
	if err != nil {
		return nil, err
	}
	var best *memoryTrial
	for _, t := range s.trials {
		if t.State != trial.Complete || t.Violation() != 0 {
			continue
		}
		if best == nil || s.Directions[0].Better(t.Values[0], best.Values[0]) || t.Values[0] == best.Values[0] && t.finish < best.finish {
			best = t
		}
	}
	if best == nil {
		return nil, fmt.Errorf("best trial: %w", ErrNotExist)
	}
	return best.Trial, nil
}

// Extent implements Storage.
func (m *Memory) Extent(_ context.Context, study int64) (trials int, start time.Time, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.study(study)
	if err != nil {
		return 0, start, err
	}
	for _, t := range s.trials {
		if !t.Start.IsZero() && (start.IsZero() || t.Start.Before(start)) {
			start = t.Start
		}
	}
	return len(s.trials), start, nil
}

// Close implements Storage. The studies stay.
func (m *Memory) Close() error { return nil }

func (m *Memory) study(id int64) (*memoryStudy, error) {
	if s := m.studies[id]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("study %d: %w", id, ErrNotExist)
}

func (s *memoryStudy) copy() Study {
	c := s.Study
	c.Directions = slices.Clone(c.Directions)
	c.UserAttrs = maps.Clone(c.UserAttrs)
	c.SystemAttrs = maps.Clone(c.SystemAttrs)
	return c
}

// new adds a Waiting trial.
func (s *memoryStudy) new() *memoryTrial {
	mt := &memoryTrial{Trial: &trial.Trial{Number: len(s.trials), State: trial.Waiting, Seen: s.finished}}
	s.trials = append(s.trials, mt)
	s.waiting = append(s.waiting, mt.Number)
	return mt
}

// set puts t in the place of the trial's record and gives it the next
// revision.
func (s *memoryStudy) set(mt *memoryTrial, t *trial.Trial) {
	s.running, s.waiting = without(s.running, t.Number), without(s.waiting, t.Number)
	switch t.State {
	case trial.Running:
		s.running = with(s.running, t.Number)
	case trial.Waiting:
		s.waiting = with(s.waiting, t.Number)
	default:
		s.finished++
		mt.finish = s.finished
		if mt.checkpoint != nil && !mt.checkpoint.Keep {
			mt.checkpoint = nil
		}
	}
	s.revision++
	mt.Trial, mt.revision = t, s.revision
	if len(s.changes) >= 2*len(s.trials) { // frees at least half of the slice, so the cost is constant per change
		s.changes = slices.DeleteFunc(s.changes, change.stale)
	}
	s.changes = append(s.changes, change{s.revision, mt})
}

// with returns the ordered numbers with n among them.
func with(numbers []int, n int) []int {
	i, ok := slices.BinarySearch(numbers, n)
	if ok {
		return numbers
	}
	return slices.Insert(numbers, i, n)
}

// without returns the ordered numbers without n.
func without(numbers []int, n int) []int {
	i, ok := slices.BinarySearch(numbers, n)
	if !ok {
		return numbers
	}
	return slices.Delete(numbers, i, i+1)
}
