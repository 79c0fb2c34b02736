package rdb

import "context"

// A Conn is a connection in a transaction. Its queries have ? for each argument.
type Conn interface {
	// Exec runs a statement that returns no rows, now or before the next query or the commit.
	Exec(ctx context.Context, query string, args ...any) error

	// Script runs any number of statements.
	Script(ctx context.Context, text string) error

	// Get reads one row into dst, and fails with sql.ErrNoRows if there is none.
	Get(ctx context.Context, dst any, query string, args ...any) error

	// Select reads all rows into the slice that dst points to.
	Select(ctx context.Context, dst any, query string, args ...any) error

	// Query returns rows, which the caller must close.
	Query(ctx context.Context, query string, args ...any) (Rows, error)
}

// Rows are the rows of a query, as *sql.Rows.
type Rows interface {
	Next() bool
	Scan(dst ...any) error
	Err() error
	Close() error
}

// A Tx is an open transaction. Statements that change something keep their first
// error in it, and do nothing after it, so that many need one check. Run does that
// check, so a forgotten one cannot lead to a commit.
type Tx struct {
	*Dialect
	Ctx   context.Context
	Study int64 // that it changes; 0: none, or a new one
	conn  Conn
	err   error
}

// NewTx returns a transaction on a connection in which it has begun.
func NewTx(ctx context.Context, conn Conn, d *Dialect) *Tx {
	return &Tx{Dialect: d, Ctx: ctx, conn: conn}
}

// Run runs f and returns its error, or that of a statement.
func (t *Tx) Run(f func(*Tx) error) error {
	if err := f(t); err != nil {
		return err
	}
	return t.err
}

// Err returns the first error of Exec and Script.
func (t *Tx) Err() error { return t.err }

// Exec runs a statement that returns no rows.
func (t *Tx) Exec(query string, args ...any) {
	if t.err == nil {
		t.err = t.conn.Exec(t.Ctx, query, args...)
	}
}

// Script runs any number of statements.
func (t *Tx) Script(text string) {
	if t.err == nil {
		t.err = t.conn.Script(t.Ctx, text)
	}
}

// Get reads one row into dst, and fails with sql.ErrNoRows if there is none.
func (t *Tx) Get(dst any, query string, args ...any) error {
	return t.conn.Get(t.Ctx, dst, query, args...)
}

// List reads all rows into the slice that dst points to.
func (t *Tx) List(dst any, query string, args ...any) error {
	return t.conn.Select(t.Ctx, dst, query, args...)
}

// Each calls row, which scans it, for each row.
func (t *Tx) Each(row func(Rows) error, query string, args ...any) error {
	rows, err := t.conn.Query(t.Ctx, query, args...)
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

// lock makes other writers of the study wait until this transaction ends. SQLite needs no statement
// for that.
func (t *Tx) lock(study int64) {
	t.Study = study
	if t.LockStudy != "" {
		t.Exec(t.LockStudy, study)
	}
}
