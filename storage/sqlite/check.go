package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/bluefin-hpo/bluefin/storage/internal/rdb"
)

// A Finding is one defect of a study file.
type Finding struct {
	Study string // its name; "" for a defect of the file itself
	Trial int    // its number; -1 for a defect of the study or the file
	Text  string
}

// String returns the finding in one line.
func (f Finding) String() string {
	var where string
	if f.Study != "" {
		where = fmt.Sprintf("study %q: ", f.Study)
	}
	if f.Trial >= 0 {
		where += fmt.Sprintf("trial %d: ", f.Trial)
	}
	return where + f.Text
}

// Check reads the study file at path at one moment, without changing it, and
// returns its defects: it runs SQLite's own checks and verifies the rules of
// Optuna's tables and, if the file has them, of Bluefin's. free is how many bytes
// Vacuum would reclaim. The error matches ErrCorrupt if the file cannot be read
// at all.
func Check(ctx context.Context, path string) (findings []Finding, free int64, err error) {
	db, err := openRaw(ctx, path, Options{ReadOnly: true})
	if err != nil {
		return nil, 0, err
	}
	c := checker{}
	// One snapshot for all checks: a writer in between would look like a defect.
	err = db.read(ctx, func(t *tx) error {
		if err := c.run(t); err != nil {
			return err
		}
		_, free, err = size(t)
		return err
	})
	if err = errors.Join(err, db.Close()); err != nil {
		return nil, 0, fmt.Errorf("check study file %s: %w", path, err)
	}
	return c.findings, free, nil
}

// openRaw opens a file that exists, whatever its revision: for ReadOnly with one
// reader, which the caller must not write by, else with the writer alone.
func openRaw(ctx context.Context, path string, o Options) (_ *DB, err error) {
	db := &DB{closed: make(chan struct{})}
	db.store = rdb.New(db.read, db.write, path)
	defer func() {
		if err != nil {
			err = fmt.Errorf("open study file %s: %w", path, explain(err))
			db.Close()
		}
	}()
	abs, err := locate(path, o)
	if err != nil {
		return nil, err
	}
	if o.ReadOnly {
		// Bluefin's temporary tables are not created here: a check judges what is in the file.
		err = db.openReader(ctx, abs)
		return db, err
	}
	pool, err := db.connect(abs, url.Values{"mode": {"rw"}, "_pragma": {busyTimeout}})
	if err != nil {
		return nil, err
	}
	s, err := newSession(ctx, pool)
	if err == nil {
		if err = hasStudies(ctx, s); err != nil { // before there is a lock file
			return nil, errors.Join(cause(ctx, err), s.close())
		}
		db.writer = newWriter(abs, s, newTurn(abs+".lock"))
	}
	return db, err
}

// A checker collects findings.
type checker struct{ findings []Finding }

// add records a finding. A number of -1 means that it is not about a trial.
func (c *checker) add(study string, number int, format string, args ...any) {
	c.findings = append(c.findings, Finding{study, number, fmt.Sprintf(format, args...)})
}

// run checks the file. In a damaged file the queries of later checks may fail;
// that is a finding, not an error, once the damage itself is found.
func (c *checker) run(t *tx) error {
	err := c.integrity(t)
	if err == nil {
		err = c.rules(t)
	}
	if err != nil && t.Ctx.Err() == nil && len(c.findings) > 0 {
		c.add("", -1, "not all could be checked: %v", err)
		err = nil
	}
	return err
}

// integrity runs SQLite's own checks of pages, indexes and foreign keys.
func (c *checker) integrity(t *tx) error {
	err := t.Each(func(rows rdb.Rows) error {
		var text string
		err := rows.Scan(&text)
		if err == nil && text != "ok" {
			c.add("", -1, "SQLite: %s", strings.ReplaceAll(text, "\n", "; "))
		}
		return err
	}, `PRAGMA integrity_check`)
	if err != nil {
		return err
	}
	return t.Each(func(rows rdb.Rows) error {
		var (
			table, parent string
			row, key      sql.NullInt64
		)
		err := rows.Scan(&table, &row, &parent, &key)
		c.add("", -1, "row %d of %s belongs to no row of %s", row.Int64, table, parent)
		return err
	}, `PRAGMA foreign_key_check`)
}

// rules runs the checks of contents, unless a table is missing that they need.
func (c *checker) rules(t *tx) error {
	ours, whole, err := c.schema(t)
	if err != nil || !whole {
		return err
	}
	if err := c.versions(t, ours); err != nil {
		return err
	}
	rules := optunaRules
	if ours {
		rules += bluefinRules
	}
	// The texts of the rules contain no semicolon; a comment before a SELECT does no harm.
	for _, rule := range strings.Split(rules, ";") {
		if err := c.rule(t, rule); err != nil {
			return err
		}
	}
	return c.texts(t, ours)
}

// schema compares the tables with those of a new file. It returns whether
// Bluefin's are there, and whether all tables are there that the rules query.
func (c *checker) schema(t *tx) (ours, whole bool, err error) {
	want, err := wantedSchema(t.Ctx)
	if err != nil {
		return false, false, err
	}
	have, err := schemaOf(t)
	if err != nil {
		return false, false, err
	}
	if !have.studies() {
		return false, false, errNoStudies
	}
	ours, whole = have.has("table", "bluefin_version"), true
	for _, o := range want {
		switch found := have.get(o.Kind, o.Name); {
		// A file of Optuna's has none of Bluefin's tables, which is no defect.
		case o.ours() && !ours:
		case !o.ours() && o.Kind != "table":
			// Optuna's indexes have other names in files that it has upgraded.
		case found == nil:
			whole = whole && o.Kind != "table"
			c.add("", -1, "the %s %s is missing", o.Kind, o.Name)
		case o.Kind == "trigger" && found.SQL != o.SQL:
			c.add("", -1, "the trigger %s is not that of this program", o.Name)
		}
	}
	// Triggers of other versions would count a change twice.
	for _, o := range have {
		if o.Kind == "trigger" && o.ours() && want.get(o.Kind, o.Name) == nil {
			c.add("", -1, "the trigger %s is not one of this program", o.Name)
		}
	}
	return ours, whole, nil
}

// versions checks the tables that must have known rows.
func (c *checker) versions(t *tx, ours bool) error {
	// A missing row and a second row are defects as well, so all rows are read.
	check := func(what, query, want string) error {
		var found []string
		err := t.List(&found, query)
		if err == nil && (len(found) != 1 || found[0] != want) {
			c.add("", -1, "%s is %q, want %q", what, strings.Join(found, ", "), want)
		}
		return err
	}
	err := errors.Join(
		check("the revision of Optuna's tables",
			`SELECT coalesce(version_num, '') FROM alembic_version`, optunaRevision),
		check("the schema version of Optuna's tables", `SELECT coalesce(schema_version, '') FROM version_info`, "12"))
	if ours {
		err = errors.Join(err,
			check("the version of Bluefin's tables", `SELECT version FROM bluefin_version`, "1"),
			check("the kinds of deleted ids", `
				SELECT group_concat(kind, ' and ')
				FROM (SELECT kind FROM bluefin_deleted WHERE id >= 0 ORDER BY kind)`, "study and trial"))
	}
	return err
}

// rule runs a query that returns findings: the study's name, the trial's number
// and a text.
func (c *checker) rule(t *tx, query string) error {
	return t.Each(func(rows rdb.Rows) error {
		var (
			study, text sql.NullString
			number      sql.NullInt64
		)
		err := rows.Scan(&study, &number, &text)
		if !number.Valid {
			// NULL: the finding is about the study or the file.
			number.Int64 = -1
		}
		c.add(study.String, int(number.Int64), "%s", text.String)
		return err
	}, query)
}
