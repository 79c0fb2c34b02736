// Package sqlite keeps studies in a SQLite file that is an Optuna study file:
// Optuna 3.2 to 5 and its dashboard open it with nothing converted, and this
// package opens theirs. What Bluefin knows beyond Optuna lies in extra tables,
// kept up by triggers inside the file, so that they are right even when an
// Optuna process writes to it.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite"

	"github.com/bluefin-hpo/bluefin/storage"
)

// A Mode says what Open may do.
type Mode int

const (
	Create    Mode = iota // read and write; make the file if it does not exist
	ReadWrite             // read and write a file that exists
	ReadOnly              // read a file that exists, and change nothing in it
)

// ErrCorrupt is matched by the error of Open and of every method if the file
// is no SQLite database, or a damaged one.
var ErrCorrupt = errors.New("not a sound SQLite database")

// A DB is a storage.Storage in a SQLite file, in WAL mode with
// synchronous=FULL: what a method has done survives the death of the process
// and a power cut. Any number of processes on one machine may use the file.
type DB struct {
	path   string
	writer *sqlx.DB // one connection, so that goroutines queue fairly; nil if read-only
	reader *sqlx.DB
}

var _ storage.Storage = (*DB)(nil)

// Open opens the study file at path. A file that Optuna made gains Bluefin's
// tables unless mode is ReadOnly. The error matches fs.ErrNotExist if the file
// is missing and mode is not Create.
func Open(ctx context.Context, path string, mode Mode) (*DB, error) {
	db, err := open(ctx, path, mode)
	if err != nil {
		return nil, fmt.Errorf("open study file %s: %w", path, err)
	}
	return db, nil
}

func open(ctx context.Context, path string, mode Mode) (*DB, error) {
	if path == "" {
		return nil, errors.New("the path is empty")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(abs)
	switch {
	case err == nil && info.IsDir():
		return nil, errors.New("it is a directory")
	case errors.Is(err, fs.ErrNotExist) && mode == Create:
		if _, err := os.Stat(filepath.Dir(abs)); err != nil {
			return nil, err
		}
	case err != nil:
		var p *fs.PathError
		if errors.As(err, &p) {
			err = p.Err // the path is in the message already
		}
		return nil, err
	}
	db := &DB{path: path}
	if mode == ReadOnly {
		err = db.openReadOnly(ctx, abs)
	} else {
		err = db.openReadWrite(ctx, abs, mode)
	}
	if err != nil {
		db.Close()
		return nil, explain(err)
	}
	return db, nil
}

func (db *DB) openReadWrite(ctx context.Context, abs string, mode Mode) error {
	access := "rw"
	if mode == Create {
		access = "rwc"
	}
	var err error
	// The pragmas wait for the lock first and then switch to WAL.
	db.writer, err = connect(abs, 1, url.Values{
		"mode":    {access},
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(30000)", "foreign_keys(1)", "journal_mode(WAL)", "journal_size_limit(67108864)", "synchronous(FULL)"},
	})
	if err != nil {
		return err
	}
	if err := db.write(ctx, migrate); err != nil {
		return err
	}
	db.reader, err = connect(abs, max(4, runtime.GOMAXPROCS(0)), url.Values{
		"mode":    {"rw"},
		"_pragma": {"busy_timeout(30000)", "query_only(1)"},
	})
	return err
}

// openReadOnly opens the file so that nothing in it changes. If Bluefin's
// tables are missing they are made as temporary ones, which lie outside of
// the file and belong to the one connection.
func (db *DB) openReadOnly(ctx context.Context, abs string) error {
	params := url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(30000)"}}
	if _, err := os.Stat(abs + "-wal"); errors.Is(err, fs.ErrNotExist) && !writable(filepath.Dir(abs)) {
		params.Set("immutable", "1") // no one can write beside the file, so no one is writing
	}
	var err error
	if db.reader, err = connect(abs, 1, params); err != nil {
		return err
	}
	return db.read(ctx, checkReadable)
}

func connect(abs string, conns int, params url.Values) (*sqlx.DB, error) {
	dsn := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(abs)}).EscapedPath(), RawQuery: params.Encode()}
	db, err := sqlx.Open("sqlite", dsn.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

func writable(dir string) bool {
	f, err := os.CreateTemp(dir, ".bluefin-*")
	if err != nil {
		return false
	}
	f.Close()
	os.Remove(f.Name())
	return true
}

// Close ends the use of the file. The last process that closes it leaves one
// file, without a -wal beside it.
func (db *DB) Close() error {
	var errs []error
	for _, pool := range []*sqlx.DB{db.reader, db.writer} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}

// write runs f in a transaction that holds the write lock from its start.
func (db *DB) write(ctx context.Context, f func(context.Context, *sqlx.Tx) error) error {
	if db.writer == nil {
		return storage.ErrReadOnly
	}
	return transact(ctx, db.writer, nil, f)
}

// read runs f in a transaction that sees one state of the file.
func (db *DB) read(ctx context.Context, f func(context.Context, *sqlx.Tx) error) error {
	return transact(ctx, db.reader, &sql.TxOptions{}, f)
}

func transact(ctx context.Context, pool *sqlx.DB, opts *sql.TxOptions, f func(context.Context, *sqlx.Tx) error) error {
	tx, err := pool.BeginTxx(ctx, opts)
	if err != nil {
		return cause(ctx, err)
	}
	defer tx.Rollback()
	if err := f(ctx, tx); err != nil {
		return cause(ctx, err)
	}
	return cause(ctx, tx.Commit())
}

// cause says why ctx ended if that is why there is an error.
func cause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return explain(err)
}

// explain puts what SQLite's result codes mean before its message.
func explain(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff {
	case 5, 6:
		return fmt.Errorf("another process has held the lock for too long: %w", err)
	case 8:
		return fmt.Errorf("%w: %w", storage.ErrReadOnly, err)
	case 11, 26:
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	case 13:
		return fmt.Errorf("the disk is full: %w", err)
	}
	return err
}
