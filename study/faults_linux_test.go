package study_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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

// smallDisk mounts a file system of the given size, which only root may do.
func smallDisk(t *testing.T, bytes int) (dir string, grow func(bytes int)) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprint("size=", bytes)); err != nil {
		message := fmt.Sprintf("cannot mount a small file system: %v", err)
		if os.Getenv("CI") == "true" {
			t.Fatal(message)
		}
		t.Skip(message)
	}
	t.Cleanup(func() { syscall.Unmount(dir, 0) })
	return dir, func(bytes int) {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, fmt.Sprint("size=", bytes)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFaultsFullDisk(t *testing.T) {
	dir, grow := smallDisk(t, 3<<20)
	path := filepath.Join(dir, "study.db")
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	acks := map[int]string{}
	cfg := func(c *study.Config) {
		c.Sampler, c.Lease = sampler.Random{}, time.Second
		c.OnTrialEnd = func(tr *trial.Trial) { acks[tr.Number] = ackOf(tr) }
	}
	heavy := func(tr *study.Trial) (float64, error) {
		v, err := sphere(tr)
		return v, errors.Join(err, tr.SetUserAttr("log", strings.Repeat("x", 4000)))
	}
	err = open(t, db, cfg).Optimize(t.Context(), heavy, study.Budget{Trials: 1000, Workers: 4})
	if err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("got %v, want an error that says that the disk is full", err)
	}
	if n := len(acks); n < 20 || n > 900 {
		t.Errorf("%d trials fit on the disk", n)
	}
	if err := db.Close(); err != nil {
		t.Logf("closing on a full disk: %v", err)
	}
	grow(16 << 20)
	db, err = sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	n := len(acks)
	if err := open(t, db, cfg).Optimize(t.Context(), heavy, study.Budget{Trials: n + 20}); err != nil {
		t.Errorf("with room again: %v", err)
	}
	db.Close()
	if got := checkFile(t, path, acks); got != n+20 {
		t.Errorf("got %d trials, want %d", got, n+20)
	}
}

func TestFaultsFileRemoved(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"removed":         os.Remove,
		"replaced":        func(path string) error { return errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o644)) },
		"without its log": func(path string) error { return os.Remove(path + "-wal") },
		"moved":           func(path string) error { return os.Rename(path, path+".old") },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "study.db")
			db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			acked := 0
			st := open(t, db, func(c *study.Config) { c.OnTrialEnd = func(*trial.Trial) { acked++ } })
			err = st.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
				if tr.Number() == 3 {
					if err := damage(path); err != nil {
						t.Fatal(err)
					}
				}
				return sphere(tr)
			}, study.Budget{Trials: 10})
			if err == nil || !strings.Contains(err.Error(), "was removed or replaced while it was in use") || acked != 3 {
				t.Errorf("got %v after %d acknowledged results, want an error after 3", err, acked)
			}
		})
	}
}

// Thousands of queued and orphaned trials all run.
func TestFaultsManyQueuedAndOrphaned(t *testing.T) {
	n := 300
	if *faultKills > 100 {
		n = 3000
	}
	path := filepath.Join(t.TempDir(), "study.db")
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	st := open(t, db)
	record, _ := db.Load(t.Context(), "test")
	for i := range n {
		dead := storage.Claim{Lease: storage.Lease{Owner: fmt.Sprint("dead ", i), Duration: time.Hour}}
		if _, err := db.Begin(t.Context(), record.ID, dead); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		if _, err := st.Enqueue(t.Context(), map[string]any{"k": i % 10}); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if _, err := raw.Exec(`UPDATE bluefin_trials SET lease_until = 0 WHERE lease_owner IS NOT NULL`); err != nil {
		t.Fatal(err)
	}
	total := len(trials(t, st))
	if err := st.Optimize(t.Context(), sphere, study.Budget{Trials: total, Workers: 4}); err != nil {
		t.Fatal(err)
	}
	db.Close()
	if got := checkFile(t, path, map[int]string{}); got != total || total != 2*n {
		t.Errorf("got %d finished trials of %d", got, total)
	}
}
