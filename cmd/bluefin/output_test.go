package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/storage/sqlite"
)

// No command writes over the study file or what lies beside it, whatever name
// it is called by, forced or not, also while a worker uses it.
func TestOutputIsNeverTheStudyFile(t *testing.T) {
	dir := t.TempDir()
	db, link, hard := filepath.Join(dir, "s.db"), filepath.Join(dir, "link.db"), filepath.Join(dir, "hard-wal")
	bluefin(t, "create-study", "--storage", db, "--study-name", "a")
	bluefin(t, "ask", "--storage", db)
	bluefin(t, "tell", "--storage", db, "--trial-number", "0", "--values", "1")
	worker, err := sqlite.Open(t.Context(), db, sqlite.Options{}) // keeps the -wal and the -shm in place
	if err != nil {
		t.Fatal(err)
	}
	defer worker.Close()
	for _, make := range []error{os.Symlink(db, link), os.Link(db+"-wal", hard)} {
		if make != nil {
			t.Fatal(make)
		}
	}
	before := contents(t, db)
	for _, command := range []string{"export", "export-study", "storage backup"} {
		for _, to := range []string{db, db + "-wal", db + "-shm", db + "-journal", db + ".lock", db + "-WAL", link, link + "-wal", hard, dir} {
			args := append(strings.Fields(command), "--storage", link, "--force", "-o", to)
			if _, stderr, code := status(t, args...); code == 0 || !strings.HasPrefix(stderr, "bluefin: ") || strings.Count(stderr, "\n") != 1 {
				t.Errorf("bluefin %s: exit code %d, %q, want one line that says why not", strings.Join(args, " "), code, stderr)
			}
		}
	}
	for name, text := range contents(t, db) {
		if !bytes.Equal(text, before[name]) {
			t.Errorf("%s has changed", name)
		}
	}
}

// contents are the study file and its log.
func contents(t *testing.T, db string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, name := range []string{db, db + "-wal"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = text
	}
	return all
}
