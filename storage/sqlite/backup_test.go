package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/trial"
)

// names lists the files of a folder.
func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}

func TestBackup(t *testing.T) {
	path, dir := richFile(t), t.TempDir()
	to := filepath.Join(dir, "copy.db")
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Backup(t.Context(), path, to, false); err != nil {
		t.Fatal(err)
	}
	if got := check(t, to); got != "" {
		t.Errorf("the copy is not sound: %s", got)
	}
	if got := names(t, dir); got != "copy.db" {
		t.Errorf("beside the copy lies something: %s", got)
	}
	if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the copy has the permissions of the file: got %v, %v", info.Mode(), err)
	}
	content := func(path string) string {
		db := open(t, path)
		defer db.Close()
		s, err := db.Load(t.Context(), "größe 日本")
		if err != nil {
			t.Fatal(err)
		}
		c, err := db.Since(t.Context(), s.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprint(s, c.Revision)
		for _, tr := range c.Trials {
			text += fmt.Sprintf("\n%+v", *tr)
		}
		k, err := db.Checkpoint(t.Context(), s.ID, 3)
		return text + fmt.Sprint(k, err)
	}
	if got, want := content(to), content(path); got != want {
		t.Errorf("the copy has\n%s\nwant\n%s", got, want)
	}
}

// A copy that is taken while others write is a state that the file has had.
func TestBackupWhileOthersWrite(t *testing.T) {
	path := richFile(t)
	var stop atomic.Bool
	var writers sync.WaitGroup
	defer writers.Wait()
	defer stop.Store(true)
	for range 2 {
		writers.Go(func() {
			db, err := sqlite.Open(t.Context(), path, sqlite.Options{NoSync: true})
			if err != nil {
				t.Error(err)
				return
			}
			defer db.Close()
			s, err := db.Load(t.Context(), "two")
			for err == nil && !stop.Load() {
				_, err = db.Add(t.Context(), s.ID, &trial.Trial{Number: -1, State: trial.Complete, Values: []float64{1, 2},
					Params: []trial.Param{{Name: "x", Value: 0.5, Dist: space.Float{High: 1}}}})
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	dir, size := t.TempDir(), 0
	for i := range 10 {
		to := filepath.Join(dir, fmt.Sprint(i))
		if err := sqlite.Backup(t.Context(), path, to, false); err != nil {
			t.Fatal(err)
		}
		if got := check(t, to); got != "" {
			t.Fatalf("copy %d is not sound: %s", i, got)
		}
		db := open(t, to)
		s, err := db.Load(t.Context(), "two")
		if err != nil {
			t.Fatal(err)
		}
		c, err := db.Since(t.Context(), s.ID, 0)
		db.Close()
		if err != nil || len(c.Trials) < size {
			t.Fatalf("copy %d has %d trials, the one before it %d: %v", i, len(c.Trials), size, err)
		}
		size = len(c.Trials)
	}
	if size < 10 {
		t.Errorf("the last copy has %d trials: nothing was written meanwhile", size)
	}
}

func TestBackupOverwritesOnlyWhatItMay(t *testing.T) {
	path, dir := richFile(t), t.TempDir()
	to := filepath.Join(dir, "copy.db")
	old := []byte("something of value")
	if err := os.WriteFile(to, old, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Backup(t.Context(), path, to, false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a file that exists: got %v, want fs.ErrExist", err)
	}
	if err := sqlite.Backup(t.Context(), path, os.DevNull, false); err == nil || errors.Is(err, fs.ErrExist) {
		t.Errorf("what cannot be replaced: got %v", err) // and nobody is told to force it
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ path, to, want string }{
		"the file itself":  {path, path, "is the study file itself"},
		"a link":           {path, link, "is not a regular file"},
		"a folder":         {path, dir, "is not a regular file"},
		"a missing folder": {path, filepath.Join(dir, "none", "copy.db"), "no such file or directory"},
		"no path":          {path, "", "the path of the copy is empty"},
		"a missing file":   {filepath.Join(dir, "none.db"), to, "no such file or directory"},
		"not a database":   {to, filepath.Join(dir, "new.db"), "not a sound SQLite database"},
	} {
		if err := sqlite.Backup(t.Context(), test.path, test.to, true); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
	// An older log beside the copy would be taken for a part of it.
	if err := os.WriteFile(to+"-wal", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Backup(t.Context(), path, to, true); err == nil || !strings.Contains(err.Error(), "copy.db-wal exists") {
		t.Errorf("a log beside the copy: got %v", err)
	}
	if got, _ := os.ReadFile(to); !bytes.Equal(got, old) {
		t.Error("a backup that fails has overwritten a file")
	}
	if got := names(t, dir); got != "copy.db copy.db-wal link" {
		t.Errorf("a backup that fails leaves something: %s", got)
	}
	if err := os.Remove(to + "-wal"); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Backup(t.Context(), path, to, true); err != nil {
		t.Fatal(err)
	}
	if got := check(t, to); got != "" {
		t.Error(got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	late := filepath.Join(dir, "late.db")
	if err := sqlite.Backup(ctx, path, late, false); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: got %v", err)
	}
	if _, err := os.Stat(late); err == nil {
		t.Error("a backup that was stopped has left a file")
	}
}
