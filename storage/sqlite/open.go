// Package sqlite keeps studies in a SQLite file that is an Optuna study file:
// Optuna 3.2 to 5 and its dashboard open it as it is, and this package opens
// theirs. What Bluefin stores beyond Optuna is in extra tables. Triggers in the
// file maintain them, so they are right even when an Optuna process writes.
//
// docs/study-file.md describes the file, its locks and its limits.
package sqlite

import (
	"cmp"
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
	"github.com/bluefin-hpo/bluefin/storage/internal/rdb"
)

// Options say how a study file is opened. The zero value reads and writes,
// creates a missing file, and loses nothing in a power cut.
type Options struct {
	ReadOnly  bool // change nothing in the file, which must exist
	MustExist bool // do not create a missing file

	// NoSync lets commits return before they are on the disk (SQLite's
	// synchronous=NORMAL instead of FULL): a power cut or a crash of the system
	// may undo the last ones. The file stays sound, and a killed process loses
	// nothing either way.
	NoSync bool

	// Name stands for path in messages, for servers that do not tell clients
	// where their files are. "" is path.
	Name string
}

// ErrCorrupt is matched by errors of Open and of every method if the file is
// damaged or not a SQLite database.
var ErrCorrupt = errors.New("not a sound SQLite database")

// A DB is a storage.Viewer in a SQLite file in WAL mode. Any number of
// goroutines may use it, and any number of processes on one machine may open the
// file. Writers take turns.
type DB struct {
	*store
	path    string  // for messages; "" during Open, which adds it itself
	frozen  *frozen // not nil if the file is read without locks
	pools   []*sqlx.DB
	writer  *writer       // nil if read-only
	readers chan *session // the free ones
	open    int           // number of readers
	closed  chan struct{} // closed by Close
	large   atomic.Bool   // large checkpoints were written or read

	untracked bool // no triggers count changes; see Tracked
}

// store has the methods of storage.Viewer that no file needs to know.
type store = rdb.DB

// errClosed is returned by calls that start after Close.
var errClosed = errors.New("the study file is closed")

var _ storage.Viewer = (*DB)(nil)

// Open opens the study file at path. It adds Bluefin's tables to a file that
// Optuna created, unless ReadOnly is set. The error matches fs.ErrNotExist if
// the file is missing and must exist, and storage.ErrReadOnly if the file may
// not be written.
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
	// Otherwise SQLite's locks are lost when any part of this process opens and
	// closes the file by other means. Where the system has no such locks,
	// SQLite's default has to do.
	_, _ = sqlite.OFDLocking(true)
	db := &DB{closed: make(chan struct{})}
	db.store = rdb.New(db.read, db.write, cmp.Or(o.Name, path))
	if o.ReadOnly {
		err = db.openReadOnly(ctx, abs)
	} else {
		err = db.openReadWrite(ctx, abs, o)
	}
	if err != nil {
		// Close also works on a DB that is only half open.
		db.Close()
		return nil, explain(err)
	}
	db.path = cmp.Or(o.Name, path)
	return db, nil
}

// busyWait is how long SQLite waits for a writer that takes no turns, such as
// Optuna. busyTimeout sets it, in milliseconds.
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
		"mode": {"rw"},
		// The log is cut to 64 MiB after a checkpoint; SQLite alone never shrinks it.
		"_pragma": {busyTimeout, "foreign_keys(1)", "journal_size_limit(67108864)", synchronous},
	})
	if err != nil {
		return err
	}
	s, err := newSession(ctx, pool)
	if err != nil {
		return cause(ctx, err)
	}
	// Before anything is changed: another program's file must keep its journal mode.
	if err := s.snapshot(ctx, func(t *tx) error { _, err := inspect(t); return err }); err != nil {
		return errors.Join(cause(ctx, err), s.close())
	}
	// From here on the file may change, so other writers have to wait.
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
	// migrate runs as a write: two processes that open a new file must not both create the
	// tables.
	if err := db.write(ctx, migrate); err != nil {
		return err
	}
	// query_only makes a write by a reader an error instead of a wait for the lock.
	if pool, err = db.connect(abs, url.Values{"mode": {"rw"}, "_pragma": {busyTimeout, "query_only(1)"}}); err != nil {
		return err
	}
	// At least four, because a reader that waits for the disk uses no CPU.
	return db.openReaders(ctx, pool, max(4, runtime.GOMAXPROCS(0)))
}

// useWAL switches the file to WAL mode. It polls, because SQLite does not wait
// for the lock that this takes.
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

// openReadOnly opens the file without changing it. If Bluefin's tables are
// missing, temporary ones are created, which are outside the file and belong to
// the one connection.
func (db *DB) openReadOnly(ctx context.Context, abs string) error {
	if err := db.openReader(ctx, abs); err != nil {
		return err
	}
	if err := db.read(ctx, func(t *tx) (err error) {
		db.untracked, err = checkReadable(t)
		return err
	}); err != nil {
		return err
	}
	s := <-db.readers
	defer func() { db.readers <- s }()
	// Only now, because checkReadable may have to create temporary tables.
	return s.exec(ctx, `PRAGMA query_only = 1`)
}

// openReader opens one reader that leaves no other files behind. The caller must
// not write with it.
func (db *DB) openReader(ctx context.Context, abs string) error {
	// The last connection to close removes the -wal and -shm files, but only if
	// it could write.
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
			return fmt.Errorf("%s-wal holds writes that are not in the file yet, and reading them requires write access "+
				"to the file and its folder: copy both files to another folder and use the copy", abs)
		default:
			params.Set("readonly_shm", "1") // or SQLite would create one if it vanishes now
		}
	}
	pool, err := db.connect(abs, params)
	if err != nil {
		return err
	}
	return db.openReaders(ctx, pool, 1)
}

// openReaders fills db.readers. On an error Close still closes those that were opened.
func (db *DB) openReaders(ctx context.Context, pool *sqlx.DB, n int) error {
	db.readers = make(chan *session, n)
	for range n {
		s, err := newSession(ctx, pool)
		if err != nil {
			return err
		}
		// Close takes this many sessions back from the channel, and so waits for readers that are
		// busy.
		db.open++
		db.readers <- s
	}
	return nil
}

// connect does not touch the file yet: database/sql opens connections when they are first
// used.
func (db *DB) connect(abs string, params url.Values) (*sqlx.DB, error) {
	// Opaque keeps a Windows drive or a leading // from being read as a host.
	path := url.URL{Path: filepath.ToSlash(abs)}
	dsn := url.URL{Scheme: "file", Opaque: path.EscapedPath(), RawQuery: params.Encode()}
	pool, err := sqlx.Open("sqlite", dsn.String())
	if err == nil {
		db.pools = append(db.pools, pool)
	}
	return pool, err
}

// Close closes the file after the methods that are running have returned. Call
// it once. The last process to close the file leaves no -wal file behind.
func (db *DB) Close() error {
	var errs []error
	// First, so that calls waiting for a reader fail instead of getting one.
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
