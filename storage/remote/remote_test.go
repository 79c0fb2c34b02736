package remote_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/remote"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/storage/storagetest"
)

// file opens a study file.
func file(t testing.TB, path string) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// serve serves a handler and opens the storage there.
func serve(t testing.TB, h http.Handler, o remote.Options) *remote.DB {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	db, err := remote.Open(t.Context(), server.URL, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestRemote(t *testing.T) {
	storagetest.Run(t, func(t testing.TB) storage.Storage {
		return serve(t, remote.Handler(file(t, filepath.Join(t.TempDir(), "s.db"))), remote.Options{})
	})
}

func TestRemoteShowsWhatItHas(t *testing.T) {
	storagetest.RunViewer(t, func(t testing.TB) storage.Viewer {
		return serve(t, remote.Handler(file(t, filepath.Join(t.TempDir(), "s.db"))), remote.Options{})
	})
}
