package storagetest

import (
	"context"
	"slices"
	"time"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A MemoryViewer is a storage.Viewer without a file, for fuzz tests, where a file would take most of the time. It does
// not know who runs trials, nor sizes of checkpoints.
type MemoryViewer struct{ storage.Memory }

var _ storage.Viewer = (*MemoryViewer)(nil)

// all returns the trials of a study by number, and its revision.
func (m *MemoryViewer) all(ctx context.Context, study int64) ([]*trial.Trial, int64, error) {
	c, err := m.Since(ctx, study, 0)
	slices.SortFunc(c.Trials, func(a, b *trial.Trial) int { return a.Number - b.Number })
	return c.Trials, c.Revision, err
}

// Tally implements storage.Viewer.
func (m *MemoryViewer) Tally(ctx context.Context, study int64) (storage.Tally, error) {
	all, revision, err := m.all(ctx, study)
	tally := storage.Tally{Revision: revision, States: map[trial.State]int{}}
	for _, t := range all {
		tally.States[t.State]++
		for _, at := range []time.Time{t.Start, t.End} {
			if at.After(tally.Changed) {
				tally.Changed = at
			}
		}
	}
	return tally, err
}

// Some implements storage.Viewer: the first part is everything.
func (m *MemoryViewer) Some(ctx context.Context, study, revision int64, _ int, _ bool) (storage.Changes, error) {
	return m.Since(ctx, study, revision)
}

// Range implements storage.Viewer.
func (m *MemoryViewer) Range(ctx context.Context, study int64, first, end int) ([]*trial.Trial, error) {
	all, _, err := m.all(ctx, study)
	return slices.DeleteFunc(all, func(t *trial.Trial) bool { return t.Number < first || t.Number >= end }), err
}

// Values implements storage.Viewer.
func (m *MemoryViewer) Values(ctx context.Context, study int64) (numbers []int, values []float64, err error) {
	all, _, err := m.all(ctx, study)
	for _, t := range all {
		if t.State == trial.Complete {
			numbers, values = append(numbers, t.Number), append(values, t.Values[0])
		}
	}
	return numbers, values, err
}

// Reported implements storage.Viewer.
func (m *MemoryViewer) Reported(ctx context.Context, study int64) (bool, error) {
	all, _, err := m.all(ctx, study)
	return slices.ContainsFunc(all, func(t *trial.Trial) bool { return len(t.Reports) > 0 }), err
}

// Workers implements storage.Viewer: it knows none.
func (m *MemoryViewer) Workers(ctx context.Context, study int64) (map[int]storage.Worker, error) {
	_, _, err := m.all(ctx, study)
	return nil, err
}

// CheckpointSize implements storage.Viewer.
func (m *MemoryViewer) CheckpointSize(ctx context.Context, study int64, number int) (step int, size int64, ok bool, err error) {
	_, err = m.Trial(ctx, study, number)
	return 0, 0, false, err
}

// mostNumbers is more than the trials of a study, so that IDs differ.
const mostNumbers = 1 << 20

// TrialID implements storage.Viewer.
func (m *MemoryViewer) TrialID(ctx context.Context, study int64, number int) (int64, error) {
	_, err := m.Trial(ctx, study, number)
	return (study-1)*mostNumbers + int64(number) + 1, err
}

// TrialByID implements storage.Viewer.
func (m *MemoryViewer) TrialByID(ctx context.Context, id int64) (study int64, number int, err error) {
	if id < 1 {
		return 0, 0, storage.ErrNotExist
	}
	study, number = (id-1)/mostNumbers+1, int((id-1)%mostNumbers)
	_, err = m.Trial(ctx, study, number)
	return study, number, err
}

// Await implements storage.Viewer.
func (m *MemoryViewer) Await(ctx context.Context, study, _ int64) error {
	_, _, err := m.all(ctx, study)
	return err
}
