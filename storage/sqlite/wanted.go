package sqlite

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

// errNoStudies is the error for a file without Optuna's tables.
var errNoStudies = errors.New("it holds no study: Optuna's tables are missing")

// hasStudies fails unless the file has the tables of studies, of any revision.
func hasStudies(ctx context.Context, s *session) error {
	have, err := schemaOf(newTx(ctx, s))
	if err == nil && !have.studies() {
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

// A schema lists the objects of a file, tables first.
type schema []object

// get returns the object, or nil if there is none.
func (s schema) get(kind, name string) *object {
	i := slices.IndexFunc(s, func(o object) bool { return o.Kind == kind && o.Name == name })
	if i < 0 {
		return nil
	}
	return &s[i]
}

// has reports whether there is such an object.
func (s schema) has(kind, name string) bool { return s.get(kind, name) != nil }

// studies reports whether these are Optuna's tables, of any revision.
func (s schema) studies() bool { return s.has("table", "studies") && s.has("table", "trials") }

// schemaOf returns the schema of a file without SQLite's own indexes.
func schemaOf(t *tx) (s schema, err error) {
	// The order of rowid is that of creation: objects come after those they refer to.
	err = t.List(&s, `SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type <> 'table', rowid`)
	return s, err
}

// wantedSchema returns the schema of a new file. SQLite itself builds it, in
// memory, because it changes the texts when it stores them.
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
	t := newTx(ctx, memory)
	// Without the version rows: only the schema is compared.
	t.Script(optunaTables + bluefinTables + triggers)
	if t.Err() != nil {
		return nil, t.Err()
	}
	return schemaOf(t)
}
