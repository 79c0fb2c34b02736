//go:build unix

package study_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// How long the fault harness runs. `make faults` gives the long form.
var (
	faultKills     = flag.Int("faults.kills", 25, "how many processes the fault harness kills")
	faultProcesses = flag.Int("faults.processes", 4, "how many processes run at once")
	faultSeed      = flag.Uint64("faults.seed", 0, "of the moments of the kills; 0: the time")
)

// A faultWorker is this test binary as a program that searches until it is stopped. It logs each
// result to its own file after the study acknowledged it.
func faultWorker(path, acks string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	db, err := sqlite.Open(ctx, path, sqlite.Options{})
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	defer db.Close()
	log, err := os.OpenFile(acks, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	s, err := study.Open(ctx, study.Config{Name: "test", Storage: db, Sampler: sampler.Random{}, Orphans: storage.Orphans{Limit: -1}})
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		t, err := s.Ask(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		v, err := sphere(t)
		for step := 0; err == nil && step < 3; step++ {
			time.Sleep(time.Duration(rand.IntN(4)) * time.Millisecond)
			if err = t.Report(step, v+float64(step)); err == nil {
				err = t.Checkpoint(step, []byte{byte(step)})
			}
		}
		if ctx.Err() != nil {
			return nil // stopped by a signal: the lease ends with the process
		}
		var record *trial.Trial
		if err == nil {
			record, err = s.Tell(context.WithoutCancel(ctx), t, v)
		} else {
			record, err = s.TellError(context.WithoutCancel(ctx), t, err)
		}
		if errors.Is(err, storage.ErrLost) || errors.Is(err, storage.ErrFinished) {
			continue
		}
		if err != nil {
			return err
		}
		fmt.Fprintln(log, ackOf(record))
	}
	return nil
}

// ackOf describes everything about a trial that must not change.
func ackOf(t *trial.Trial) string {
	return fmt.Sprint(t.Number, t.State, t.Values, t.Params, t.Reports, t.Start.UnixMicro(), t.End.UnixMicro())
}

// startFaultWorker starts worker number i.
func startFaultWorker(t *testing.T, dir string, i int) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "BLUEFIN_FAULT_FILE="+filepath.Join(dir, "study.db"), fmt.Sprint("BLUEFIN_FAULT_ACKS=", filepath.Join(dir, fmt.Sprint("acks-", i))))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// stopFaultWorkers stops all with a signal and reports those that end with an error.
func stopFaultWorkers(t *testing.T, workers []*exec.Cmd) {
	t.Helper()
	for _, w := range workers {
		w.Process.Signal(syscall.SIGTERM)
	}
	for _, w := range workers {
		if err := w.Wait(); err != nil && err.Error() != "signal: terminated" {
			t.Errorf("a worker ended with %v", err)
		}
	}
}

// acknowledged reads the acknowledged results of all workers, by trial number.
func acknowledged(t *testing.T, dir string) map[int]string {
	t.Helper()
	acks := map[int]string{}
	files, _ := filepath.Glob(filepath.Join(dir, "acks-*"))
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			var number int
			if _, err := fmt.Sscan(lines.Text(), &number); err != nil {
				t.Fatalf("%s: %q: %v", file, lines.Text(), err)
			}
			if acks[number] != "" {
				t.Errorf("trial %d was acknowledged twice: %s and %s", number, acks[number], lines.Text())
			}
			acks[number] = lines.Text()
		}
	}
	return acks
}

func anyAcknowledged(dir string) bool {
	files, _ := filepath.Glob(filepath.Join(dir, "acks-*"))
	return slices.ContainsFunc(files, func(file string) bool {
		info, err := os.Stat(file)
		return err == nil && info.Size() > 0
	})
}

// checkFile fails unless the file is intact, every acknowledged result is unchanged, no number is
// missing or used twice, and nothing is running once the orphans have finished.
func checkFile(t testing.TB, path string, acks map[int]string) (finished int) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
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

func TestFaultsKills(t *testing.T) {
	seed := *faultSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-faults.seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	workers := make([]*exec.Cmd, *faultProcesses)
	for i := range workers {
		workers[i] = startFaultWorker(t, dir, i)
	}
	// On a loaded machine processes may take longer to start than the kills last.
	for deadline := time.Now().Add(time.Minute); !anyAcknowledged(dir) && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	start := time.Now()
	for range *faultKills {
		time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond / time.Duration(len(workers)))
		i := random.IntN(len(workers))
		workers[i].Process.Kill()
		if err := workers[i].Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("a worker ended before it was killed: %v", err)
		}
		workers[i] = startFaultWorker(t, dir, i)
	}
	stopFaultWorkers(t, workers)
	took := time.Since(start)
	acks := acknowledged(t, dir)
	n := len(acks)
	finished := checkFile(t, filepath.Join(dir, "study.db"), acks)
	t.Logf("%d kills over %d processes in %v: %d trials, %d acknowledged by a worker that lived to write it down", *faultKills, *faultProcesses, took.Round(time.Second), finished, n)
	if n == 0 {
		t.Error("no result was acknowledged")
	}
}

// A clock that jumps makes every lease expire at once or last forever. Two workers may then run the
// same trial, but only one can end it.
func TestFaultsClockJumps(t *testing.T) {
	dir := t.TempDir()
	workers := make([]*exec.Cmd, 3)
	for i := range workers {
		workers[i] = startFaultWorker(t, dir, i)
	}
	for deadline := time.Now().Add(time.Minute); len(acknowledged(t, dir)) == 0 && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	for i := range 10 {
		time.Sleep(50 * time.Millisecond)
		raw, err := sql.Open("sqlite", filepath.Join(dir, "study.db")+"?_pragma=busy_timeout(10000)")
		if err != nil {
			t.Fatal(err)
		}
		jump := []int{-3600, 3600}[i%2]
		if _, err := raw.Exec(`UPDATE bluefin_trials SET lease_until = lease_until + ? WHERE lease_owner IS NOT NULL`, jump); err != nil && !strings.Contains(err.Error(), "no such table") {
			t.Fatal(err)
		}
		raw.Close()
	}
	stopFaultWorkers(t, workers)
	acks := acknowledged(t, dir)
	if len(acks) == 0 {
		t.Error("no result was acknowledged")
	}
	checkFile(t, filepath.Join(dir, "study.db"), acks)
}

// Workers wait for a foreign writer that holds the lock for long.
func TestFaultsHeldLock(t *testing.T) {
	hold := time.Second
	if *faultKills > 100 {
		hold = 10 * time.Second
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "study.db")
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
	workers := []*exec.Cmd{startFaultWorker(t, dir, 0), startFaultWorker(t, dir, 1)}
	time.Sleep(hold)
	if acks := acknowledged(t, dir); len(acks) > 0 {
		t.Errorf("results were acknowledged that could not be saved: %v", acks)
	}
	if _, err := raw.Exec(`ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); len(acknowledged(t, dir)) == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no result was acknowledged after the lock was free")
		}
	}
	stopFaultWorkers(t, workers)
	checkFile(t, path, acknowledged(t, dir))
}
