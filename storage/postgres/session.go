package postgres

import (
	"context"
	"database/sql"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"
)

// A session is a connection in a transaction. Statements without results wait for the next query
// or the end of the transaction, so that many of them travel together: what costs time, while
// others wait for a lock of this transaction, is asking the server.
type session struct {
	conn   *sqlx.Conn
	prefix string // before each query
	batch  pgx.Batch
	wrote  bool               // a statement has changed something, perhaps
	trace  func(query string) // called before each statement, if not nil; for tests
}

// sent is what trace gets when the statements that wait are sent together.
const sent = "--"

// raw runs f with the connection itself.
func (s *session) raw(f func(*pgx.Conn) error) error {
	return s.conn.Raw(func(driver any) error { return f(driver.(*stdlib.Conn).Conn()) })
}

// Exec implements rdb.Conn, as the methods that follow.
func (s *session) Exec(ctx context.Context, query string, args ...any) error {
	s.wrote = s.wrote || query != dialect.LockStudy
	s.queue(query, args...)
	for _, a := range args {
		if data, ok := a.([]byte); ok && len(data) > 1<<20 {
			return s.flush(ctx) // a slow network must not use up the time of the commit
		}
	}
	return nil
}

// queue adds a statement to those that wait.
func (s *session) queue(query string, args ...any) {
	if s.trace != nil {
		s.trace(query)
	}
	s.batch.Queue(sqlx.Rebind(sqlx.DOLLAR, query), args...)
}

// flush runs the statements that wait.
func (s *session) flush(ctx context.Context) error {
	if s.batch.Len() == 0 {
		return nil
	}
	if s.trace != nil {
		s.trace(sent)
	}
	batch := s.batch
	s.batch = pgx.Batch{}
	return s.raw(func(conn *pgx.Conn) error { return conn.SendBatch(ctx, &batch).Close() })
}

// Script implements rdb.Conn.
func (s *session) Script(ctx context.Context, text string) error {
	s.wrote = true
	if err := s.flush(ctx); err != nil {
		return err
	}
	return s.raw(func(conn *pgx.Conn) error {
		_, err := conn.PgConn().Exec(ctx, text).ReadAll()
		return err
	})
}

// prepare returns a query in PostgreSQL's form, after all that waits was done.
func (s *session) prepare(ctx context.Context, query string) (string, error) {
	if s.trace != nil {
		s.trace(query)
	}
	s.wrote = s.wrote || strings.Contains(query, "RETURNING")
	return sqlx.Rebind(sqlx.DOLLAR, s.prefix+query), s.flush(ctx)
}

// Get implements rdb.Conn.
func (s *session) Get(ctx context.Context, dst any, query string, args ...any) error {
	query, err := s.prepare(ctx, query)
	if err == nil {
		err = s.conn.GetContext(ctx, dst, query, args...)
	}
	return err
}

// Select implements rdb.Conn.
func (s *session) Select(ctx context.Context, dst any, query string, args ...any) error {
	query, err := s.prepare(ctx, query)
	if err == nil {
		err = s.conn.SelectContext(ctx, dst, query, args...)
	}
	return err
}

// Query implements rdb.Conn.
func (s *session) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	query, err := s.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.conn.QueryContext(ctx, query, args...)
}

// status is what the server has said of the transaction: 'I' if there is none, 'T' or 'E' in
// one, 0 if the connection is lost.
func (s *session) status() (status byte) {
	_ = s.raw(func(conn *pgx.Conn) error {
		if !conn.IsClosed() {
			status = conn.PgConn().TxStatus()
		}
		return nil
	})
	return status
}

// end leaves the connection as it was before the transaction, or closes it.
func (s *session) end() {
	if status := s.status(); status == 'T' || status == 'E' {
		s.batch = pgx.Batch{}
		s.queue(`ROLLBACK`)
		ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
		defer cancel()
		_ = s.flush(ctx) // an error closes the connection
	}
	_ = s.conn.Close()
}
