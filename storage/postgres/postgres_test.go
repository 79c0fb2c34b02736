package postgres_test

import (
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

func open(t testing.TB, url string) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), url, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return db
}
