package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/stdlib"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/internal/rdb"
)

// A writer runs one write at a time. Its row in bluefin_writers holds the number of its last
// committed write. (pg_xact_status does not work: after a crash the server reuses the ids of
// transactions that had not reached the disk.)
type writer struct {
	name string
	last int64 // the number of its current or latest write
}

// answerWithin bounds requests that need no lock and no work.
const answerWithin = 10 * time.Second

// read runs f in a transaction that sees one state of the database, and returns once that state is
// durable. So a crash of the server never takes back what a caller has learned.
func (db *DB) read(ctx context.Context, f func(*rdb.Tx) error) error {
	return db.named(db.retry(ctx, db.patience, func() error {
		return db.session(ctx, func(s *session) error {
			s.queue(`BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY`)
			s.queue(noteSeen)
			if err := rdb.NewTx(ctx, s, &dialect).Run(f); err != nil {
				return err
			}
			s.queue(seenToDisk)
			s.queue(`COMMIT`)
			return s.flush(ctx)
		})
	}))
}

// session runs f with a connection, and ends a transaction that f leaves open.
func (db *DB) session(ctx context.Context, f func(*session) error) error {
	conn, err := db.pool.Connx(ctx)
	if err != nil {
		return unreachable(err)
	}
	s := &session{conn: conn, prefix: db.prefix, trace: db.trace}
	defer s.end()
	if err := conn.Raw(func(c any) error { s.pgx = c.(*stdlib.Conn).Conn(); return nil }); err != nil {
		return unreachable(err)
	}
	if err = f(s); err != nil && s.status() == 0 {
		err = lostError{err}
	}
	return err
}

// write runs f in a transaction and commits it. It repeats both after errors that may pass.
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
	unknown := false // whether the last commit may have succeeded
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
	s.queue(`BEGIN ISOLATION LEVEL READ COMMITTED`)
	// The commit does not wait for the disk, so the row locks end early and the writes of all workers
	// reach the disk together. The next statement after it waits instead: nobody is told of a
	// commit that a crash can still take back. The timeouts end what a lost worker leaves behind.
	s.queue(`SELECT set_config('synchronous_commit', 'off', true), set_config('lock_timeout', ?, true),
		set_config('idle_in_transaction_session_timeout', '30s', true), `+holdWriter,
		fmt.Sprint(db.patience.Milliseconds()), w.name)
	t := rdb.NewTx(ctx, s, &dialect)
	if err := t.Run(f); err != nil {
		return false, err
	}
	if s.wrote {
		s.queue(`INSERT INTO bluefin_writers (writer, last) VALUES (?, ?)
			ON CONFLICT (writer) DO UPDATE SET last = excluded.last, at = now()`, w.name, w.last)
		if t.Study != 0 {
			s.queue(`SELECT pg_notify(?, ?)`, channel, fmt.Sprint(t.Study))
		}
	}
	s.queue(`COMMIT`)
	s.queue(toDisk) // without a change too: an answer such as ErrBudget rests on the commits of others
	// ctx must not cut off the commit, or its outcome would have to be looked up.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), db.patience)
	defer cancel()
	err = s.flush(ctx)
	status := s.status()
	return err != nil && s.wrote && (status == 0 || status == 'I'), err
}

// holdWriter keeps transactions of one writer apart. A connection may break while its last batch
// waits for a lock in the server: the server still commits it, long after the writer has gone on to
// look it up.
const holdWriter = `pg_advisory_xact_lock(hashtextextended(?, 0))`

// toDisk returns once all earlier commits are on the disk, and on the standbys that the server waits
// for. A transactional message is the cheapest transaction that writes to the log; it needs no
// right and no table. (A server or role with synchronous_commit=off gives up durability here too.)
const toDisk = `SELECT pg_logical_emit_message(true, 'bluefin', '')`

// noteSeen remembers the end of the log when a transaction took its snapshot, which holds all that
// the transaction will see. A standby sees only what is on the disk of its primary.
const noteSeen = `SELECT set_config('bluefin.seen',
	CASE WHEN pg_is_in_recovery() THEN '0/0' ELSE pg_current_wal_insert_lsn()::text END, true)`

// seenToDisk makes the commit that follows wait until what noteSeen remembers is durable, if it is
// not.
const seenToDisk = `SELECT CASE WHEN NOT pg_is_in_recovery() AND (current_setting('synchronous_standby_names') <> '' OR
	pg_current_wal_flush_lsn() < current_setting('bluefin.seen')::pg_lsn)
	THEN pg_logical_emit_message(true, 'bluefin', '') END`

// committed reports whether the last write of w was committed. It waits until that is decided and
// durable.
func (db *DB) committed(ctx context.Context, w *writer) (done bool, err error) {
	last := int64(0)
	err = db.session(ctx, func(s *session) error {
		s.queue(`BEGIN ISOLATION LEVEL READ COMMITTED`)
		s.queue(`SELECT `+holdWriter, w.name)
		if err := s.Get(ctx, &last, `SELECT coalesce(max(last), 0) FROM bluefin_writers WHERE writer = ?`, w.name); err != nil {
			return err
		}
		s.queue(`COMMIT`)
		s.queue(toDisk)
		return s.flush(ctx)
	})
	return last == w.last, err
}
