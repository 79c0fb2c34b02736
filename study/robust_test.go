package study_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// If an objective keeps running after its context has ended, its lease is still renewed, so nobody
// else runs its trial.
func TestTheLeaseOutlivesTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := open(t, &storage.Memory{}, func(c *study.Config) { c.Lease = 3 * time.Second })
		if _, err := st.Enqueue(t.Context(), map[string]any{"x": 9}); err != nil {
			t.Fatal(err)
		}
		var runs atomic.Int32
		err := st.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
			if tr.Number() == 0 {
				runs.Add(1)
				tr.Float("x", 1, 2) // an error that the objective ignores
				time.Sleep(time.Minute)
			}
			return 1, nil
		}, study.Budget{Trials: 5, Workers: 2})
		if err != nil || runs.Load() != 1 || len(trials(t, st)) != 5 {
			t.Errorf("trial 0 ran %d times: %v", runs.Load(), err)
		}

		ctx, cancel := context.WithCancel(t.Context())
		err = st.Optimize(ctx, func(tr *study.Trial) (float64, error) {
			cancel()
			time.Sleep(time.Minute)
			return 7, nil
		}, study.Budget{Trials: 6})
		if tr := trials(t, st)[5]; !errors.Is(err, context.Canceled) || tr.State != trial.Complete || tr.Values[0] != 7 {
			t.Errorf("a late value is kept: got %+v, %v", tr, err)
		}
	})
}

// If a worker may be on another machine, its lease must expire. Optimize waits for that.
func TestOptimizeWaitsForTheTrialsOfTheDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &storage.Memory{}
		st := open(t, s)
		record, _ := s.Load(t.Context(), "test")
		if _, err := s.Begin(t.Context(), record.ID, storage.Claim{Lease: storage.Lease{Owner: "elsewhere", Duration: 40 * time.Second}}); err != nil {
			t.Fatal(err)
		}
		if err := st.Optimize(t.Context(), sphere, study.Budget{Trials: 3, Workers: 2}); err != nil {
			t.Fatal(err)
		}
		for _, tr := range trials(t, st) {
			if tr.State != trial.Complete {
				t.Errorf("trial %d is %v", tr.Number, tr.State)
			}
		}
		// But not forever, if the worker is alive.
		alive, err := st.Ask(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		other := open(t, s)
		if err := other.Optimize(t.Context(), sphere, study.Budget{Trials: 4}); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(start); waited < time.Minute || waited > 2*time.Minute {
			t.Errorf("waited %v for a live worker, want one lease", waited)
		}
		st.Tell(t.Context(), alive, 1)
	})
}

// failing fails the next writes that end a trial.
type failing struct {
	storage.Storage
	fail atomic.Int32
}

var errDisk = errors.New("no space left")

func (f *failing) Write(ctx context.Context, id int64, number int, u storage.Update) error {
	if u.State.Finished() && f.fail.Add(-1) >= 0 {
		return errDisk
	}
	return f.Storage.Write(ctx, id, number, u)
}

func TestAResultIsToldAgainIfTheStorageFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &failing{Storage: &storage.Memory{}}
		s.fail.Store(2)
		st := open(t, s)
		if err := st.Optimize(t.Context(), sphere, study.Budget{Trials: 2}); err != nil {
			t.Errorf("a passing failure: got %v", err)
		}
		s.fail.Store(99)
		if err := st.Optimize(t.Context(), sphere, study.Budget{Trials: 3}); !errors.Is(err, errDisk) {
			t.Errorf("a lasting failure: got %v", err)
		}
		if tr := trials(t, st)[2]; tr.State != trial.Waiting || len(tr.Params) != 3 {
			t.Errorf("its trial is left to the next worker: got %+v", tr)
		}
		s.fail.Store(0)
		if err := st.Optimize(t.Context(), sphere, study.Budget{Trials: 3}); err != nil || trials(t, st)[2].State != trial.Complete {
			t.Errorf("got %v, %+v", err, trials(t, st)[2])
		}
	})
}

// A passing failure during a background write, or while the final record is read, loses nothing.
func TestPassingFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &flaky{Storage: &storage.Memory{}}
		ended := 0
		st := open(t, s, func(c *study.Config) { c.OnTrialEnd = func(*trial.Trial) { ended++ } })
		err := st.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
			s.writes.Store(2)
			x := tr.Float("x", 0, 1)
			time.Sleep(5 * time.Second)
			if s.writes.Load() > 0 {
				t.Error("nothing was saved in the background")
			}
			s.reads.Store(1)
			return x, tr.SetUserAttr("k", 1)
		}, study.Budget{Trials: 1})
		if err != nil || ended != 1 {
			t.Errorf("got %v, and Ended was called %d times", err, ended)
		}
		if tr := trials(t, st)[0]; tr.State != trial.Complete || len(tr.Params) != 1 || string(tr.UserAttrs["k"]) != "1" {
			t.Errorf("got %+v %s", tr, tr.Failure())
		}
	})
}

// flaky fails the next writes, and the next reads after a trial has ended.
type flaky struct {
	storage.Storage
	writes, reads atomic.Int32
	over          atomic.Bool
}

func (f *flaky) Write(ctx context.Context, id int64, number int, u storage.Update) error {
	if f.writes.Add(-1) >= 0 {
		return errDisk
	}
	f.over.Store(u.State.Finished())
	return f.Storage.Write(ctx, id, number, u)
}

func (f *flaky) Since(ctx context.Context, id, revision int64, except ...string) (storage.Changes, error) {
	if f.over.Load() && f.reads.Add(-1) >= 0 {
		return storage.Changes{}, errDisk
	}
	return f.Storage.Since(ctx, id, revision, except...)
}

// Tell waits for the storage no longer than its context allows, even while the lease is being
// renewed.
func TestTellObeysItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "study.db")
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	st := open(t, db, func(c *study.Config) { c.Lease = 60 * time.Millisecond })
	tr, err := st.Ask(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	raw.SetMaxOpenConns(1)
	if _, err := raw.Exec(`BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond) // the renewal waits for the lock by now
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := st.Tell(ctx, tr, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("Tell returned after %v", took)
	}
	if _, err := raw.Exec(`ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	if got, err := st.Tell(t.Context(), tr, 1); err != nil || got.State != trial.Complete {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestAnObjectiveThatEndsItsGoroutine(t *testing.T) {
	st := open(t, nil)
	err := st.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
		(&testing.T{}).SkipNow()
		return 0, nil
	}, study.Budget{Trials: 3})
	var te *study.TrialError
	if !errors.As(err, &te) || te.Number != 0 {
		t.Errorf("got %v", err)
	}
	if tr := trials(t, st)[0]; tr.State != trial.Failed || !strings.Contains(tr.Failure(), "ended its goroutine") {
		t.Errorf("got %v %q", tr.State, tr.Failure())
	}
}

func TestMisuse(t *testing.T) {
	st := open(t, nil, func(c *study.Config) { c.Directions = []trial.Direction{trial.Minimize, trial.Minimize} })
	if err := st.Optimize(t.Context(), sphere, study.Budget{Trials: 3}); err == nil || len(trials(t, st)) != 0 {
		t.Errorf("Optimize of two objectives: got %v and %d trials", err, len(trials(t, st)))
	}
	st = open(t, nil)
	tr, err := st.Ask(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, state := range []trial.State{trial.Running, 9} {
		if _, err := st.TellNumber(t.Context(), 0, storage.Update{State: state}); err == nil || !strings.Contains(err.Error(), "state is "+state.String()) {
			t.Errorf("TellNumber with %v: got %v", state, err)
		}
	}
	if _, err := st.AskDetached(t.Context(), study.Detached{Lease: storage.Lease{Duration: -1}}); err == nil {
		t.Error("a negative lease is accepted")
	}
	if _, err := st.Tell(t.Context(), tr, 1); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(tr.SetUserAttr("k", 1)); !errors.Is(err, storage.ErrFinished) {
		t.Errorf("an attribute of a finished trial: got %v", err)
	}
	if err := tr.Constrain("c", 1); !errors.Is(err, storage.ErrFinished) {
		t.Errorf("a constraint of a finished trial: got %v", err)
	}
	if tr.Float("x", 0, 1); !errors.Is(tr.Err(), storage.ErrFinished) {
		t.Errorf("a suggestion of a finished trial: got %v", tr.Err())
	}
	for name, suggest := range map[string]func(*study.Trial){
		"a name":   func(t *study.Trial) { t.Float("p\xff", 0, 1) },
		"a choice": func(t *study.Trial) { t.Categorical("c", "a\xff") },
		"a type":   func(t *study.Trial) { study.Suggest(t, "d", space.Categorical{Choices: []any{[]int{1}}}) },
	} {
		tr, err := st.Ask(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if suggest(tr); tr.Err() == nil {
			t.Errorf("%s that no program can read is accepted", name)
		}
		st.Tell(t.Context(), tr)
	}
}

func TestAskObeysItsContext(t *testing.T) {
	everyStorage(t, func(t *testing.T, s storage.Storage) {
		why := errors.New("too late")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(why)
		st := open(t, s)
		if _, err := st.Ask(ctx); !errors.Is(err, why) {
			t.Errorf("got %v, want the cause", err)
		}
		if n := len(trials(t, st)); n != 0 {
			t.Errorf("%d trials were begun", n)
		}
	})
}

// A rereading storage counts the trials that are read from it.
type rereading struct {
	storage.Storage
	trials int
}

func (r *rereading) Since(ctx context.Context, id, revision int64, except ...string) (storage.Changes, error) {
	c, err := r.Storage.Since(ctx, id, revision, except...)
	r.trials += len(c.Trials)
	return c, err
}

// A report must not read its own trial: with many reports that would be slow.
func TestAReportDoesNotReadItsTrialAgain(t *testing.T) {
	r := &rereading{Storage: &storage.Memory{}}
	st := open(t, r, func(c *study.Config) { c.Pruner = pruner.Median{} })
	tr, err := st.Ask(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for step := range 20 {
		if err := tr.Report(step, 1); err != nil {
			t.Fatal(err)
		}
	}
	if r.trials > 0 {
		t.Errorf("%d trials were read during 20 reports of the only one", r.trials)
	}
	if ended, err := st.Tell(t.Context(), tr, 1); err != nil || len(ended.Reports) != 20 || ended.State != trial.Complete {
		t.Errorf("told: %v, %v", ended, err)
	}
}
