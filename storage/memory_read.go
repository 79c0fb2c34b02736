package storage

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/bluefin-hpo/bluefin/trial"
)

// Checkpoint implements Storage.
func (m *Memory) Checkpoint(_ context.Context, study int64, number int) (Checkpoint, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, mt, err := m.trial(study, number)
	if err != nil || mt.checkpoint == nil {
		return Checkpoint{}, fmt.Errorf("checkpoint of trial %d: %w", number, ErrNotExist)
	}
	c := *mt.checkpoint
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
	return Changes{s.revision, s.since(revision, except)}, nil
}

// since returns the trials that changed after the revision, in the order of
// Changes. It looks only at the changes since then.
func (s *memoryStudy) since(revision int64, except []string) []*trial.Trial {
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
	trials := make([]*trial.Trial, len(changed))
	for i, mt := range changed {
		trials[i] = mt.Trial
	}
	return trials
}

// Trial implements Storage.
func (m *Memory) Trial(_ context.Context, study int64, number int) (*trial.Trial, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, mt, err := m.trial(study, number)
	if err != nil {
		return nil, err
	}
	return mt.Trial, nil
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
		if best == nil || s.Directions[0].Better(t.Values[0], best.Values[0]) ||
			t.Values[0] == best.Values[0] && t.finish < best.finish {
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
