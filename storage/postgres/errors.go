package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bluefin-hpo/bluefin/storage"
)

// ErrCorrupt matches errors about values that neither Bluefin nor Optuna writes.
var ErrCorrupt = errors.New("not a sound study database")

// retry calls f until it succeeds or fails for good, and at most until patience is over.
func (db *DB) retry(ctx context.Context, patience time.Duration, f func() error) error {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 5*time.Millisecond, 2*time.Second
	start := time.Now()
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := f()
		switch {
		case err == nil:
			return struct{}{}, nil
		case ctx.Err() != nil:
			err = context.Cause(ctx)
		case passes(err):
			return struct{}{}, err
		}
		return struct{}{}, backoff.Permanent(err)
	}, backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(patience))
	if err != nil && ctx.Err() == nil && passes(err) {
		err = fmt.Errorf("tried for %v: %w", time.Since(start).Round(time.Second/10), explain(err))
	}
	return err
}

// passes reports whether a later try may succeed with no change other than the server running.
func passes(err error) bool {
	var e *pgconn.PgError
	if errors.As(err, new(busyError)) {
		return true
	}
	if errors.As(err, &e) {
		return strings.HasPrefix(e.Code, "08") || // the connection
			strings.HasPrefix(e.Code, "53") || // connections, disk and memory
			slices.Contains([]string{
				"40001", "40P01", // other transactions were in the way
				"57P01", "57P02", "57P03", // the server is stopping, crashed, or is starting
				"25P03",                   // it has ended a transaction that waited for us
				"23505",                   // somebody else has just made a row of the same name
				"42P07", "42710", "42723", // or the tables, types and functions, since we last looked
			}, e.Code)
	}
	return errors.As(err, new(lostError))
}

// A busyError reports a lock that a transaction does not wait for.
type busyError struct{ error }

// Unwrap returns the error itself.
func (e busyError) Unwrap() error { return e.error }

// A lostError reports a connection that broke or could not be made.
type lostError struct{ error }

// Unwrap returns the error itself.
func (e lostError) Unwrap() error { return e.error }

// unreachable turns network errors into a lostError.
func unreachable(err error) error {
	if errors.As(err, new(net.Error)) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, pgconn.ErrConnClosed) {
		return lostError{err}
	}
	return err
}

// named adds the database to an error of the server or the connection.
func (db *DB) named(err error) error {
	err = explain(err)
	if db.place == "" || !errors.As(err, new(explained)) {
		return err // a broken rule; its message says what is wrong
	}
	return fmt.Errorf("study database %s: %w", db.place, err)
}

// An explained error has one line, which starts with its meaning.
type explained struct{ error }

// Unwrap returns the error itself.
func (e explained) Unwrap() error { return e.error }

// Error implements error. It joins lines; pgx repeats some for each address it tries.
func (e explained) Error() string {
	var lines []string
	for line := range strings.Lines(e.error.Error()) {
		if line = strings.TrimSpace(line); !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, " ")
}

// explain adds the meaning of an error to its message.
func explain(err error) error {
	var e *pgconn.PgError
	switch {
	case err == nil || errors.As(err, new(explained)):
		return err
	case errors.As(err, &e):
		return explained{meaning(e, err)}
	case errors.As(err, new(pgx.ErrPreprocessingBatch)):
		return explained{fmt.Errorf("%w, PostgreSQL cannot hold it: %w", storage.ErrInvalid, err)}
	case errors.As(err, new(lostError)):
		return explained{fmt.Errorf("the server cannot be reached: %w", err)}
	}
	return err
}

// A refused error is one that another try does not change.
type refused struct {
	error
	is error // what it matches
}

// Unwrap returns the error itself and what it matches.
func (e refused) Unwrap() []error { return []error{e.error, e.is} }

// meaning says what a user can do about an error of the server.
func meaning(e *pgconn.PgError, err error) error {
	say := func(format string, args ...any) error { return fmt.Errorf(format+": %w", append(args, err)...) }
	switch e.Code {
	case "28P01", "28000":
		return refused{fmt.Errorf("the server refuses the user or the password (they come from the URL, PGUSER and "+
			"PGPASSWORD, or .pgpass): %w", e), fs.ErrPermission}
	case "3D000":
		return refused{fmt.Errorf("there is no such database, make it with `createdb`: %w", e), fs.ErrNotExist}
	case "42501":
		return refused{say("the user lacks a right; Bluefin's tables and triggers are made once, by the owner of " +
			"Optuna's tables"), fs.ErrPermission}
	case "53100":
		return say("the server's disk is full")
	case "53300":
		return say("the server has no connection left (max_connections): run fewer workers, or a pooler such as pgbouncer")
	case "25006":
		return say("%w, the server is a replica or takes no writes", storage.ErrReadOnly)
	case "57P03":
		return say("the server is starting or stopping")
	case "57P01", "57P02":
		return say("the server was stopped")
	case "55P03":
		return say("another program has held a lock all the time")
	case "57014":
		return say("the server has canceled a statement")
	case "22001", "22003", "22021", "22P05", "54000":
		return say("%w, PostgreSQL cannot hold it", storage.ErrInvalid)
	}
	return err
}
