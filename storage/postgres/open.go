// Package postgres keeps studies in a PostgreSQL database as Optuna does: Optuna 3.2 to 5 and
// its dashboard use the same tables at the same time. What Bluefin stores beyond Optuna is in
// tables of its own. Triggers maintain them, so they are right even when an Optuna process writes.
//
// docs/many-machines.md is the guide.
package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/internal/rdb"
)

// Options are the options of Open. The zero value reads and writes, and creates missing tables.
type Options struct {
	ReadOnly  bool // change nothing; the database must have Optuna's tables
	MustExist bool // do not make Optuna's tables, but Bluefin's beside them

	// Patience is how long a call keeps trying while the server is unreachable, restarts, or is out
	// of connections or disk space. 0: two minutes. Open waits at most ten seconds for a server
	// that it cannot reach at all.
	Patience time.Duration

	// Connections is the largest number of connections to the server, unless the parameter
	// pool_max_conns of the URL sets it. 0: two. A program that serves many workers needs more.
	Connections int
}

// A DB is a storage.Viewer in a PostgreSQL database. Any number of goroutines may use it, and
// any number of processes may open the database, Optuna's too.
type DB struct {
	*store
	pool     *sqlx.DB
	place    string        // of the database, for messages: no password; "" during Open, which adds it
	patience time.Duration // how long calls try again
	pooled   bool          // the connections go through a pooler
	standby  bool          // the server replicates another one and takes no writes
	readOnly bool
	prefix   string // before each query; see schema.go
	writers  chan *writer
	news     *listener
	trace    func(query string) // called before each statement, if not nil; for tests
}

// store has the methods of storage.Viewer that are the same for each database.
type store = rdb.DB

var _ storage.Viewer = (*DB)(nil)

// Open opens the database at a postgresql:// URL, as psql or SQLAlchemy take it: host, port,
// user, password and sslmode may also come from the environment (PGHOST, PGPASSWORD, …), and the
// password from .pgpass. It adds Bluefin's tables to those of Optuna, unless ReadOnly is set. The
// error matches fs.ErrNotExist if there are no tables and they must exist, and
// storage.ErrReadOnly if the server takes no writes.
func Open(ctx context.Context, url string, o Options) (*DB, error) {
	config, connections, err := parse(url)
	if err != nil {
		return nil, fmt.Errorf("open study database: %w", err)
	}
	where := place(config)
	db := &DB{
		patience: cmp.Or(o.Patience, 2*time.Minute),
		readOnly: o.ReadOnly,
		writers:  make(chan *writer, cmp.Or(connections, o.Connections, 2)),
	}
	db.store = rdb.New(db.read, db.write, where)
	if err := db.open(ctx, config, o); err != nil {
		return nil, fmt.Errorf("open study database %s: %w", where, explain(errors.Join(err, db.Close())))
	}
	db.place = where
	return db, nil
}

func (db *DB) open(ctx context.Context, config *pgx.ConnConfig, o Options) error {
	if err := db.probe(ctx, config); err != nil {
		return err
	}
	if db.pooled && config.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement {
		// The statements that one connection has prepared are unknown to the next.
		config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	db.pool = sqlx.NewDb(stdlib.OpenDB(*config), "pgx")
	db.pool.SetMaxOpenConns(cap(db.writers))
	db.pool.SetMaxIdleConns(cap(db.writers))
	for range cap(db.writers) {
		db.writers <- &writer{name: uuid.NewString()}
	}
	db.news = newListener(db)
	if o.ReadOnly {
		return db.inspectReadOnly(ctx)
	}
	if db.standby {
		return fmt.Errorf("%w: the server is a standby, which takes no writes; "+
			"name the primary, or all servers and target_session_attrs=read-write", storage.ErrReadOnly)
	}
	if err := db.migrate(ctx, o.MustExist); err != nil {
		return err
	}
	// A writer looks up its row within db.patience. This only saves room, so an error may wait for
	// the next program.
	_ = db.session(ctx, func(s *session) error {
		s.queue(`DELETE FROM bluefin_writers WHERE writer IN (
			SELECT writer FROM bluefin_writers WHERE at < now() - interval '1 day' FOR UPDATE SKIP LOCKED)`)
		return s.flush(ctx)
	})
	return nil
}

// oldest is the first version of PostgreSQL that has all that is used here.
const oldest = 12_00_00

// probe looks at the server through a connection of its own.
func (db *DB) probe(ctx context.Context, config *pgx.ConnConfig) error {
	simple := config.Copy()
	simple.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol // needs to know nothing
	return db.retry(ctx, min(db.patience, 10*time.Second), func() error {
		conn, err := pgx.ConnectConfig(ctx, simple)
		if err != nil {
			return unreachable(err)
		}
		defer conn.Close(context.WithoutCancel(ctx))
		version, pid := 0, uint32(0)
		if err := conn.QueryRow(ctx, `
			SELECT current_setting('server_version_num')::int, pg_backend_pid(), pg_is_in_recovery()`).
			Scan(&version, &pid, &db.standby); err != nil {
			return unreachable(err)
		}
		if version < oldest {
			return fmt.Errorf("the server is PostgreSQL %d, want at least %d", version/10000, oldest/10000)
		}
		// A pooler has numbers of its own for its clients.
		db.pooled = conn.PgConn().PID() != pid
		return nil
	})
}

// Close closes the connections once the running calls have returned. Call it once.
func (db *DB) Close() error {
	if db.pool == nil {
		return nil
	}
	db.news.close()
	return db.pool.Close()
}
