package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/bluefin-hpo/bluefin/cmd/internal/studyfile"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A ration is the storage of a worker. It starts no more trials than the plan of the study allows, as it is
// at that moment, and no more than the worker may.
type ration struct {
	storage.Viewer
	study   string           // its name
	most    int              // trials of this worker; 0: no limit
	changed func(trials int) // called when the plan has another budget

	mu     sync.Mutex // guards the following
	begun  int        // trials of this worker
	trials int        // the budget of the study; 0: no limit
	read   time.Time  // when
}

// planAge is how old the budget may be that a worker goes by.
const planAge = 2 * time.Second

func newRation(db storage.Viewer, study string, trials, most int) *ration {
	return &ration{Viewer: db, study: study, most: most, trials: trials, read: time.Now(), changed: func(int) {}}
}

// Begin implements storage.Storage.
func (r *ration) Begin(ctx context.Context, study int64, c storage.Claim) (*trial.Trial, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.used() {
		return nil, &storage.BudgetError{Budget: c.Budget} // with none leased: nobody waits
	}
	if time.Since(r.read) > planAge {
		if err := r.refresh(ctx); err != nil {
			return nil, err
		}
	}
	for {
		one, before := c, r.trials
		if before > 0 && (c.Budget == 0 || c.Budget > before) {
			one.Budget = before
		}
		t, err := r.Viewer.Begin(ctx, study, one)
		if err == nil && (c.Slice == nil || c.Slice.Number < 0) { // else it had begun before
			r.begun++
		}
		if !errors.Is(err, storage.ErrBudget) {
			return t, err
		}
		if err := r.refresh(ctx); err != nil {
			return nil, err
		}
		if r.trials == before {
			return nil, err
		}
	}
}

// refresh reads the budget again. A plan that cannot be read changes nothing.
func (r *ration) refresh(ctx context.Context) error {
	s, err := r.Viewer.Load(ctx, r.study)
	if err != nil {
		return err
	}
	if f, err := studyfile.Plan(s); err == nil && f.Trials != r.trials {
		r.trials = f.Trials
		r.changed(r.trials)
	}
	r.read = time.Now()
	return nil
}

// used reports whether this worker has had all of its trials. The caller holds r.mu.
func (r *ration) used() bool { return r.most > 0 && r.begun >= r.most }

// done reports whether this worker has had all of its trials.
func (r *ration) done() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.used()
}

// budget returns how many trials the study has in all, 0 for no limit, and how many this worker began.
func (r *ration) budget() (trials, begun int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.trials, r.begun
}
