//go:build unix

package study_test

import (
	"strings"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/pgtest"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/postgres"
)

// long reports whether the harness runs in its long form.
func long() bool { return *faultKills > 100 }

// checkDatabase is checkStudy, and checks the tables and indexes of a database.
func checkDatabase(t *testing.T, s *pgtest.Server, url string, acks map[int]string) (finished int) {
	t.Helper()
	finished = checkStudy(t, url, acks)
	if bad := s.SQL(t, url, `SELECT study_id, number, count(*) FROM trials GROUP BY 1, 2 HAVING count(*) > 1`); bad != "" {
		t.Errorf("numbers are used twice (study|number|times):\n%s", bad)
	}
	if bad := s.SQL(t, url, `SELECT trial_id FROM trials WHERE state NOT IN ('COMPLETE', 'PRUNED', 'FAIL')`); bad != "" {
		t.Errorf("trials that have not finished:\n%s", bad)
	}
	if s.SQL(t, url, `SELECT count(*) FROM pg_available_extensions WHERE name = 'amcheck'`) == "0" {
		return finished
	}
	const relations = `WITH r AS MATERIALIZED (SELECT oid, relname FROM pg_class
		WHERE relnamespace = 'public'::regnamespace AND relkind = `
	if bad := s.SQL(t, url, `CREATE EXTENSION IF NOT EXISTS amcheck; `+
		relations+`'r') SELECT relname, msg FROM r, verify_heapam(r.oid); `+
		relations+`'i') SELECT relname FROM r WHERE bt_index_check(oid, true) IS NULL`); bad != "" {
		t.Errorf("amcheck: %s", bad)
	}
	return finished
}

// Workers are killed while the server is restarted, crashes, and cuts them off.
func TestFaultsPostgresKills(t *testing.T) {
	restarts, crashes := 1, 1
	if long() {
		restarts, crashes = 5, 2
	}
	s, random := pgtest.New(t, pgtest.Config{}), randomMoments(t)
	url := s.Database(t)
	f := newFleet(t, url, *faultProcesses, 0)
	f.awaitResult()
	start, steps := time.Now(), restarts+crashes
	for step := range steps {
		f.kill(*faultKills/steps, random)
		if step%3 == 1 {
			s.Kill(t)
			time.Sleep(time.Second)
			s.Start(t)
		} else {
			s.Restart(t)
		}
		s.SQL(t, url, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`)
	}
	f.kill(*faultKills-*faultKills/steps*steps+1, random)
	f.stop()
	took, acks := time.Since(start), f.acknowledged()
	n := len(acks)
	finished := checkDatabase(t, s, url, acks)
	t.Logf("%d kills over %d processes, %d restarts and %d crashes of the server in %v: %d trials, %d acknowledged by a worker that lived to write it down",
		*faultKills+1, *faultProcesses, restarts, crashes, took.Round(time.Second), finished, n)
}

// spend lets workers spend a budget while disturb does its worst, and checks the result.
func spend(t *testing.T, s *pgtest.Server, direct, url string, budget int, disturb func(*fleet)) {
	t.Helper()
	f := newFleet(t, url, *faultProcesses, budget)
	f.awaitResult()
	disturb(f)
	f.wait()
	if got := checkDatabase(t, s, direct, f.acknowledged()); got != budget {
		t.Errorf("got %d trials, want %d", got, budget)
	}
}

// faultBudget is how many trials the tests of connections run.
func faultBudget() int {
	if long() {
		return 2000
	}
	return 100
}

// Connections break before a statement arrives or after it was obeyed, also in the middle of COMMIT.
func TestFaultsPostgresConnectionsCut(t *testing.T) {
	s, random := pgtest.Start(t), randomMoments(t)
	direct := s.Database(t)
	c, url := cut(t, direct, 100, random)
	spend(t, s, direct, url, faultBudget(), func(*fleet) {})
	t.Logf("%d connections cut, %d of them at a COMMIT", c.cuts.Load(), c.commits.Load())
	if c.cuts.Load() < 10 {
		t.Error("hardly any connection was cut")
	}
}

// The same through pgbouncer in transaction mode, whose server is restarted and whose clients are
// killed.
func TestFaultsPostgresPooler(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes several servers")
	}
	s, random := pgtest.New(t, pgtest.Config{}), randomMoments(t)
	direct := s.Database(t)
	c, url := cut(t, s.Pooler(t, direct), 200, random)
	spend(t, s, direct, url, faultBudget(), func(f *fleet) {
		f.kill(*faultKills/4, random)
		s.Restart(t)
		f.kill(*faultKills/4, random)
		s.Kill(t)
		s.Start(t)
	})
	t.Logf("%d connections cut, %d of them at a COMMIT", c.cuts.Load(), c.commits.Load())
}

// More workers than the server has connections for take turns, and who gets none says why.
func TestFaultsPostgresConnectionsUsedUp(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes several servers")
	}
	s := pgtest.New(t, pgtest.Config{Settings: map[string]string{"max_connections": "8", "superuser_reserved_connections": "0"}})
	url := s.Database(t)
	spend(t, s, url, url, faultBudget(), func(*fleet) {})

	var held []storage.Storage
	defer func() {
		for _, db := range held {
			db.Close()
		}
	}()
	for range 20 {
		db, err := postgres.Open(t.Context(), url, postgres.Options{Patience: time.Second})
		if err != nil {
			if message := err.Error(); !strings.Contains(message, "connections") || strings.Contains(message, "\n") ||
				strings.Contains(message, pgtest.Password) {
				t.Errorf("got %q, want one line that says that the connections are used up", message)
			}
			return
		}
		held = append(held, db)
		if _, err := db.Studies(t.Context()); err != nil {
			return // the pool could not have its connection
		}
	}
	t.Error("20 storages share 8 connections")
}
