package study_test

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/pgtest"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/storage/postgres"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A database on a full disk says so, and keeps what it acknowledged.
func TestFaultsPostgresFullDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("it fills a disk")
	}
	dir, grow := smallDisk(t, 60<<20)
	// The folder of a test is only for root, which the server must not be.
	if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil {
		t.Fatal(err)
	}
	s := pgtest.New(t, pgtest.Config{Data: dir, Settings: map[string]string{"max_wal_size": "4MB"}})
	url := s.Database(t)
	acks := map[int]string{}
	text := func() string { // 100 KB that do not compress
		data := make([]byte, 50_000)
		rand.Read(data)
		return hex.EncodeToString(data)
	}
	heavy := func(tr *study.Trial) (float64, error) {
		v, err := sphere(tr)
		return v, errors.Join(err, tr.SetUserAttr("log", text()))
	}
	run := func(b study.Budget) error {
		db, err := postgres.Open(t.Context(), url, postgres.Options{Patience: 2 * time.Second})
		if err != nil {
			return err
		}
		defer db.Close()
		return open(t, db, func(c *study.Config) {
			c.Sampler, c.Lease = sampler.Random{}, time.Second
			c.OnTrialEnd = func(tr *trial.Trial) { acks[tr.Number] = ackOf(tr) }
		}).Optimize(t.Context(), heavy, b)
	}
	err := run(study.Budget{Trials: 10_000, Workers: 4})
	t.Logf("after %d trials: %v", len(acks), err)
	if err == nil || !strings.Contains(err.Error(), "the disk is full") && !strings.Contains(err.Error(), "No space left") {
		t.Errorf("got %v, want an error that says that the disk is full", err)
	}
	if n := len(acks); n < 20 || n > 9_000 {
		t.Errorf("%d trials fit on the disk", n)
	}
	grow(256 << 20)
	s.Restart(t)
	n := len(acks)
	if err := run(study.Budget{Trials: n + 20}); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if got := checkDatabase(t, s, url, acks); got != n+20 {
		t.Errorf("got %d trials, want %d", got, n+20)
	}
}
