//go:build unix

package postgres_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bluefin-hpo/bluefin/internal/pgtest"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/postgres"
	"github.com/bluefin-hpo/bluefin/trial"
)

// as returns the URL for another user.
func as(t *testing.T, text, user string) string {
	return with(t, text, func(u *url.URL) { u.User = url.UserPassword(user, "secret") })
}

// A user who owns nothing works with the rights that the guide names, whatever the names of users and
// schemas. The triggers write to the owner's tables, though the user has temporary ones of the same
// name.
func TestAnotherUser(t *testing.T) {
	server := pgtest.Start(t)
	at := server.Database(t)
	server.SQL(t, at, `CREATE USER "we're ""odd""" PASSWORD 'secret'; CREATE SCHEMA "a, b"`)
	inSchema := with(t, at, func(u *url.URL) { u.RawQuery += "&search_path=" + url.PathEscape(`"a, b"`) })
	owner := open(t, inSchema)
	s, err := owner.Create(t.Context(), "s", []trial.Direction{trial.Minimize})
	if err != nil {
		t.Fatal(err)
	}
	owner.Close()
	if _, err := postgres.Open(t.Context(), as(t, inSchema, `we're "odd"`), postgres.Options{Patience: time.Second}); err == nil {
		t.Fatal("a user without rights opened the database")
	} else {
		t.Log(err)
	}
	server.SQL(t, at, `GRANT USAGE ON SCHEMA "a, b" TO "we're ""odd""";
		GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "a, b" TO "we're ""odd""";
		GRANT USAGE ON ALL SEQUENCES IN SCHEMA "a, b" TO "we're ""odd"""`)
	db := open(t, as(t, inSchema, `we're "odd"`))
	defer db.Close()
	if _, err := db.Add(t.Context(), s.ID, &trial.Trial{Number: -1, State: trial.Complete, Values: []float64{1}}); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), as(t, inSchema, `we're "odd"`))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), `CREATE TEMP TABLE bluefin_studies (study_id int, revision bigint, begun int, finished int);
		INSERT INTO trials (number, study_id, state) VALUES (1, `+fmt.Sprint(s.ID)+`, 'FAIL')`); err != nil {
		t.Fatal(err)
	}
	if c, err := db.Since(t.Context(), s.ID, 0); err != nil || len(c.Trials) != 2 {
		t.Errorf("got %d trials, %v, want 2", len(c.Trials), err)
	}
}

// Opening a database forgets writers that ended long ago.
func TestOldWritersAreForgotten(t *testing.T) {
	server := pgtest.Start(t)
	at := server.Database(t)
	db := open(t, at)
	if _, err := db.Create(t.Context(), "s", []trial.Direction{trial.Minimize}); err != nil {
		t.Fatal(err)
	}
	db.Close()
	server.SQL(t, at, `UPDATE bluefin_writers SET at = at - interval '2 days'; INSERT INTO bluefin_writers VALUES ('recent', 1)`)
	open(t, at).Close()
	if got := server.SQL(t, at, `SELECT writer FROM bluefin_writers`); got != "recent" {
		t.Errorf("the writers are %q, want the recent one", got)
	}
}

// Defaults that the administrator sets for a database change no result.
func TestDefaultsOfTheDatabase(t *testing.T) {
	server := pgtest.Start(t)
	for _, setting := range []string{"default_transaction_isolation = 'serializable'", "idle_in_transaction_session_timeout = '1s'",
		"standard_conforming_strings = off", "extra_float_digits = 0", "bytea_output = 'escape'", "timezone = 'Asia/Kolkata'",
		"datestyle = 'German'", "lock_timeout = '1ms'"} {
		at := server.Database(t)
		server.SQL(t, at, "ALTER DATABASE "+strings.TrimPrefix(mustParse(t, at).Path, "/")+" SET "+setting)
		db := open(t, at)
		s, err := db.Create(t.Context(), `a\'b`, []trial.Direction{trial.Minimize})
		if err != nil {
			t.Fatalf("%s: %v", setting, err)
		}
		want := &trial.Trial{Number: -1, State: trial.Complete, Values: []float64{0.1 + 0.2}}
		if _, err := db.Add(t.Context(), s.ID, want); err != nil {
			t.Errorf("%s: %v", setting, err)
		}
		best, err := db.Best(t.Context(), s.ID)
		if err != nil || best.Values[0] != want.Values[0] || time.Since(best.Start).Abs() > time.Hour {
			t.Errorf("%s: got %+v, %v", setting, best, err)
		}
		db.Close()
	}
	// A limit on statements is the administrator's to set: one clear line.
	at := server.Database(t)
	open(t, at).Close()
	server.SQL(t, at, "ALTER DATABASE "+strings.TrimPrefix(mustParse(t, at).Path, "/")+" SET statement_timeout = '300ms'")
	db := open(t, at)
	defer db.Close()
	s, err := db.Create(t.Context(), "s", []trial.Direction{trial.Minimize})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), `BEGIN; SELECT FROM studies FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	_, err = db.Add(t.Context(), s.ID, &trial.Trial{Number: -1, State: trial.Failed})
	if err == nil || !strings.Contains(err.Error(), "statement timeout") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v, want one line about the statement timeout", err)
	}
}

func mustParse(t *testing.T, text string) *url.URL {
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// A checkpoint of the largest size goes in and comes back.
func TestLargestCheckpoint(t *testing.T) {
	if testing.Short() {
		t.Skip("512 MB")
	}
	server := pgtest.New(t, pgtest.Config{})
	db := open(t, server.Database(t))
	defer db.Close()
	s, err := db.Create(t.Context(), "s", []trial.Direction{trial.Minimize})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Begin(t.Context(), s.ID, storage.Claim{Lease: storage.Lease{Owner: "w", Duration: time.Hour}}); err != nil {
		t.Fatal(err)
	}
	data := make([]byte, storage.MaxCheckpoint)
	for i := range data {
		data[i] = byte(i * i >> 7)
	}
	if err := db.Write(t.Context(), s.ID, 0, storage.Update{Owner: "w", Checkpoint: &storage.Checkpoint{Step: 1, Data: data}}); err != nil {
		t.Fatal(err)
	}
	c, err := db.Checkpoint(t.Context(), s.ID, 0)
	if err != nil || string(c.Data) != string(data) {
		t.Errorf("got %d bytes, %v", len(c.Data), errors.Unwrap(err))
	}
}

// What a reader has seen survives the death of the server, though its writer did not wait for the
// disk.
func TestWhatWasReadIsDurable(t *testing.T) {
	server := pgtest.New(t, pgtest.Config{Settings: map[string]string{"wal_writer_delay": "10s", "bgwriter_delay": "10s"}})
	at := server.Database(t)
	db := open(t, at)
	s, err := db.Create(t.Context(), "s", []trial.Direction{trial.Minimize})
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	for i, readOnly := range []bool{false, true, false, true} {
		db, err := postgres.Open(t.Context(), at, postgres.Options{ReadOnly: readOnly})
		if err != nil {
			t.Fatal(err)
		}
		server.SQL(t, at, fmt.Sprintf(`SET synchronous_commit = off;
			INSERT INTO trials (number, study_id, state) VALUES (%d, %d, 'FAIL')`, i, s.ID))
		seen := 0
		if i < 2 {
			c, err := db.Since(t.Context(), s.ID, 0)
			if err != nil {
				t.Fatal(err)
			}
			seen = len(c.Trials)
		} else {
			tally, err := db.Tally(t.Context(), s.ID)
			if err != nil {
				t.Fatal(err)
			}
			seen = tally.States[trial.Failed]
		}
		server.Kill(t)
		server.Start(t)
		db.Close()
		if got := server.SQL(t, at, `SELECT count(*) FROM trials`); seen != i+1 || got != fmt.Sprint(seen) {
			t.Fatalf("a reader saw %d trials, want %d; after the crash there are %s", seen, i+1, got)
		}
	}
}

// Programs that find an empty database at once make its tables once.
func TestOpenedAtOnce(t *testing.T) {
	at := pgtest.Start(t).Database(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			db, err := postgres.Open(t.Context(), at, postgres.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			db.Close()
		})
	}
	wg.Wait()
}

// A database is opened while another program is making its tables: Optuna makes alembic_version after
// all others.
func TestOpenedWhileTablesAreMade(t *testing.T) {
	server := pgtest.Start(t)
	at := server.Database(t)
	db, err := postgres.Open(t.Context(), at, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	for _, table := range []string{"alembic_version", "trials"} {
		for _, readOnly := range []bool{false, true} {
			server.SQL(t, at, `ALTER TABLE `+table+` RENAME TO later`)
			var wg sync.WaitGroup
			wg.Go(func() {
				db, err := postgres.Open(t.Context(), at, postgres.Options{ReadOnly: readOnly})
				if err != nil {
					t.Errorf("without %s at first: %v", table, err)
					return
				}
				db.Close()
			})
			time.Sleep(400 * time.Millisecond)
			server.SQL(t, at, `ALTER TABLE later RENAME TO `+table)
			wg.Wait()
		}
	}
}
