package main

import (
	"path/filepath"
	"testing"
)

// Optuna sees in the imported studies what it sees in its journal.
func TestOptunasJournalIsImported(t *testing.T) {
	python(t)
	log, db := filepath.Join(t.TempDir(), "journal.log"), filepath.Join(t.TempDir(), "s.db")
	script(t, "journal.py", "write", log)
	for _, name := range []string{"größe 日本", "two"} {
		bluefin(t, "import-study", "-i", log, "--storage", db, "--study-name", name)
	}
	script(t, "journal.py", "compare", log, db)
}
