package storage

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/bluefin-hpo/bluefin/trial"
)

// Add implements Storage.
func (m *Memory) Add(_ context.Context, study int64, t *trial.Trial) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.study(study)
	if err != nil {
		return 0, err
	}
	if err := s.CheckAdd(t); err != nil {
		return 0, err
	}
	if t.Number >= 0 && t.Number != len(s.trials) {
		return 0, fmt.Errorf("trial %d: %w, the next one is %d", t.Number, ErrExist, len(s.trials))
	}
	return s.add(t), nil
}

// add adds a trial with the next number and returns that.
func (s *memoryStudy) add(t *trial.Trial) int {
	mt := s.new()
	u := unsigned(additions(t))
	added := applied(mt.Trial, u)
	added.State, added.Values = t.State, slices.Clone(u.Values)
	added.Start, added.End = AddTimes(t)
	s.set(mt, added)
	return mt.Number
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
	if mt.revision > 0 { // else it is new and nobody has a pointer to it
		t = mt.rewound(t)
	}
	if t.State == trial.Waiting {
		if !t.Paused() {
			t.Seen = c.Seen
		}
		set, remove := c.Attrs(t)
		t.SystemAttrs = withAttrs(t.SystemAttrs, set) // a copy if there are any, made by rewound
		for _, key := range remove {
			delete(t.SystemAttrs, key)
		}
	} else {
		mt.restarts++
	}
	t.State, t.Start = trial.Running, now()
	mt.owner, mt.until = c.Owner, t.Start.Add(c.Duration)
	s.set(mt, t)
	return t, nil
}

// claim chooses the trial for Begin, and fails orphans that must not be
// restarted.
func (s *memoryStudy) claim(c Claim) (*memoryTrial, error) {
	var at time.Time
	if len(s.running) > 0 { // reading the clock costs more than the rest
		at = now()
	}
	for i := 0; i < len(s.running); {
		mt := s.trials[s.running[i]]
		switch {
		case mt.owner == "" || mt.until.After(at):
			i++
		case c.Orphans.Policy == Resume && c.Orphans.Allow(mt.restarts):
			return mt, nil
		default: // which takes it out of s.running
			failed, retry := c.Orphans.Abandon(mt.Trial, mt.restarts)
			s.apply(mt, failed)
			if retry != nil {
				s.add(retry)
			}
		}
	}
	used := c.Budget > 0 && len(s.trials)-len(s.waiting) >= c.Budget
	switch {
	case c.Slice != nil && c.Slice.Number >= 0:
		_, paused := slices.BinarySearch(s.paused, c.Slice.Number)
		if !paused || !used && len(s.waiting) > 0 {
			return nil, fmt.Errorf("paused trial %d: it, or the queue, %w", c.Slice.Number, ErrChanged)
		}
		return s.trials[c.Slice.Number], nil
	case used && c.Slice == nil && len(s.paused) > 0:
		return s.trials[s.paused[0]], nil
	case used:
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

// Write implements Storage.
func (m *Memory) Write(_ context.Context, study int64, number int, u Update) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, mt, err := m.trial(study, number)
	if err != nil {
		return err
	}
	if err = u.Allows(mt.State, mt.owner); err == nil {
		err = u.Check(len(s.Directions))
	}
	if err != nil {
		return fmt.Errorf("trial %d: %w", number, err)
	}
	s.apply(mt, unsigned(u))
	return nil
}

// apply replaces the record of a trial that has not finished by one with the
// update.
func (s *memoryStudy) apply(mt *memoryTrial, u Update) {
	t := applied(mt.Trial, u)
	waiting := t.State == trial.Waiting
	if !waiting || u.Start || u.State.Finished() {
		t.State = u.State
	}
	if c := u.Checkpoint; c != nil {
		if mt.checkpoint == nil || c.Step > mt.checkpoint.Step { // only progress resets the count
			mt.restarts = 0
		}
		mt.checkpoint = &Checkpoint{Step: c.Step, Data: slices.Clone(c.Data), Keep: c.Keep}
		mt.marks = reported(t.SystemAttrs)
	}
	switch {
	case u.State == trial.Waiting && !waiting:
		t = mt.rewound(t)
		t.Start = time.Time{}
	case u.State.Finished():
		t.Values, t.End = slices.Clone(u.Values), now()
		if t.Start.IsZero() {
			t.Start = t.End
		}
	case u.Start:
		t.Seen, t.Start = s.finished, now()
	case u.Renew > 0:
		mt.until = now().Add(u.Renew)
	}
	if t.State != trial.Running {
		mt.owner = ""
	}
	s.set(mt, t)
}

// new adds a Waiting trial, which nobody sees before set.
func (s *memoryStudy) new() *memoryTrial {
	mt := &memoryTrial{Trial: &trial.Trial{Number: len(s.trials), State: trial.Waiting, Seen: s.finished}}
	s.trials = append(s.trials, mt)
	s.waiting = append(s.waiting, mt.Number)
	return mt
}

// set makes t the trial's record and gives it the next revision.
func (s *memoryStudy) set(mt *memoryTrial, t *trial.Trial) {
	s.running, s.waiting = without(s.running, t.Number), without(s.waiting, t.Number)
	s.paused = without(s.paused, t.Number)
	switch {
	case t.State == trial.Running:
		s.running = with(s.running, t.Number)
	case t.Paused():
		s.paused = with(s.paused, t.Number)
	case t.State == trial.Waiting:
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

// with returns the sorted numbers with n among them.
func with(numbers []int, n int) []int {
	i, ok := slices.BinarySearch(numbers, n)
	if ok {
		return numbers
	}
	return slices.Insert(numbers, i, n)
}

// without returns the sorted numbers without n.
func without(numbers []int, n int) []int {
	i, ok := slices.BinarySearch(numbers, n)
	if !ok {
		return numbers
	}
	return slices.Delete(numbers, i, i+1)
}
