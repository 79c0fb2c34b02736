package sqlite

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// The revisions of Optuna's tables before optunaRevision, newest last. The newest
// differs only in an index.
var olderRevisions = []string{"v0.9.0.a", "v1.2.0.a", "v1.3.0.a", "v2.4.0.a", "v2.6.0.a",
	"v3.0.0.a", "v3.0.0.b", "v3.0.0.c", lacksIndex}

const lacksIndex = "v3.0.0.d"

// schemaVersion is the version of Optuna's tables before they had revisions.
const schemaVersion = 12

// Upgrade gives the study file at path the tables, indexes and triggers of this
// program, in one transaction. It returns one sentence for each change, and none
// if the file needs no upgrade. It accepts files of Optuna 3.0 and later.
func Upgrade(ctx context.Context, path string) (done []string, err error) {
	db, err := openRaw(ctx, path, Options{MustExist: true})
	if err != nil {
		return nil, err
	}
	// A write transaction holds the lock from its start, so nobody changes the schema
	// meanwhile.
	u := upgrade{}
	if err = db.write(ctx, u.run); err != nil {
		db.Close()
		return nil, fmt.Errorf("upgrade study file %s: %w", path, err)
	}
	return u.done, db.Close()
}

// An upgrade is one run of Upgrade.
type upgrade struct{ done []string }

// did records a change as one sentence for the user.
func (u *upgrade) did(format string, args ...any) {
	u.done = append(u.done, fmt.Sprintf(format, args...))
}

// run compares the file with a new one and closes the gap.
func (u *upgrade) run(t *tx) error {
	want, err := wantedSchema(t.Ctx)
	if err != nil {
		return err
	}
	have, err := schemaOf(t)
	if err != nil {
		return err
	}
	// Optuna's tables first: Bluefin's triggers and backfill refer to them.
	if err := u.optuna(t, have, want); err != nil {
		return err
	}
	if !have.has("table", "bluefin_version") {
		u.did("Made Bluefin's tables and triggers.")
		return migrate(t)
	}
	if _, err := inspect(t); err != nil { // which knows the version
		return err
	}
	return u.repair(t, have, want)
}

// optuna upgrades Optuna's tables. Like Optuna when it opens a file, it creates
// missing tables and records the revision of a file that has none.
func (u *upgrade) optuna(t *tx, have, want schema) error {
	revision, err := u.revision(t, have)
	switch {
	case err != nil:
		return err
	case revision == optunaRevision || revision == lacksIndex:
	// Optuna's own scripts change rows here; we do not repeat them.
	case slices.Contains(olderRevisions, revision):
		return fmt.Errorf("its tables have Optuna's revision %q, want %q or later: "+
			"upgrade it with Optuna's own `optuna storage upgrade`",
			revision, lacksIndex)
	// An unknown revision is a later one: changing its tables could lose data.
	default:
		return fmt.Errorf("its tables have Optuna's revision %q, this program knows %q: use a newer Bluefin",
			revision, optunaRevision)
	}
	for _, o := range want {
		// Only tables: indexes of upgraded files have other names, and no rows depend on them.
		if o.Kind == "table" && !o.ours() && !have.has(o.Kind, o.Name) {
			t.Script(o.SQL)
			u.did("Made the missing table %s.", o.Name)
		}
	}
	if revision == lacksIndex {
		// The index has the name that Optuna's own upgrade gives it.
		t.Script(`CREATE INDEX IF NOT EXISTS trials_study_id_key ON trials (study_id)`)
		t.Exec(`UPDATE alembic_version SET version_num = ?`, optunaRevision)
		u.did("Upgraded Optuna's tables from revision %q to %q.", revision, optunaRevision)
		return t.Err()
	}
	return u.stamp(t)
}

// revision returns the revision of Optuna's tables. If none is recorded it
// follows from the schema version, as in Optuna.
func (u *upgrade) revision(t *tx, have schema) (string, error) {
	var found []string
	if have.has("table", "alembic_version") {
		if err := t.List(&found, `SELECT coalesce(version_num, '') FROM alembic_version`); err != nil {
			return "", err
		}
	}
	if len(found) > 0 {
		// Several rows match no known revision and end in an error that shows them.
		return strings.Join(found, ", "), nil
	}
	version := schemaVersion
	if have.has("table", "version_info") {
		if err := t.Get(&version, `SELECT coalesce(max(schema_version), ?) FROM version_info`,
			schemaVersion); err != nil {
			return "", err
		}
	}
	if version == schemaVersion {
		return optunaRevision, nil
	}
	// Any older revision gives the same answer: use Optuna's own upgrade.
	return olderRevisions[0], nil
}

// stamp adds the version rows that are missing.
func (u *upgrade) stamp(t *tx) error {
	for _, row := range []struct{ table, values string }{
		{"version_info", `SELECT 1, 12, '5.0.0'`}, {"alembic_version", `SELECT '` + optunaRevision + `'`},
	} {
		n := 0
		if err := t.Get(&n, `SELECT count(*) FROM `+row.table); err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		t.Script(`INSERT INTO ` + row.table + ` ` + row.values)
		u.did("Made the missing row of %s.", row.table)
	}
	return t.Err()
}

// repair replaces Bluefin's indexes and triggers that differ from this program's.
func (u *upgrade) repair(t *tx, have, want schema) error {
	for _, o := range have {
		// Triggers of other versions would count changes twice; indexes would only cost time.
		if o.ours() && o.Kind != "table" && want.get(o.Kind, o.Name) == nil {
			t.Script(`DROP ` + o.Kind + ` "` + strings.ReplaceAll(o.Name, `"`, `""`) + `"`)
			u.did("Removed the %s %s.", o.Kind, o.Name)
		}
	}
	for _, o := range want {
		found := have.get(o.Kind, o.Name)
		switch {
		case !o.ours() || found != nil && found.SQL == o.SQL:
			continue
		// Its rows are lost, and a new empty table would look sound.
		case o.Kind == "table" && found == nil:
			return fmt.Errorf("%w: the table %s is missing", ErrCorrupt, o.Name)
		// SQLite changes the text of a table when columns are added, so a different text is no
		// defect.
		case o.Kind == "table":
			continue
		// Replacing a trigger is safe: it has no data.
		case found != nil:
			t.Script(`DROP ` + o.Kind + ` ` + o.Name)
			u.did("Replaced the %s %s.", o.Kind, o.Name)
		default:
			u.did("Made the missing %s %s.", o.Kind, o.Name)
		}
		t.Script(o.SQL)
	}
	return t.Err()
}
