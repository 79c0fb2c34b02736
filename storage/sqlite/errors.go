package sqlite

import (
	"context"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/bluefin-hpo/bluefin/storage"
)

// named adds the file to an error of SQLite.
func (db *DB) named(err error) error {
	if db.path == "" || !errors.As(err, new(explained)) {
		// Errors of rules have no SQLite code; their messages already say what is wrong.
		return err
	}
	return fmt.Errorf("study file %s: %w", db.path, err)
}

// cause returns the reason why ctx ended, if that caused the error.
func cause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return explain(err)
}

// explain adds the meaning of SQLite's result code to its message.
func explain(err error) error {
	var e *sqlite.Error
	// Explaining twice would repeat the meaning in the message.
	if !errors.As(err, &e) || errors.As(err, new(explained)) {
		return err
	}
	return explained{meaning(e, err)}
}

// An explained error starts with its meaning.
type explained struct{ error }

// Unwrap returns the error itself.
func (e explained) Unwrap() error { return e.error }

// primary is the result code without the details in its upper bytes.
func primary(e *sqlite.Error) int { return e.Code() & 0xff }

// meaning wraps err in what its result code means for a user; codes of program errors
// stay as they are.
func meaning(e *sqlite.Error, err error) error {
	if e.Code() == sqlite3.SQLITE_IOERR_SHMSIZE { // the system's own error is lost
		return fmt.Errorf("the -shm beside the file cannot grow, perhaps because the disk is full: %w", err)
	}
	switch primary(e) {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Errorf("another process has held the lock for %v: %w", busyWait, err)
	case sqlite3.SQLITE_READONLY:
		return fmt.Errorf("%w: %w", storage.ErrReadOnly, err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	case sqlite3.SQLITE_IOERR:
		return fmt.Errorf("the file system failed to read or write: %w", err)
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("the disk is full: %w", err)
	case sqlite3.SQLITE_CANTOPEN:
		return fmt.Errorf("the file, or its -wal or -shm beside it, cannot be opened or created: %w", err)
	}
	return err
}
