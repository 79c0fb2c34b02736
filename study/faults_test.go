//go:build unix

package study_test

import (
	"context"
	"database/sql"
	"flag"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/postgres"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// openURL opens a study file, or a database by its URL.
func openURL(ctx context.Context, url string) (storage.Storage, error) {
	if strings.HasPrefix(url, "postgresql:") {
		return postgres.Open(ctx, url, postgres.Options{})
	}
	return sqlite.Open(ctx, url, sqlite.Options{})
}

// How long the fault harness runs. `make faults` gives the long form.
var (
	faultKills     = flag.Int("faults.kills", 25, "how many processes the fault harness kills")
	faultProcesses = flag.Int("faults.processes", 4, "how many processes run at once")
	faultSeed      = flag.Uint64("faults.seed", 0, "of the moments of the kills; 0: the time")
)

// randomMoments returns a source of random numbers, and logs the flag that repeats them.
func randomMoments(t *testing.T) *rand.Rand {
	seed := *faultSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-faults.seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func TestFaultsKills(t *testing.T) {
	random, path := randomMoments(t), filepath.Join(t.TempDir(), "study.db")
	f := newFleet(t, path, *faultProcesses, 0)
	f.awaitResult()
	start := time.Now()
	f.kill(*faultKills, random)
	f.stop()
	took, acks := time.Since(start), f.acknowledged()
	n := len(acks)
	finished := checkFile(t, path, acks)
	t.Logf("%d kills over %d processes in %v: %d trials, %d acknowledged by a worker that lived to write it down", *faultKills, *faultProcesses, took.Round(time.Second), finished, n)
}

// A budget holds however often its workers are killed.
func TestFaultsBudget(t *testing.T) {
	random, path := randomMoments(t), filepath.Join(t.TempDir(), "study.db")
	const budget = 100
	f := newFleet(t, path, *faultProcesses, budget)
	f.awaitResult()
	f.kill(*faultKills/2, random)
	f.wait()
	if got := checkFile(t, path, f.acknowledged()); got != budget {
		t.Errorf("got %d trials, want %d", got, budget)
	}
}

// checkStudy fails unless every acknowledged result is unchanged, no number is missing or used
// twice, and nothing is running once the orphans have finished. It returns how many trials there are.
func checkStudy(t testing.TB, url string, acks map[int]string) (finished int) {
	t.Helper()
	db, err := openURL(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s := open(t, db, func(c *study.Config) { c.Orphans.Limit = -1 })
	if err := s.Optimize(t.Context(), sphere, study.Budget{Trials: len(trials(t, s))}); err != nil {
		t.Errorf("finishing the orphans: %v", err)
	}
	for i, tr := range trials(t, s) {
		if tr.Number != i || tr.State != trial.Complete {
			t.Errorf("trial %d has number %d and is %v %s", i, tr.Number, tr.State, tr.Failure())
		}
		if ack, ok := acks[tr.Number]; ok {
			if got := ackOf(tr); got != ack {
				t.Errorf("an acknowledged result has changed:\n%s\n%s", ack, got)
			}
			delete(acks, tr.Number)
		}
		finished++
	}
	for _, ack := range acks {
		t.Errorf("an acknowledged result is lost: %s", ack)
	}
	return finished
}

// checkFile is checkStudy, and checks the file.
func checkFile(t testing.TB, path string, acks map[int]string) (finished int) {
	t.Helper()
	finished = checkStudy(t, path, acks)
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	var verdict string
	if err := raw.QueryRow(`PRAGMA integrity_check`).Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity check: %q, %v", verdict, err)
	}
	return finished
}

// A clock that jumps makes every lease expire at once or last forever. Two workers may then run the
// same trial, but only one can end it.
func TestFaultsClockJumps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "study.db")
	f := newFleet(t, path, 3, 0)
	f.awaitResult()
	for i := range 10 {
		time.Sleep(50 * time.Millisecond)
		raw, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(10000)")
		if err != nil {
			t.Fatal(err)
		}
		jump := []int{-3600, 3600}[i%2]
		if _, err := raw.Exec(`UPDATE bluefin_trials SET lease_until = lease_until + ? WHERE lease_owner IS NOT NULL`, jump); err != nil && !strings.Contains(err.Error(), "no such table") {
			t.Fatal(err)
		}
		raw.Close()
	}
	f.stop()
	checkFile(t, path, f.acknowledged())
}

// Workers wait for a foreign writer that holds the lock for long.
func TestFaultsHeldLock(t *testing.T) {
	hold := time.Second
	if *faultKills > 100 {
		hold = 10 * time.Second
	}
	path := filepath.Join(t.TempDir(), "study.db")
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	open(t, db)
	db.Close()
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	raw.SetMaxOpenConns(1)
	if _, err := raw.Exec(`BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	f := newFleet(t, path, 2, 0)
	time.Sleep(hold)
	if acks := f.acknowledged(); len(acks) > 0 {
		t.Errorf("results were acknowledged that could not be saved: %v", acks)
	}
	if _, err := raw.Exec(`ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	f.awaitResult()
	f.stop()
	checkFile(t, path, f.acknowledged())
}
