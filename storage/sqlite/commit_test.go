package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/internal/rdb"
	"github.com/bluefin-hpo/bluefin/trial"
)

func openTest(t *testing.T, path string) (*DB, storage.Study) {
	t.Helper()
	db, err := Open(t.Context(), path, Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	s, err := db.Create(t.Context(), "s", []trial.Direction{trial.Minimize})
	if err != nil {
		t.Fatal(err)
	}
	return db, s
}

var waiting = &trial.Trial{Number: -1, State: trial.Waiting}

// A context may end at any moment of a call: what was acknowledged is there,
// and later calls are not disturbed.
func TestContextsThatEndAtAnyMoment(t *testing.T) {
	db, s := openTest(t, filepath.Join(t.TempDir(), "study.db"))
	defer db.Close()
	var wg sync.WaitGroup
	var added atomic.Int64
	for g := range uint64(4) {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(g, 0))
			for range 200 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.IntN(600))*time.Microsecond)
				switch _, err := db.Add(ctx, s.ID, waiting); {
				case err == nil:
					added.Add(1)
				case !errors.Is(err, context.DeadlineExceeded):
					t.Errorf("Add: %v", err)
				}
				if _, err := db.Since(ctx, s.ID, 0); err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Since: %v", err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if _, err := db.Add(t.Context(), s.ID, waiting); err != nil {
		t.Errorf("a write after all: %v", err)
	}
	for range cap(db.readers) {
		c, err := db.Since(t.Context(), s.ID, 0)
		if err != nil || int64(len(c.Trials)) != added.Load()+1 {
			t.Errorf("%d trials are there, want %d: %v", len(c.Trials), added.Load()+1, err)
		}
	}
}

// If SQLite rolls a whole group back, each of its writes gets what it would
// have got alone.
func TestBrokenGroup(t *testing.T) {
	db, s := openTest(t, filepath.Join(t.TempDir(), "study.db"))
	defer db.Close()
	why := errors.New("no room")
	errs := make([]error, 8)
	var wg sync.WaitGroup
	start := make(chan struct{})
	// The first write holds the turn until the others wait for it.
	wg.Go(func() {
		db.write(t.Context(), func(*tx) error {
			close(start)
			for {
				db.writer.mu.Lock()
				n := len(db.writer.waiting)
				db.writer.mu.Unlock()
				if n == len(errs) {
					return nil
				}
				time.Sleep(time.Millisecond)
			}
		})
	})
	<-start
	for i := range errs {
		wg.Go(func() {
			errs[i] = db.write(t.Context(), func(t *tx) error {
				if i == 3 {
					t.Script(`ROLLBACK`) // as SQLite does on a full disk
					return errors.Join(t.Err(), why)
				}
				_, err := rdb.Add(t, s.ID, waiting)
				return err
			})
		})
	}
	wg.Wait()
	for i, err := range errs {
		if i == 3 && !errors.Is(err, why) || i != 3 && err != nil {
			t.Errorf("write %d: got %v", i, err)
		}
	}
	if c, err := db.Since(t.Context(), s.ID, 0); err != nil || len(c.Trials) != len(errs)-1 {
		t.Errorf("%d trials are there, want %d: %v", len(c.Trials), len(errs)-1, err)
	}
}

func TestClosed(t *testing.T) {
	db, s := openTest(t, filepath.Join(t.TempDir(), "study.db"))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Since(t.Context(), s.ID, 0); !errors.Is(err, errClosed) {
		t.Errorf("reading: got %v", err)
	}
	if _, err := db.Add(t.Context(), s.ID, waiting); !errors.Is(err, errClosed) {
		t.Errorf("writing: got %v", err)
	}
}

// Many that open a new file at once, or one in rollback mode that is being
// written to, wait for each other.
func TestOpenInCompany(t *testing.T) {
	for round := range 10 {
		path := filepath.Join(t.TempDir(), fmt.Sprint(round, ".db"))
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				db, err := Open(t.Context(), path, Options{})
				if err != nil {
					t.Error(err)
					return
				}
				db.Close()
			})
		}
		wg.Wait()
	}
	path := filepath.Join(t.TempDir(), "rollback.db")
	raw, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(20000)")
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	raw.SetMaxOpenConns(1)
	if _, err := raw.Exec(optunaTables + versionRows + `BEGIN IMMEDIATE; INSERT INTO studies VALUES (1, 's')`); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(300*time.Millisecond, func() { raw.Exec(`COMMIT`) })
	db, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Load(t.Context(), "s"); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	path = filepath.Join(t.TempDir(), "held.db")
	if raw, err = sql.Open("sqlite", path); err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	raw.SetMaxOpenConns(1)
	if _, err := raw.Exec(optunaTables + versionRows + `BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, path, Options{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("opening obeys its context: got %v", err)
	}
}
