package postgres

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bluefin-hpo/bluefin/storage/internal/rdb"
)

// optunaTables makes the tables and version rows as Optuna 5 does.
//
//go:embed optuna.sql
var optunaTables string

// bluefinTables makes what Optuna ignores.
//
//go:embed bluefin.sql
var bluefinTables string

// backfill derives Bluefin's rows from Optuna's.
//
//go:embed backfill.sql
var backfill string

// triggers keep Bluefin's rows right, whoever writes.
//
//go:embed triggers.sql
var triggers string

// optunaRevision is Alembic's name for the version of Optuna's tables, the same from 3.2 to 5.0.
const optunaRevision = "v3.2.0.a"

// fill stores what backfill derives.
const fill = `
WITH %s INSERT INTO bluefin_trials (trial_id, study_id, revision, finish, seen)
	SELECT trial_id, study_id, revision, finish, seen FROM found_trials;
WITH %[1]s INSERT INTO bluefin_studies SELECT * FROM found_studies;
`

// locking keeps others from writing while their rows are counted. It does not wait for locks: their
// holders might wait for ours.
const locking = `LOCK TABLE studies, trials, trial_params, trial_values, trial_intermediate_values,
	trial_user_attributes, trial_system_attributes IN SHARE ROW EXCLUSIVE MODE NOWAIT;`

// An otherError says that tables are not Optuna's.
type otherError struct{ error }

// settled calls f again for two seconds if it finds tables that are not Optuna's: they may be the
// first of those that another process is making. Optuna makes alembic_version last, and PostgreSQL
// shows the tables of one transaction to to_regclass one by one.
func settled(ctx context.Context, f func() error) error {
	for deadline := time.Now().Add(2 * time.Second); ; {
		err := f()
		if !errors.As(err, new(otherError)) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// migrate makes missing tables.
func (db *DB) migrate(ctx context.Context, mustExist bool) error {
	return settled(ctx, func() error { return db.makeTables(ctx, mustExist) })
}

func (db *DB) makeTables(ctx context.Context, mustExist bool) error {
	found := tables{}
	if err := db.read(ctx, func(t *rdb.Tx) (err error) { found, err = inspect(t); return err }); err != nil || found.bluefin {
		return err
	}
	if mustExist && !found.optuna {
		return errEmpty
	}
	return db.retry(ctx, db.patience, func() error {
		err := db.write(ctx, func(t *rdb.Tx) error {
			// One program at a time. The number is arbitrary.
			t.Exec(`SELECT pg_advisory_xact_lock(7239017341)`)
			found, err := inspect(t)
			if err != nil || found.bluefin {
				return err
			}
			// The functions of the triggers keep this path. With pg_temp last, nobody can put a
			// temporary table in the way of what runs with the rights of the owner.
			t.Exec(`SELECT set_config('search_path', current_setting('search_path') || ', pg_temp', true)`)
			switch {
			case !found.optuna:
				t.Script(optunaTables + bluefinTables + triggers)
			default:
				// Triggers last: they must not count again.
				t.Script(locking + bluefinTables + fmt.Sprintf(fill, backfill) + triggers)
			}
			return t.Err()
		})
		var e *pgconn.PgError
		if errors.As(err, &e) && e.Code == "55P03" {
			err = busyError{err}
		}
		return err
	})
}

// errEmpty is the error for a database without Optuna's tables.
var errEmpty = emptyError{}

type emptyError struct{}

func (emptyError) Error() string { return "it has no tables, no study was ever saved there" }

func (emptyError) Is(target error) bool { return target == fs.ErrNotExist }

// tables says which tables a database has.
type tables struct{ optuna, bluefin bool }

// inspect reports which tables search_path finds, and fails if they belong to another program or
// version. Unrelated tables do no harm.
func inspect(t *rdb.Tx) (found tables, err error) {
	var has struct {
		Studies, Trials, Alembic, Bluefin bool
		Schema                            *string
	}
	if err := t.Get(&has, `
		SELECT to_regclass('studies') IS NOT NULL AS studies, to_regclass('trials') IS NOT NULL AS trials,
			to_regclass('alembic_version') IS NOT NULL AS alembic, to_regclass('bluefin_version') IS NOT NULL AS bluefin,
			current_schema() AS schema`); err != nil {
		return found, err
	}
	found = tables{optuna: has.Studies && has.Trials, bluefin: has.Bluefin}
	if has.Schema == nil {
		return found, errors.New("its search_path names no schema that exists and that the user may use")
	}
	if has.Alembic {
		revisions := []string{}
		if err := t.List(&revisions, `SELECT version_num FROM alembic_version`); err != nil {
			return found, err
		}
		switch revision := strings.Join(revisions, ", "); {
		case !found.optuna:
			return found, otherError{fmt.Errorf("its table alembic_version (%q) belongs to another program than Optuna: "+
				"use another database, or another schema by ?options=-csearch_path%%3DNAME in the URL", revision)}
		case revision != optunaRevision:
			return found, fmt.Errorf("its tables have Optuna's revision %q, want %q: upgrade them with `optuna storage upgrade`",
				revision, optunaRevision)
		}
	} else if has.Studies || has.Trials {
		return found, otherError{errors.New("its tables studies and trials are not Optuna's, which has alembic_version beside " +
			"them: use another database, or another schema by ?options=-csearch_path%3DNAME in the URL")}
	}
	if !found.bluefin {
		return found, nil
	}
	version := 0
	if err := t.Get(&version, `SELECT version FROM bluefin_version`); err != nil {
		return found, err
	}
	// A newer version may have rules that this program would break.
	if version != 1 {
		return found, fmt.Errorf("its Bluefin tables have version %d, this program knows version 1: use a newer Bluefin", version)
	}
	return found, nil
}

// inspectReadOnly inspects a database that must not change. Without Bluefin's tables each query
// derives their rows from Optuna's: there are no leases and no checkpoints, and Seen and the finishing
// order follow from the times.
func (db *DB) inspectReadOnly(ctx context.Context) error {
	found := tables{}
	err := settled(ctx, func() error {
		return db.read(ctx, func(t *rdb.Tx) (err error) { found, err = inspect(t); return err })
	})
	switch {
	case err != nil:
		return err
	case !found.optuna:
		return errEmpty
	case !found.bluefin:
		db.prefix = `WITH ` + backfill + `,
			bluefin_trials AS (SELECT * FROM found_trials), bluefin_studies AS (SELECT * FROM found_studies),
			bluefin_checkpoints AS (SELECT 0 AS trial_id, 0 AS step, false AS keep, ''::bytea AS data WHERE false) `
	}
	return nil
}

// Tracked reports whether Since sees later changes. It does not if the database was opened read-only
// and lacks Bluefin's tables, whose triggers count changes. Reopen it then.
func (db *DB) Tracked() bool { return db.prefix == "" }
