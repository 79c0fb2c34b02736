// Package sqlite keeps studies in a SQLite file that is an Optuna study file:
// Optuna 3.2 to 5 and its dashboard open it with nothing converted, and this
// package opens theirs. What Bluefin knows beyond Optuna lies in extra tables,
// kept up by triggers inside the file, so that they are right even when an
// Optuna process writes to it.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/bluefin-hpo/bluefin/storage"
)

// Options say how a study file is opened. The zero value reads and writes,
// creates a missing file, and loses nothing in a power cut.
type Options struct {
	ReadOnly  bool // change nothing in the file, which must exist
	MustExist bool // do not create a missing file

	// NoSync makes commits not wait for the disk (SQLite's synchronous=NORMAL
	// instead of FULL): a power cut or a crash of the system may take back the
	// last ones. It leaves a sound file, and a process that is killed loses
	// nothing either way.
	NoSync bool
}

// ErrCorrupt is matched by the error of Open and of every method if the file
// is no SQLite database, or a damaged one.
var ErrCorrupt = errors.New("not a sound SQLite database")

// A DB is a storage.Storage in a SQLite file, in WAL mode. Any number of
// processes on one machine may use the file; those of this package take turns
// at writing.
type DB struct {
	path    string  // for messages; "" until it is open, and the caller names it
	frozen  *frozen // nil if it is read under locks
	pools   []*sqlx.DB
	writer  *writer       // nil if read-only
	readers chan *session // those that are free
	open    int           // how many readers there are
	closed  chan struct{} // closed by Close
	orphans orphans
	large   atomic.Bool // large checkpoints were written or read
}

var errClosed = errors.New("the study file is closed")

var _ storage.Storage = (*DB)(nil)

// Open opens the study file at path. A file that Optuna made gains Bluefin's
// tables unless it is opened read-only. The error matches fs.ErrNotExist if the
// file is missing and may not be made.
func Open(ctx context.Context, path string, o Options) (*DB, error) {
	db, err := open(ctx, path, o)
	if err != nil {
		return nil, fmt.Errorf("open study file %s: %w", path, err)
	}
	return db, nil
}

func open(ctx context.Context, path string, o Options) (*DB, error) {
	abs, err := locate(path, o)
	if err != nil {
		return nil, err
	}
	// Without this, SQLite's locks would be lost when any part of this process
	// opens and closes the file by other means. Where there is no such locking,
	// SQLite's own will do.
	_, _ = sqlite.OFDLocking(true)
	db := &DB{closed: make(chan struct{})}
	if o.ReadOnly {
		err = db.openReadOnly(ctx, abs)
	} else {
		err = db.openReadWrite(ctx, abs, o)
	}
	if err != nil {
		db.Close()
		return nil, explain(err)
	}
	db.path = path
	return db, nil
}

// busyWait is how long SQLite waits for a writer that takes no turns, such as
// Optuna; busyTimeout says it to SQLite, in milliseconds.
const (
	busyWait    = 30 * time.Second
	busyTimeout = "busy_timeout(30000)"
)

func (db *DB) openReadWrite(ctx context.Context, abs string, o Options) error {
	synchronous := "synchronous(FULL)"
	if o.NoSync {
		synchronous = "synchronous(NORMAL)"
	}
	pool, err := db.connect(abs, url.Values{
		"mode":    {"rw"},
		"_pragma": {busyTimeout, "foreign_keys(1)", "journal_size_limit(67108864)", synchronous},
	})
	if err != nil {
		return err
	}
	s, err := newSession(ctx, pool)
	if err != nil {
		return cause(ctx, err)
	}
	// A file that is not a study stays as it is, also its journal mode.
	if err := s.snapshot(ctx, func(t *tx) error { _, err := inspect(t); return err }); err != nil {
		return errors.Join(cause(ctx, err), s.close())
	}
	turn := newTurn(abs + ".lock")
	if err := turn.take(ctx); err != nil {
		return errors.Join(err, s.close(), turn.close())
	}
	if err = useWAL(ctx, s); err != nil {
		s.close()
	}
	turn.give()
	if err != nil {
		return errors.Join(cause(ctx, err), turn.close())
	}
	db.writer = newWriter(abs, s, turn)
	if err := db.write(ctx, migrate); err != nil {
		return err
	}
	if pool, err = db.connect(abs, url.Values{"mode": {"rw"}, "_pragma": {busyTimeout, "query_only(1)"}}); err != nil {
		return err
	}
	return db.openReaders(ctx, pool, max(4, runtime.GOMAXPROCS(0)))
}

// useWAL switches the file to WAL mode. SQLite does not wait for the lock that
// this takes, so it is asked again.
func useWAL(ctx context.Context, s *session) error {
	for deadline := time.Now().Add(busyWait); ; {
		mode := ""
		err := s.conn.GetContext(ctx, &mode, `PRAGMA journal_mode = WAL`)
		var e *sqlite.Error
		if busy := errors.As(err, &e) && primary(e) == sqlite3.SQLITE_BUSY; !busy || time.Now().After(deadline) {
			if err == nil && mode != "wal" {
				err = fmt.Errorf("its journal mode stays %q, want wal", mode)
			}
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// openReadOnly opens the file so that nothing in it changes. If Bluefin's
// tables are missing they are made as temporary ones, which lie outside of
// the file and belong to the one connection.
func (db *DB) openReadOnly(ctx context.Context, abs string) error {
	if err := db.openReader(ctx, abs); err != nil {
		return err
	}
	if err := db.read(ctx, checkReadable); err != nil {
		return err
	}
	s := <-db.readers
	defer func() { db.readers <- s }()
	return s.exec(ctx, `PRAGMA query_only = 1`)
}

// openReader opens one reader that leaves nothing beside the file. The caller
// must not write by it.
func (db *DB) openReader(ctx context.Context, abs string) error {
	// A connection that could write removes the files beside a WAL database
	// when it is the last to close; one that could not would leave them.
	params := url.Values{"mode": {"rw"}, "_pragma": {busyTimeout}}
	if writable(abs) != nil {
		params.Set("mode", "ro")
		_, noLog := os.Stat(abs + "-wal")
		_, noIndex := os.Stat(abs + "-shm")
		switch {
		case errors.Is(noLog, fs.ErrNotExist):
			params.Set("immutable", "1") // nobody is writing
			db.frozen = freeze(abs)
		case errors.Is(noIndex, fs.ErrNotExist):
			return fmt.Errorf("%s-wal holds writes that are not in the file yet, and reading them takes the right to write to the file and in its folder: "+
				"copy both files to a folder of your own and use the copy", abs)
		default:
			params.Set("readonly_shm", "1") // else SQLite would make one if it goes now
		}
	}
	pool, err := db.connect(abs, params)
	if err != nil {
		return err
	}
	return db.openReaders(ctx, pool, 1)
}

func (db *DB) openReaders(ctx context.Context, pool *sqlx.DB, n int) error {
	db.readers = make(chan *session, n)
	for range n {
		s, err := newSession(ctx, pool)
		if err != nil {
			return err
		}
		db.open++
		db.readers <- s
	}
	return nil
}

func (db *DB) connect(abs string, params url.Values) (*sqlx.DB, error) {
	dsn := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(abs)}).EscapedPath(), RawQuery: params.Encode()}
	pool, err := sqlx.Open("sqlite", dsn.String())
	if err == nil {
		db.pools = append(db.pools, pool)
	}
	return pool, err
}

// Close ends the use of the file, once the methods that are running have
// ended. To be called once. The last process
// that closes it leaves one file, without a -wal beside it.
func (db *DB) Close() error {
	var errs []error
	close(db.closed)
	for range db.open {
		errs = append(errs, (<-db.readers).close())
	}
	if db.writer != nil {
		errs = append(errs, db.writer.close())
	}
	for _, pool := range db.pools {
		errs = append(errs, pool.Close())
	}
	return errors.Join(errs...)
}
