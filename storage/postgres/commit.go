package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/internal/rdb"
)

// A writer is who runs one write at a time. Its row in bluefin_writers has the number of the last
// one that was committed. (pg_xact_status would not do: after a crash the server gives the numbers
// of transactions that were not yet on the disk to other ones.)
type writer struct {
	name string
	last int64 // the number of the write that runs, or ran
}

// answerWithin is how long the server may take for what needs no lock and no work.
const answerWithin = 10 * time.Second

// read runs f in a transaction that sees one state of the database.
func (db *DB) read(ctx context.Context, f func(*rdb.Tx) error) error {
	return db.named(db.retry(ctx, db.patience, func() error {
		return db.session(ctx, func(s *session) error {
			s.queue(`BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY`)
			if err := rdb.NewTx(ctx, s, &dialect).Run(f); err != nil {
				return err
			}
			s.queue(`COMMIT`)
			return s.flush(ctx)
		})
	}))
}

// session runs f with a connection, which it leaves without a transaction.
func (db *DB) session(ctx context.Context, f func(*session) error) error {
	conn, err := db.pool.Connx(ctx)
	if err != nil {
		return unreachable(err)
	}
	s := &session{conn: conn, prefix: db.prefix, trace: db.trace}
	defer s.end()
	if err = f(s); err != nil && s.status() == 0 {
		err = lostError{err}
	}
	return err
}

// write runs f in a transaction and commits it, again if it has to. f may have to wait for locks.
func (db *DB) write(ctx context.Context, f func(*rdb.Tx) error) error {
	if db.readOnly {
		return storage.ErrReadOnly
	}
	var w *writer
	select {
	case w = <-db.writers:
		defer func() { db.writers <- w }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	w.last++
	unknown := false // whether the last commit was done
	return db.named(db.retry(ctx, db.patience, func() error {
		if unknown {
			done, err := db.committed(ctx, w)
			if err != nil || done {
				return err
			}
			unknown = false
		}
		return db.session(ctx, func(s *session) (err error) {
			unknown, err = db.attempt(ctx, s, w, f)
			return err
		})
	}))
}

// attempt runs f in a transaction and commits it. After an error it reports whether the commit
// may have been done.
func (db *DB) attempt(ctx context.Context, s *session, w *writer, f func(*rdb.Tx) error) (unknown bool, err error) {
	s.queue(`BEGIN`)
	// The commit returns before it is on the disk, and so ends the locks; then writes of all
	// workers go to the disk together, instead of one after the other. A crash between takes
	// back the end of history for all, and nobody was told of it yet. The other settings end
	// what a worker leaves behind that was cut off.
	s.queue(`SELECT set_config('synchronous_commit', 'off', true), set_config('lock_timeout', ?, true),
		set_config('idle_in_transaction_session_timeout', '30s', true)`, fmt.Sprint(db.patience.Milliseconds()))
	t := rdb.NewTx(ctx, s, &dialect)
	if err := t.Run(f); err != nil {
		return false, err
	}
	if !s.wrote {
		s.queue(`COMMIT`)
		return false, s.flush(ctx)
	}
	s.queue(`INSERT INTO bluefin_writers (writer, last) VALUES (?, ?)
		ON CONFLICT (writer) DO UPDATE SET last = excluded.last, at = now()`, w.name, w.last)
	if t.Study != 0 {
		s.queue(`SELECT pg_notify(?, ?)`, channel, fmt.Sprint(t.Study))
	}
	s.queue(`COMMIT`)
	s.queue(toDisk)
	// Not by ctx: a commit that is cut off would have to be asked for.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), db.patience)
	defer cancel()
	err = s.flush(ctx)
	status := s.status()
	return err != nil && (status == 0 || status == 'I'), err
}

// toDisk returns once everything that was committed before is on the disk, and on the standbys that
// the server waits for.
const toDisk = `SELECT pg_logical_emit_message(true, 'bluefin', '')`

// committed reports whether the last write of w was committed. It waits until that is decided, and
// then for the disk.
func (db *DB) committed(ctx context.Context, w *writer) (done bool, err error) {
	last := int64(0)
	err = db.session(ctx, func(s *session) error {
		return s.conn.GetContext(ctx, &last, `
			INSERT INTO bluefin_writers (writer, last) VALUES ($1, 0)
			ON CONFLICT (writer) DO UPDATE SET at = now() RETURNING last`, w.name)
	})
	return last == w.last, err
}

// Since implements storage.Storage. What it returns is on the disk, so that a crash of the server
// takes nothing back that a worker has learned from.
func (db *DB) Since(ctx context.Context, study, revision int64, except ...string) (storage.Changes, error) {
	c, err := db.store.Since(ctx, study, revision, except...)
	return c, db.settled(ctx, c, err)
}

// Some implements storage.Viewer.
func (db *DB) Some(ctx context.Context, study, revision int64, most int, reports bool) (storage.Changes, error) {
	c, err := db.store.Some(ctx, study, revision, most, reports)
	return c, db.settled(ctx, c, err)
}

func (db *DB) settled(ctx context.Context, c storage.Changes, err error) error {
	if err != nil || len(c.Trials) == 0 || db.readOnly || db.standby {
		return err
	}
	return db.named(db.retry(ctx, db.patience, func() error {
		return db.session(ctx, func(s *session) error {
			done := false
			err := s.conn.GetContext(ctx, &done, `SELECT pg_current_wal_flush_lsn() >= pg_current_wal_insert_lsn()`)
			if err == nil && !done {
				_, err = s.conn.ExecContext(ctx, toDisk)
			}
			return err
		})
	}))
}
