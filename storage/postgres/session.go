package postgres

import (
	"context"
	"database/sql"
	"errors"
	"reflect"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jmoiron/sqlx"

	"github.com/bluefin-hpo/bluefin/storage/internal/rdb"
)

// A session is a connection in a transaction. Statements without results are queued and travel with
// the next query or the commit: each round trip costs time while others wait for this transaction's
// locks.
type session struct {
	conn   *sqlx.Conn
	pgx    *pgx.Conn // the same connection, which database/sql does not let send several statements
	prefix string    // before each query
	batch  pgx.Batch
	wrote  bool               // a statement may have changed something
	trace  func(query string) // called before each statement, if not nil; for tests
}

// sent is what trace gets for each round trip.
const sent = "--"

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

// queue adds a statement to the next batch.
func (s *session) queue(query string, args ...any) {
	if s.trace != nil {
		s.trace(query)
	}
	s.batch.Queue(sqlx.Rebind(sqlx.DOLLAR, query), args...)
}

// flush runs the queued statements.
func (s *session) flush(ctx context.Context) error {
	if s.batch.Len() == 0 {
		return nil
	}
	return s.send(ctx).Close()
}

// send sends the queued statements.
func (s *session) send(ctx context.Context) pgx.BatchResults {
	if s.trace != nil {
		s.trace(sent)
	}
	batch := s.batch
	s.batch = pgx.Batch{}
	return s.pgx.SendBatch(ctx, &batch)
}

// Script implements rdb.Conn.
func (s *session) Script(ctx context.Context, text string) error {
	s.wrote = true
	if err := s.flush(ctx); err != nil {
		return err
	}
	_, err := s.pgx.PgConn().Exec(ctx, text).ReadAll()
	return err
}

// Query implements rdb.Conn.
func (s *session) Query(ctx context.Context, query string, args ...any) (rdb.Rows, error) {
	r, err := s.query(ctx, query, args...)
	if err != nil {
		return nil, err // not a nil *rows
	}
	return r, nil
}

// query sends a query after the queued statements, in one batch.
func (s *session) query(ctx context.Context, query string, args ...any) (*rows, error) {
	s.wrote = s.wrote || strings.Contains(query, "RETURNING")
	s.queue(s.prefix+query, args...)
	before := s.batch.Len() - 1
	results := s.send(ctx)
	for range before {
		if _, err := results.Exec(); err != nil {
			_ = results.Close() // it has the same error
			return nil, err
		}
	}
	all, err := results.Query()
	if err != nil {
		_ = results.Close()
		return nil, err
	}
	return &rows{all, results}, nil
}

// Get implements rdb.Conn.
func (s *session) Get(ctx context.Context, dst any, query string, args ...any) error {
	all := reflect.New(reflect.SliceOf(reflect.TypeOf(dst).Elem()))
	if err := s.Select(ctx, all.Interface(), query, args...); err != nil {
		return err
	}
	if all.Elem().Len() == 0 {
		return sql.ErrNoRows
	}
	reflect.ValueOf(dst).Elem().Set(all.Elem().Index(0))
	return nil
}

// Select implements rdb.Conn.
func (s *session) Select(ctx context.Context, dst any, query string, args ...any) error {
	r, err := s.query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	if list := reflect.ValueOf(dst).Elem(); list.Type().Elem().Kind() != reflect.Struct {
		for r.Next() {
			value := reflect.New(list.Type().Elem())
			if err := r.Scan(value.Interface()); err != nil {
				return err
			}
			list.Set(reflect.Append(list, value.Elem()))
		}
	} else if err := sqlx.StructScan(r, dst); err != nil {
		return err
	}
	return errors.Join(r.Err(), r.Close())
}

// rows are those of the last statement of a batch, in the form of database/sql.
type rows struct {
	pgx.Rows
	results pgx.BatchResults
}

// Columns returns the names of the columns.
func (r *rows) Columns() (names []string, err error) {
	for _, f := range r.FieldDescriptions() {
		names = append(names, f.Name)
	}
	return names, nil
}

// Scan implements rdb.Rows.
func (r *rows) Scan(dst ...any) error {
	for i, d := range dst {
		if raw, ok := d.(*sql.RawBytes); ok {
			dst[i] = (*[]byte)(raw)
		}
	}
	return r.Rows.Scan(dst...)
}

// Close implements rdb.Rows.
func (r *rows) Close() error {
	r.Rows.Close()
	return r.results.Close()
}

// status is the server's last word on the transaction: 'I' if there is none, 'T' or 'E' inside one,
// 0 if the connection is lost.
func (s *session) status() byte {
	if s.pgx == nil || s.pgx.IsClosed() {
		return 0
	}
	return s.pgx.PgConn().TxStatus()
}

// end rolls back an open transaction and returns the connection to the pool.
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
