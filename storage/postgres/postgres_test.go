//go:build unix

package postgres_test

import (
	"net/url"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/pgtest"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/postgres"
	"github.com/bluefin-hpo/bluefin/storage/storagetest"
)

func TestPostgres(t *testing.T) {
	server := pgtest.Start(t)
	storagetest.Run(t, func(t testing.TB) storage.Storage { return open(t, server.Database(t)) })
}

// Through pgbouncer each transaction may have another connection.
func TestPooler(t *testing.T) {
	if testing.Short() {
		t.Skip("the suite once more")
	}
	server := pgtest.Start(t)
	pooler := server.Pooler(t, server.Database(t))
	host := ""
	with(t, pooler, func(u *url.URL) { host = u.Host })
	storagetest.Run(t, func(t testing.TB) storage.Storage {
		return open(t, with(t, server.Database(t), func(u *url.URL) { u.Host = host }))
	})
}

func open(t testing.TB, url string) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), url, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return db
}
