package optuna

import (
	"fmt"
	"sync"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/pgtest"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/postgres"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Four processes of Optuna on the service and four Go workers on the database itself share a study,
// on PostgreSQL also with four processes of Optuna on the database: distinct numbers, an exact
// budget, and each side sees the values of the other.
func TestMixedWorkersShareAStudy(t *testing.T) {
	script(t, "", "-c", "") // skips the test without Optuna
	t.Run("sqlite", func(t *testing.T) {
		db, path := file(t)
		beside, err := sqlite.Open(t.Context(), path, sqlite.Options{MustExist: true})
		if err != nil {
			t.Fatal(err)
		}
		defer beside.Close()
		address := serve(t, db, true)
		mix(t, beside, address, "sqlite:///"+path, address)
	})
	t.Run("postgres", func(t *testing.T) {
		db, url := database(t)
		beside, err := postgres.Open(t.Context(), url, postgres.Options{MustExist: true})
		if err != nil {
			t.Fatal(err)
		}
		defer beside.Close()
		address := serve(t, db, true)
		theirs := pgtest.SQLAlchemy(url)
		mix(t, beside, address, theirs, address, theirs)
	})
}

// mix runs 400 trials, half of them by Go workers on db and half by Optuna's at the given places.
func mix(t *testing.T, db storage.Viewer, address, url string, places ...string) {
	const workers, each = 4, 50
	create(t, client(t, address), "mixed")
	var wg sync.WaitGroup
	for i := range workers {
		for j, at := range places {
			wg.Go(func() {
				script(t, "", "worker.py", at, "mixed", fmt.Sprint(i+10*j), fmt.Sprint(each/len(places)))
			})
		}
		wg.Go(func() {
			if err := work(t, db, each); err != nil {
				t.Errorf("our worker: %v", err)
			}
		})
	}
	wg.Wait()
	s, err := db.Load(t.Context(), "mixed")
	if err != nil {
		t.Fatal(err)
	}
	all, err := db.Range(t.Context(), s.ID, 0, 2*workers*each+9)
	if err != nil || len(all) != 2*workers*each {
		t.Fatalf("got %d trials, %v, want %d", len(all), err, 2*workers*each)
	}
	theirs := 0
	for i, tr := range all {
		if tr.Number != i || tr.State != trial.Complete || len(tr.Params) != 3 || len(tr.Reports) != 1 {
			t.Errorf("trial %d: got %+v", i, tr)
		}
		if tr.UserAttrs["engine"] != nil {
			theirs++
		}
	}
	if theirs != workers*each {
		t.Errorf("got %d trials of Optuna's, want %d", theirs, workers*each)
	}
	if out, want := script(t, "", "same.py", address, url), "1 studies, 400 trials are the same\n"; out != want {
		t.Errorf("got %q, want %q", out, want)
	}
}

func work(t *testing.T, db storage.Storage, trials int) error {
	ctx := t.Context()
	s, err := study.Load(ctx, study.Config{Name: "mixed", Storage: db})
	if err != nil {
		return err
	}
	for range trials {
		t, err := s.Ask(ctx)
		if err != nil {
			return err
		}
		x, k, c := t.Float("x", -1, 1), t.Int("k", 0, 9), t.Categorical("c", "a", "b", "c")
		v := (x-0.3)*(x-0.3) + float64((k-4)*(k-4))
		if c != "b" {
			v++
		}
		if err := t.Report(0, x); err != nil {
			return err
		}
		if _, err := s.Tell(ctx, t, v); err != nil {
			return err
		}
	}
	return nil
}
