//go:build unix

package postgres_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bluefin-hpo/bluefin/internal/pgtest"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/postgres"
	"github.com/bluefin-hpo/bluefin/trial"
)

// with returns the URL after a change.
func with(t testing.TB, text string, change func(*url.URL)) string {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	change(u)
	return u.String()
}

func TestErrorsAreOneLineAndKeepThePassword(t *testing.T) {
	server := pgtest.Start(t)
	good := server.Database(t)
	server.SQL(t, good, `CREATE ROLE writes_nothing LOGIN PASSWORD 'swordfish'; ALTER ROLE writes_nothing SET default_transaction_read_only = on;
		CREATE ROLE stranger LOGIN PASSWORD 'swordfish'`)
	foreign, ours, old := server.Database(t), server.Database(t), server.Database(t)
	server.SQL(t, foreign, `CREATE TABLE alembic_version (version_num TEXT); INSERT INTO alembic_version VALUES ('mlflow')`)
	server.SQL(t, ours, `CREATE TABLE trials (id INT)`)
	open(t, old).Close()
	server.SQL(t, old, `UPDATE alembic_version SET version_num = 'v3.0.0.a'`)
	for name, c := range map[string]struct {
		url  string
		o    postgres.Options
		want string
		is   error
	}{
		"another scheme":   {url: "mysql://u:swordfish@h/db", want: `its URL starts with "mysql://", want postgresql://`},
		"no port":          {url: "postgresql://u:swordfish@h:port/db", want: "its URL is invalid"},
		"a bad escape":     {url: "postgresql://u:swordfish%zz@h/db", want: "special characters as %XX"},
		"an unknown mode":  {url: "postgresql://u:swordfish@h/db?sslmode=swordfish", want: "its URL is invalid"},
		"no connections":   {url: good + "&pool_max_conns=0", want: `pool_max_conns is "0" in its URL, want a number of at least 1`},
		"nobody listens":   {url: "postgresql://u:swordfish@127.0.0.1:1/db", want: "the server cannot be reached"},
		"no such host":     {url: "postgresql://u:swordfish@nowhere.invalid/db", want: "the server cannot be reached"},
		"a wrong password": {url: with(t, good, func(u *url.URL) { u.User = url.UserPassword(pgtest.User, "sword fish") }), want: "the server refuses the user or the password", is: fs.ErrPermission},
		"no such database": {url: with(t, good, func(u *url.URL) { u.Path = "/nowhere" }), want: "there is no such database, make it with `createdb`", is: fs.ErrNotExist},
		"a replica":        {url: with(t, good, func(u *url.URL) { u.User = url.UserPassword("writes_nothing", "swordfish") }), want: "the storage is read-only", is: storage.ErrReadOnly},
		"no rights":        {url: with(t, good, func(u *url.URL) { u.User = url.UserPassword("stranger", "swordfish") }), want: "the user lacks a right", is: fs.ErrPermission},
		"another program":  {url: foreign, want: `alembic_version ("mlflow") belongs to another program`},
		"others' trials":   {url: ours, want: "are not Optuna's"},
		"an old revision":  {url: old, want: `Optuna's revision "v3.0.0.a", want "v3.2.0.a"`},
		"nothing there":    {url: good, o: postgres.Options{MustExist: true}, want: "no study was ever saved there", is: fs.ErrNotExist},
		"nothing to read":  {url: good, o: postgres.Options{ReadOnly: true}, want: "no study was ever saved there", is: fs.ErrNotExist},
	} {
		t.Run(name, func(t *testing.T) {
			c.o.Patience = 100 * time.Millisecond
			db, err := postgres.Open(t.Context(), c.url, c.o)
			if err == nil {
				db.Close()
				t.Fatal("it opens")
			}
			text := err.Error()
			t.Log(text)
			if !strings.Contains(text, c.want) || strings.Contains(text, "swordfish") || strings.Contains(text, "\n") || len(text) > 500 {
				t.Errorf("got %q, want one line with %q", text, c.want)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("got %v, want an error that matches %v", err, c.is)
			}
		})
	}
}

func TestThePasswordMayComeFromElsewhere(t *testing.T) {
	server := pgtest.Start(t)
	full := server.Database(t)
	bare := with(t, full, func(u *url.URL) { u.User = url.User(pgtest.User); u.Scheme = "postgresql+psycopg2" })
	t.Run("PGPASSWORD", func(t *testing.T) {
		t.Setenv("PGPASSWORD", pgtest.Password)
		open(t, bare).Close()
	})
	t.Run("PGPASSFILE", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "pgpass")
		if err := os.WriteFile(file, fmt.Appendf(nil, "127.0.0.1:%d:*:%s:%s\n", server.Port, pgtest.User, pgtest.Password), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PGPASSFILE", file)
		open(t, bare).Close()
	})
}

// A worker waits for a connection to become free, and says so if none does.
func TestAllConnectionsAreTaken(t *testing.T) {
	server := pgtest.New(t, pgtest.Config{Settings: map[string]string{"max_connections": "6", "superuser_reserved_connections": "1"}})
	url := server.Database(t)
	var all []*pgx.Conn
	for {
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			break
		}
		all = append(all, conn)
	}
	db, err := postgres.Open(t.Context(), url, postgres.Options{Patience: 300 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "no connection left (max_connections)") || !strings.Contains(err.Error(), "tried for ") {
		t.Fatalf("got %v, %v", db, err)
	}
	time.AfterFunc(300*time.Millisecond, func() {
		for _, conn := range all {
			conn.Close(t.Context())
		}
	})
	open(t, url).Close()
}

// Optuna's tables, and those of others beside them, gain ours when they are opened to write, and
// can be read without.
func TestOptunaTablesGainOursWhenWritten(t *testing.T) {
	server := pgtest.Start(t)
	at := server.Database(t)
	ddl, err := os.ReadFile("optuna.sql")
	if err != nil {
		t.Fatal(err)
	}
	server.SQL(t, at, `CREATE TABLE invoices (id INT); `+string(ddl)+`
		INSERT INTO studies VALUES (3, 's');
		INSERT INTO study_directions VALUES (1, 'MAXIMIZE', 3, 0);
		INSERT INTO trials VALUES (5, 0, 3, 'COMPLETE', '2026-01-01 10:00:00.000001', '2026-01-01 10:00:02.5'),
			(6, 1, 3, 'WAITING', NULL, NULL), (7, 2, 3, 'FAIL', '2026-01-01 10:00:00', '2026-01-01 10:00:01.000000');
		SELECT setval('trials_trial_id_seq', 7), setval('studies_study_id_seq', 3);
		INSERT INTO trial_params VALUES (1, 5, 'b', 0.5, '{"name": "UniformDistribution", "attributes": {"low": 0, "high": 1}}'),
			(2, 5, 'a', 1.0, '{"name": "CategoricalDistribution", "attributes": {"choices": [null, NaN]}}');
		INSERT INTO trial_values VALUES (1, 5, 0, NULL, 'INF_NEG');
		INSERT INTO trial_system_attributes VALUES (1, 5, 'constraints', '[-1.5, 2]'), (2, 5, 'cma:generation', '4');`)
	check := func(o postgres.Options) *postgres.DB {
		t.Helper()
		db, err := postgres.Open(t.Context(), at, o)
		if err != nil {
			t.Fatal(err)
		}
		s, err := db.Load(t.Context(), "s")
		if err != nil || s.Directions[0] != trial.Maximize {
			t.Fatal(s, err)
		}
		c, err := db.Since(t.Context(), s.ID, 0)
		if err != nil || len(c.Trials) != 3 {
			t.Fatal(c, err)
		}
		if got := fmt.Sprint(c.Trials[0].Number, c.Trials[1].Number, c.Trials[2].Number); got != "2 0 1" {
			t.Errorf("finished trials come in the order of their end: got %v", got)
		}
		tr := c.Trials[1]
		if got := fmt.Sprintln(tr.Params[0].Name, tr.Params[1].Name, tr.Values, tr.Constraints, string(tr.SystemAttrs["cma:generation"]), tr.End.Sub(tr.Start)); got != "b a [-Inf] map[0:-1.5 1:2] 4 2.499999s\n" {
			t.Errorf("got %s", got)
		}
		return db
	}
	db := check(postgres.Options{ReadOnly: true})
	if _, err := db.Create(t.Context(), "x", []trial.Direction{trial.Minimize}); !errors.Is(err, storage.ErrReadOnly) {
		t.Errorf("Create: got %v", err)
	}
	if _, _, ok, err := db.CheckpointSize(t.Context(), 3, 0); ok || err != nil || db.Tracked() {
		t.Errorf("without our tables there are no checkpoints and no revisions: got %v, %v", ok, err)
	}
	if _, err := db.Checkpoint(t.Context(), 3, 0); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("Checkpoint: got %v", err)
	}
	if w, err := db.Workers(t.Context(), 3); err != nil || len(w) != 0 {
		t.Errorf("Workers: got %v, %v", w, err)
	}
	if best, err := db.Best(t.Context(), 3); !errors.Is(err, storage.ErrNotExist) { // it violates a constraint
		t.Errorf("Best: got %v, %v", best, err)
	}
	db.Close()
	if got := server.SQL(t, at, `SELECT count(*) FROM pg_class WHERE relname LIKE 'bluefin%'`); got != "0" {
		t.Errorf("reading has made %s tables and indexes", got)
	}
	db = check(postgres.Options{MustExist: true})
	defer db.Close()
	first, err := db.Begin(t.Context(), 3, storage.Claim{Lease: storage.Lease{Owner: "w", Duration: time.Hour}})
	if err != nil || first.Number != 1 {
		t.Fatalf("the queued trial starts first: got %+v, %v", first, err)
	}
	next, err := db.Begin(t.Context(), 3, storage.Claim{Lease: storage.Lease{Owner: "v", Duration: time.Hour}})
	if err != nil || next.Number != 3 {
		t.Fatalf("numbers continue: got %+v, %v", next, err)
	}
	// A change by another program is seen.
	c, _ := db.Since(t.Context(), 3, 0)
	server.SQL(t, at, `UPDATE trials SET state = 'FAIL', datetime_complete = '2026-01-01 10:00:03.000000' WHERE number = 3;`)
	c, err = db.Since(t.Context(), 3, c.Revision)
	if err != nil || len(c.Trials) != 1 || c.Trials[0].Number != 3 || c.Trials[0].State != trial.Failed {
		t.Errorf("got %+v, %v", c, err)
	}
	if err := db.Write(t.Context(), 3, 3, storage.Update{Owner: "v"}); !errors.Is(err, storage.ErrFinished) {
		t.Errorf("a trial that another program has failed: got %v", err)
	}
	// What the tables cannot hold is refused as invalid.
	for what, u := range map[string]storage.Update{
		"a step of 40 bits": {Reports: []trial.Report{{Step: 1 << 40}}},
		"a zero byte":       {UserAttrs: map[string]json.RawMessage{"a\x00": json.RawMessage("1")}},
	} {
		if err := db.Write(t.Context(), 3, 1, u); !errors.Is(err, storage.ErrInvalid) {
			t.Errorf("%s: got %v", what, err)
		} else {
			t.Log(err)
		}
	}
}
