package sqlite_test

import (
	"bufio"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/process"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/trial"
)

// heavyTrial runs a trial that saves a large checkpoint, and returns its
// number.
func heavyTrial(tb testing.TB, db *sqlite.DB, study int64, keep bool) int {
	tb.Helper()
	tr, err := db.Begin(tb.Context(), study, storage.Claim{Lease: storage.Lease{Owner: "w", Duration: time.Hour, Process: process.Self()}})
	if err == nil {
		err = db.Write(tb.Context(), study, tr.Number, storage.Update{Checkpoint: &storage.Checkpoint{Data: make([]byte, 20<<20), Keep: keep}})
	}
	if err == nil {
		err = db.Write(tb.Context(), study, tr.Number, storage.Update{State: trial.Complete, Values: []float64{float64(tr.Number)}})
	}
	if err != nil {
		tb.Fatal(err)
	}
	return tr.Number
}

// fileSize fails unless the file is sound, and returns its size.
func fileSize(t *testing.T, path string) int64 {
	t.Helper()
	if found, _, err := sqlite.Check(t.Context(), path); err != nil || len(found) > 0 {
		t.Fatal(found, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func TestRoomOfCheckpointsIsGivenBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "study.db")
	db := open(t, path)
	defer db.Close()
	other := open(t, path) // of another worker
	defer other.Close()
	s, err := db.Create(t.Context(), "s", minimize)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		if heavyTrial(t, db, s.ID, false); fileSize(t, path) > 1<<20 {
			t.Errorf("after trial %d the file has %d bytes", n, fileSize(t, path))
		}
		if c, err := other.Since(t.Context(), s.ID, 0); err != nil || len(c.Trials) != n+1 {
			t.Errorf("another worker reads %d trials, %v, want %d", len(c.Trials), err, n+1)
		}
	}
	// What is kept stays, and goes with its study.
	n := heavyTrial(t, other, s.ID, true)
	if c, err := db.Checkpoint(t.Context(), s.ID, n); err != nil || len(c.Data) != 20<<20 {
		t.Errorf("a checkpoint to be kept has %d bytes, %v", len(c.Data), err)
	}
	if err := db.Delete(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	if size := fileSize(t, path); size > 1<<20 {
		t.Errorf("after its study was deleted the file has %d bytes", size)
	}
}

func TestVacuum(t *testing.T) {
	path := filepath.Join(t.TempDir(), "study.db")
	db := open(t, path)
	s, err := db.Create(t.Context(), "s", minimize)
	if err != nil {
		t.Fatal(err)
	}
	heavyTrial(t, db, s.ID, true)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	script(t, path, `DELETE FROM bluefin_checkpoints`) // as Optuna's workers do by our trigger
	total := fileSize(t, path)
	if _, free, err := sqlite.Check(t.Context(), path); err != nil || free < 20<<20 || free > total {
		t.Errorf("of %d bytes %d are free, %v", total, free, err)
	}
	before, after, err := sqlite.Vacuum(t.Context(), path)
	if err != nil || before != total || after != fileSize(t, path) || after > 1<<20 {
		t.Errorf("got %d bytes after %d, %v, want %d after %d", after, before, err, fileSize(t, path), total)
	}
	if _, free, err := sqlite.Check(t.Context(), path); err != nil || free != 0 {
		t.Errorf("after it %d bytes are free, %v", free, err)
	}
	if n, err := count(t.Context(), path, sqlite.Options{ReadOnly: true}); n != 1 || err != nil {
		t.Errorf("after it %d trials, %v", n, err)
	}
	missing := filepath.Join(t.TempDir(), "missing.db")
	if _, _, err := sqlite.Vacuum(t.Context(), missing); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: got %v", err)
	}
	text := filepath.Join(t.TempDir(), "other.db")
	script(t, text, `CREATE TABLE customers (id)`)
	if _, _, err := sqlite.Vacuum(t.Context(), text); err == nil {
		t.Error("another program's file was rewritten")
	}
}

// A process that is killed while it gives room back loses nothing. The test
// runs itself as that process.
func TestKilledWhileGivingRoomBack(t *testing.T) {
	const variable = "BLUEFIN_ROOM_FILE"
	if path := os.Getenv(variable); path != "" {
		db := open(t, path)
		s, err := db.Load(t.Context(), "s")
		if err != nil {
			t.Fatal(err)
		}
		for {
			n := heavyTrial(t, db, s.ID, false)
			os.Stdout.WriteString("finished " + strconv.Itoa(n) + "\n")
		}
	}
	path := filepath.Join(t.TempDir(), "study.db")
	db := open(t, path)
	s, err := db.Create(t.Context(), "s", minimize)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	kills := 10
	if testing.Short() {
		kills = 3
	}
	finished := map[int]bool{}
	for seed := range kills {
		worker := exec.Command(os.Args[0], "-test.run=^TestKilledWhileGivingRoomBack$")
		worker.Env = append(os.Environ(), variable+"="+path)
		out, err := worker.StdoutPipe()
		if err == nil {
			err = worker.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		patience := time.Duration(rand.New(rand.NewPCG(uint64(seed), 0)).IntN(300)) * time.Millisecond
		armed := false
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if n, err := strconv.Atoi(strings.TrimPrefix(lines.Text(), "finished ")); err == nil {
				if finished[n] = true; !armed {
					armed = true
					time.AfterFunc(patience, func() { worker.Process.Kill() })
				}
			}
		}
		worker.Wait()
		fileSize(t, path)
		c, err := db.Since(t.Context(), s.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		complete := map[int]bool{}
		for _, tr := range c.Trials {
			complete[tr.Number] = tr.State == trial.Complete && tr.Values[0] == float64(tr.Number)
		}
		for n := range finished {
			if !complete[n] {
				t.Fatalf("trial %d, which was told, is lost", n)
			}
		}
	}
	t.Logf("%d kills, %d trials", kills, len(finished))
	heavyTrial(t, db, s.ID, false)
	if size := fileSize(t, path); size > 1<<20 {
		t.Errorf("after all the file has %d bytes", size)
	}
}
