package sqlite

import (
	"context"
	"errors"

	"github.com/jmoiron/sqlx"

	"github.com/bluefin-hpo/bluefin/storage/internal/rdb"
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

// Exec implements rdb.Conn, as the methods that follow.
func (s *session) Exec(ctx context.Context, query string, args ...any) error {
	stmt, err := s.prepared(query)
	if err == nil {
		_, err = stmt.ExecContext(ctx, args...)
	}
	return err
}

func (s *session) Script(ctx context.Context, text string) error { return s.exec(ctx, text) }

func (s *session) Get(ctx context.Context, dst any, query string, args ...any) error {
	stmt, err := s.prepared(query)
	if err == nil {
		err = stmt.GetContext(ctx, dst, args...)
	}
	return err
}

func (s *session) Select(ctx context.Context, dst any, query string, args ...any) error {
	stmt, err := s.prepared(query)
	if err == nil {
		err = stmt.SelectContext(ctx, dst, args...)
	}
	return err
}

func (s *session) Query(ctx context.Context, query string, args ...any) (rdb.Rows, error) {
	stmt, err := s.prepared(query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

// A tx is an open transaction of a session. Its ctx interrupts reads only; writes run
// with one that never ends.
type tx = rdb.Tx

func newTx(ctx context.Context, s *session) *tx { return rdb.NewTx(ctx, s, &dialect) }

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
	defer func() { _ = s.Exec(context.WithoutCancel(ctx), `COMMIT`) }()
	if err := s.Exec(ctx, `BEGIN`); err != nil {
		return err
	}
	return newTx(ctx, s).Run(f)
}
