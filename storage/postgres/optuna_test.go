//go:build unix

package postgres_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/pgtest"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// python runs a program of Optuna with the URL of a database as SQLAlchemy wants it, and returns
// what it prints.
func python(t *testing.T, url, program string) string {
	t.Helper()
	name := os.Getenv("BLUEFIN_PYTHON")
	if name == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("BLUEFIN_PYTHON names no Python with Optuna and psycopg2")
		}
		t.Skip("BLUEFIN_PYTHON names no Python with Optuna and psycopg2")
	}
	out, err := exec.Command(name, "-W", "ignore", "-c", `
import json, sys, optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
storage = optuna.storages.RDBStorage(sys.argv[1])
`+program, pgtest.SQLAlchemy(url)).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

// dump prints the trials of a study as both sides see them.
const dump = `
study = optuna.load_study(study_name="s", storage=storage)
for t in study.trials:
    print(t.number, t.state.name, t.values, sorted(t.params.items()), sorted(t.intermediate_values.items()), sorted(t.user_attrs.items()))
`

const objective = `
def objective(t):
    x, n, c = t.suggest_float("x", 1e-3, 1, log=True), t.suggest_int("n", 1, 9), t.suggest_categorical("c", ["a", "b"])
    t.report(x, 1)
    t.set_user_attr("k", n)
    return x + n
`

// Bluefin and Optuna hand a study to each other, whoever made it, and work on it at the same time.
func TestOptunaContinuesAndHandsBack(t *testing.T) {
	server := pgtest.Start(t)
	for _, first := range []string{"bluefin", "optuna"} {
		t.Run(first+" makes it", func(t *testing.T) {
			at := server.Database(t)
			ours := func() {
				db := open(t, at)
				defer db.Close()
				s, err := study.Open(t.Context(), study.Config{Name: "s", Storage: db, Sampler: sampler.Random{}})
				if err != nil {
					t.Fatal(err)
				}
				for range 10 {
					tr, err := s.Ask(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					x, n := tr.LogFloat("x", 1e-3, 1), tr.Int("n", 1, 9)
					tr.Categorical("c", "a", "b")
					tr.Report(1, x)
					tr.SetUserAttr("k", n)
					if _, err := s.Tell(t.Context(), tr, x+float64(n)); err != nil {
						t.Fatal(err)
					}
				}
			}
			theirs := func() {
				python(t, at, objective+`optuna.create_study(study_name="s", storage=storage, load_if_exists=True).optimize(objective, n_trials=10)`)
			}
			all := []func(){ours, theirs}
			if first == "optuna" {
				slices.Reverse(all)
			}
			for range 2 {
				for _, run := range all {
					run()
				}
			}
			db := open(t, at)
			defer db.Close()
			s, err := db.Load(t.Context(), "s")
			if err != nil {
				t.Fatal(err)
			}
			c, err := db.Since(t.Context(), s.ID, 0)
			if err != nil || len(c.Trials) != 40 {
				t.Fatalf("got %d trials, %v, want 40", len(c.Trials), err)
			}
			lines := strings.Split(strings.TrimSpace(python(t, at, dump)), "\n")
			for i, tr := range c.Trials { // they finished one after the other
				k := string(tr.UserAttrs["k"])
				if tr.Number != i || tr.State != trial.Complete || len(tr.Params) != 3 || len(tr.Reports) != 1 || k == "" {
					t.Fatalf("got %+v", tr)
				}
				for _, want := range []string{fmt.Sprintf("%d COMPLETE [", i), "('k', " + k + ")", "('n', " + k + ")"} {
					if !strings.Contains(lines[i], want) {
						t.Errorf("Optuna sees %s, want %s", lines[i], want)
					}
				}
			}
		})
	}
}

// While Optuna's workers and ours run side by side, numbers stay distinct and Since tells all.
func TestOptunaWorksBeside(t *testing.T) {
	server := pgtest.Start(t)
	at := server.Database(t)
	db := open(t, at)
	defer db.Close()
	s, err := study.Open(t.Context(), study.Config{Name: "s", Storage: db, Sampler: sampler.Random{}})
	if err != nil {
		t.Fatal(err)
	}
	record, err := db.Load(t.Context(), "s")
	if err != nil {
		t.Fatal(err)
	}
	python(t, at, "pass") // skips here and not in another goroutine
	done := make(chan string, 2)
	for range cap(done) {
		go func() {
			done <- python(t, at, objective+`optuna.load_study(study_name="s", storage=storage).optimize(objective, n_trials=20)`)
		}()
	}
	followed := map[int]*trial.Trial{} // what a follower knows at the end
	var order []int
	revision := int64(0)
	follow := func() {
		c, err := db.Since(t.Context(), record.ID, revision)
		if err != nil {
			t.Fatal(err)
		}
		revision = c.Revision
		for _, tr := range c.Trials {
			if old := followed[tr.Number]; tr.State.Finished() && (old == nil || !old.State.Finished()) {
				order = append(order, tr.Number)
			}
			followed[tr.Number] = tr
		}
	}
	ours := 0
	for ended := 0; ended < cap(done); {
		tr, err := s.Ask(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Tell(t.Context(), tr, tr.Float("y", 0, 1)); err != nil {
			t.Fatal(err)
		}
		ours++
		follow()
		select {
		case <-done:
			ended++
		case <-time.After(20 * time.Millisecond):
		}
	}
	follow()
	c, err := db.Since(t.Context(), record.ID, 0)
	if err != nil || len(c.Trials) != ours+40 || len(followed) != len(c.Trials) {
		t.Fatalf("got %d trials and %d by following, %v, want %d", len(c.Trials), len(followed), err, ours+40)
	}
	for i, tr := range c.Trials {
		a, _ := json.Marshal(tr)
		b, _ := json.Marshal(followed[tr.Number])
		if string(a) != string(b) {
			t.Errorf("trial %d is %s, a follower knows %s", tr.Number, a, b)
		}
		if order[i] != tr.Number {
			t.Fatalf("trials finished in the order %v, to a follower in the order %v", c.Trials, order)
		}
	}
}

// Trials of Optuna's workers whose heartbeat stops fail, by the clock of their sessions.
func TestHeartbeats(t *testing.T) {
	server := pgtest.Start(t)
	at := server.Database(t)
	db := open(t, at)
	defer db.Close()
	s, err := db.Create(t.Context(), "s", []trial.Direction{trial.Minimize})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := db.Add(t.Context(), s.ID, &trial.Trial{Number: -1, State: trial.Running}); err != nil {
			t.Fatal(err)
		}
	}
	server.SQL(t, at, `INSERT INTO trial_heartbeats (trial_id, heartbeat)
		SELECT trial_id, CASE number WHEN 0 THEN localtimestamp - interval '3 minutes' ELSE localtimestamp - interval '1 minute' END
		FROM trials WHERE number < 2`)
	tr, err := db.Begin(t.Context(), s.ID, storage.Claim{Lease: storage.Lease{Owner: "w", Duration: time.Hour}, Orphans: storage.Orphans{Policy: storage.Retry}})
	if err != nil || tr.Number != 3 || string(tr.SystemAttrs["failed_trial"]) != "0" {
		t.Fatalf("the retry of the stale trial starts: got %+v, %v", tr, err)
	}
	if got := server.SQL(t, at, `SELECT string_agg(state::text, ' ' ORDER BY number) FROM trials`); got != "FAIL RUNNING RUNNING RUNNING" {
		t.Errorf("got %s", got)
	}
}
