package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A program that takes no turns, and so only looks now and then whether the lock
// is free, gets its share beside writers that never rest.
func TestOutsidersGetTheirShare(t *testing.T) {
	path := filepath.Join(t.TempDir(), "study.db")
	var ours atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	for i := range 3 {
		db, err := Open(t.Context(), path, Options{NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if _, err := db.Create(t.Context(), "s", []trial.Direction{trial.Minimize}); err != nil {
				t.Fatal(err)
			}
		}
		study, err := db.Load(t.Context(), "s")
		if err != nil {
			t.Fatal(err)
		}
		one := storage.StudyUpdate{UserAttrs: map[string]json.RawMessage{"x": json.RawMessage("1")}}
		wg.Go(func() {
			defer db.Close()
			for ctx.Err() == nil {
				if err := db.WriteStudy(ctx, study.ID, one); err != nil && ctx.Err() == nil {
					t.Error(err)
					return
				}
				ours.Add(1)
			}
		})
	}
	outsider, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(0)")
	if err != nil {
		t.Fatal(err)
	}
	defer outsider.Close()
	outsider.SetMaxOpenConns(1)
	const looks = 200
	free := 0
	for range looks {
		time.Sleep(2 * time.Millisecond)
		if _, err := outsider.Exec(`BEGIN IMMEDIATE`); err != nil {
			continue // busy
		}
		free++
		time.Sleep(2 * time.Millisecond) // ours meet it
		if _, err := outsider.Exec(`UPDATE studies SET study_name = study_name; COMMIT`); err != nil {
			t.Fatal(err)
		}
	}
	writes := ours.Load()
	t.Logf("the lock was free at %d of %d looks, beside %d writes", free, looks, writes)
	if free < looks/4 {
		t.Errorf("the lock was free at %d of %d looks, want a quarter", free, looks)
	}
	if writes > 30*looks { // some 70 if nobody pauses
		t.Errorf("%d writes of ours between %d looks, want at most 30 each", writes, looks)
	}
}
