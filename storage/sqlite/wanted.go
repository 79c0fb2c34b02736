package sqlite

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

// errNoStudies is the error of a file that has other tables or none.
var errNoStudies = errors.New("it holds no study: Optuna's tables are missing")

// hasStudies fails unless the file has the tables of studies, of whatever
// revision.
func hasStudies(ctx context.Context, s *session) error {
	found := 0
	err := s.conn.GetContext(ctx, &found, `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('studies', 'trials')`)
	if err == nil && found < 2 {
		err = errNoStudies
	}
	return err
}

// An object is a table, an index or a trigger of a file.
type object struct {
	Kind string `db:"type"`
	Name string `db:"name"`
	SQL  string `db:"sql"`
}

// ours reports whether the object is Bluefin's.
func (o object) ours() bool { return strings.HasPrefix(o.Name, "bluefin_") }

// A schema is what a file has, the tables first.
type schema []object

func (s schema) get(kind, name string) *object {
	i := slices.IndexFunc(s, func(o object) bool { return o.Kind == kind && o.Name == name })
	if i < 0 {
		return nil
	}
	return &s[i]
}

func (s schema) has(kind, name string) bool { return s.get(kind, name) != nil }

// schemaOf returns what the file has, besides what SQLite makes itself.
func schemaOf(t *tx) (s schema, err error) {
	err = t.list(&s, `SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type <> 'table', rowid`)
	return s, err
}

// wantedSchema returns what a file of this program has. It asks SQLite, which
// keeps the texts in its own way.
func wantedSchema(ctx context.Context) (s schema, err error) {
	pool, err := sqlx.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	memory, err := newSession(ctx, pool)
	if err != nil {
		return nil, err
	}
	defer memory.close()
	t := &tx{ctx, memory}
	if err := t.script(optunaTables + bluefinTables + triggers); err != nil {
		return nil, err
	}
	return schemaOf(t)
}
