package sqlite_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/storage/sqlite"
)

// A second name has a log of its own, and what is written by one name would
// overwrite what is written by the other.
func TestAFileWithTwoNamesIsRefused(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first.db"), filepath.Join(dir, "second.db")
	if err := open(t, first).Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(first, second); err != nil {
		t.Skipf("no hard links here: %v", err)
	}
	for _, path := range []string{first, second} {
		for name, use := range map[string]func() error{
			"create": func() error { _, err := sqlite.Open(t.Context(), path, sqlite.Options{}); return err },
			"read": func() error {
				_, err := sqlite.Open(t.Context(), path, sqlite.Options{ReadOnly: true})
				return err
			},
			"check": func() error { _, _, err := sqlite.Check(t.Context(), path); return err },
			"backup": func() error {
				return sqlite.Backup(t.Context(), path, filepath.Join(dir, "copy.db"), false)
			},
			"upgrade": func() error { _, err := sqlite.Upgrade(t.Context(), path); return err },
		} {
			if err := use(); err == nil || !strings.Contains(err.Error(), "it has 2 names") || !strings.Contains(err.Error(), path) {
				t.Errorf("%s %s: got %v", name, path, err)
			}
		}
	}
	if err := os.Remove(second); err != nil {
		t.Fatal(err)
	}
	if err := open(t, first).Close(); err != nil {
		t.Error(err)
	}
	checkFolder(t, dir, "first.db", "first.db.lock")
}

// Symbolic links lead to one log and one lock, also those that were made
// before the file.
func TestSymbolicLinksLeadToOneFile(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"home", "links"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for to, from := range map[string]string{"home": "alias", "../alias/study.db": "links/s.db", "s.db": "links/again.db", "loop.db": "loop.db"} {
		if err := os.Symlink(filepath.FromSlash(to), filepath.Join(dir, filepath.FromSlash(from))); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	a := open(t, filepath.Join(dir, "links", "again.db"))
	defer a.Close()
	b := open(t, filepath.Join(dir, "home", "study.db"))
	defer b.Close()
	for name, db := range map[string]*sqlite.DB{"a": a, "b": b} {
		if _, err := db.Create(t.Context(), name, minimize); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := a.Studies(t.Context()); err != nil || len(all) != 2 {
		t.Errorf("got %v, %v", all, err)
	}
	checkFolder(t, filepath.Join(dir, "home"), "study.db", "study.db-shm", "study.db-wal", "study.db.lock")
	checkFolder(t, filepath.Join(dir, "links"), "again.db", "s.db")
	if _, err := sqlite.Open(t.Context(), filepath.Join(dir, "loop.db"), sqlite.Options{}); err == nil {
		t.Error("a link to itself was opened")
	}
}

// A file that is not a study is not changed, and nothing appears beside it.
func TestWhatIsNoStudyStaysAsItIs(t *testing.T) {
	dir := t.TempDir()
	text, other := filepath.Join(dir, "text.db"), filepath.Join(dir, "other.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("Dear reader. ", 100)), 0o644); err != nil {
		t.Fatal(err)
	}
	script(t, other, `CREATE TABLE customers (id)`)
	for _, path := range []string{text, other} {
		before, _ := os.ReadFile(path)
		for _, o := range []sqlite.Options{{}, {MustExist: true}, {ReadOnly: true}} {
			if _, err := sqlite.Open(t.Context(), path, o); err == nil {
				t.Errorf("%s was opened", path)
			}
		}
		if _, err := sqlite.Upgrade(t.Context(), path); err == nil {
			t.Errorf("%s was upgraded", path)
		}
		if after, _ := os.ReadFile(path); !slices.Equal(before, after) {
			t.Errorf("%s was changed", path)
		}
	}
	checkFolder(t, dir, "other.db", "text.db")
}

// checkFolder fails unless dir has files of exactly these names, in order.
func checkFolder(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if !slices.Equal(names, want) {
		t.Errorf("the folder has %q, want %q", names, want)
	}
}
