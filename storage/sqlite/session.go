package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jmoiron/sqlx"
)

// A session is one connection with its prepared statements, for one goroutine at
// a time.
type session struct {
	conn  *sqlx.Conn
	stmts map[string]*sqlx.Stmt // by text
	trace func(query string)    // called before each statement, if not nil; for tests
}

// newSession takes a connection out of the pool until it is closed: prepared statements and pragmas
// belong to it.
func newSession(ctx context.Context, pool *sqlx.DB) (*session, error) {
	conn, err := pool.Connx(ctx)
	if err != nil {
		return nil, err
	}
	return &session{conn: conn, stmts: map[string]*sqlx.Stmt{}}, nil
}

// close also frees the statements: the driver keeps their memory until then.
func (s *session) close() error {
	var errs []error
	for _, stmt := range s.stmts {
		errs = append(errs, stmt.Close())
	}
	return errors.Join(append(errs, s.conn.Close())...)
}

// exec runs statements that are used once and not worth preparing.
func (s *session) exec(ctx context.Context, query string) error {
	if s.trace != nil {
		s.trace(query)
	}
	_, err := s.conn.ExecContext(ctx, query)
	return err
}

// prepared returns the statement for query. It never frees one, because the
// texts are few: constants, and lists of up to maxRows rows.
func (s *session) prepared(query string) (*sqlx.Stmt, error) {
	if s.trace != nil {
		s.trace(query)
	}
	if stmt, ok := s.stmts[query]; ok {
		return stmt, nil
	}
	// Without ctx, since a canceled call must not make the statement unusable for the next.
	stmt, err := s.conn.PreparexContext(context.Background(), query)
	if err == nil {
		s.stmts[query] = stmt
	}
	return stmt, err
}

// A tx is an open transaction of a session. Statements that change something keep
// their first error in err, and do nothing after it, so that many need one check.
// run does that check, so a forgotten one cannot lead to a commit.
type tx struct {
	// ctx interrupts reads only; writes run with a context that never ends
	ctx context.Context
	*session
	err error
}

func newTx(ctx context.Context, s *session) *tx { return &tx{ctx: ctx, session: s} }

// run runs f and returns its error, or that of a statement.
func (t *tx) run(f func(*tx) error) error {
	if err := f(t); err != nil {
		return err
	}
	return t.err
}

// exec runs a statement that returns no rows.
func (t *tx) exec(query string, args ...any) {
	if t.err != nil {
		return
	}
	var stmt *sqlx.Stmt
	if stmt, t.err = t.prepared(query); t.err == nil {
		_, t.err = stmt.ExecContext(t.ctx, args...)
	}
}

// script runs any number of statements.
func (t *tx) script(text string) {
	if t.err == nil {
		t.err = t.session.exec(t.ctx, text)
	}
}

// get reads one row into dst, and fails with sql.ErrNoRows if there is none.
func (t *tx) get(dst any, query string, args ...any) error {
	stmt, err := t.prepared(query)
	if err == nil {
		err = stmt.GetContext(t.ctx, dst, args...)
	}
	return err
}

// list reads all rows into the slice that dst points to.
func (t *tx) list(dst any, query string, args ...any) error {
	stmt, err := t.prepared(query)
	if err == nil {
		err = stmt.SelectContext(t.ctx, dst, args...)
	}
	return err
}

// each calls row, which scans it, for each row.
func (t *tx) each(row func(*sql.Rows) error, query string, args ...any) error {
	stmt, err := t.prepared(query)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(t.ctx, args...)
	if err != nil {
		return err
	}
	// An open result would keep the snapshot alive after COMMIT.
	defer rows.Close()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// read runs f in a transaction that sees one state of the file.
func (db *DB) read(ctx context.Context, f func(*tx) error) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-db.closed:
		return errClosed
	case s := <-db.readers:
		// Returned even after an error: the snapshot is over and the session is sound.
		defer func() { db.readers <- s }()
		if err := s.snapshot(ctx, f); err != nil {
			return db.named(cause(ctx, err))
		}
		// A file read without locks may have changed under the read, whose result is then
		// worthless.
		return db.frozen.check()
	}
}

// snapshot runs f in a transaction that sees one state of the file.
func (s *session) snapshot(ctx context.Context, f func(*tx) error) error {
	// Always commit: the driver may report the end of ctx for a BEGIN that took
	// effect, and for a reader COMMIT only ends the transaction.
	defer func() { _ = s.exec(context.WithoutCancel(ctx), `COMMIT`) }()
	if err := s.exec(ctx, `BEGIN`); err != nil {
		return err
	}
	return newTx(ctx, s).run(f)
}
