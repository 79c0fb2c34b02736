package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/storage/storagetest"
)

func TestSQLite(t *testing.T) {
	storagetest.Run(t, func(t testing.TB) storage.Storage { return open(t, filepath.Join(t.TempDir(), "study.db")) })
}

func open(t testing.TB, path string) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func TestSQLiteShowsWhatItHas(t *testing.T) {
	storagetest.RunViewer(t, func(t testing.TB) storage.Viewer { return open(t, filepath.Join(t.TempDir(), "study.db")) })
}
