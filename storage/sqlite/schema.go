package sqlite

import (
	_ "embed"
	"errors"
	"fmt"
)

// optunaTables creates the tables as Optuna 5 does.
//
//go:embed optuna.sql
var optunaTables string

// bluefinTables creates what Optuna ignores.
//
//go:embed bluefin.sql
var bluefinTables string

// backfill derives Bluefin's rows from the trials of a file that Optuna wrote.
//
//go:embed backfill.sql
var backfill string

// triggers keep Bluefin's rows right, whoever writes.
//
//go:embed triggers.sql
var triggers string

// The revision of Optuna's tables, as Alembic names it. It is the same from
// Optuna 3.2 to 5.0.
const optunaRevision = "v3.2.0.a"

// The rows from which Optuna reads the revision. The library version is that of
// the Optuna whose tables these are.
const versionRows = `
	INSERT INTO version_info (version_info_id, schema_version, library_version) VALUES (1, 12, '5.0.0');
	INSERT INTO alembic_version (version_num) VALUES ('` + optunaRevision + `');`

// migrate creates missing tables.
func migrate(t *tx) error {
	found, err := inspect(t)
	// Bluefin's tables, backfill and triggers are created in one
	// transaction, so one implies the others.
	if err != nil || found.bluefin {
		return err
	}
	// Triggers last: they must not count what backfill has counted.
	script := bluefinTables + backfill + triggers
	if !found.optuna {
		script = optunaTables + versionRows + script
	}
	t.Script(script)
	return t.Err()
}

// checkReadable fails if the file has no studies. If it has no Bluefin tables,
// temporary ones are created, and it returns true.
func checkReadable(t *tx) (temporary bool, err error) {
	found, err := inspect(t)
	switch {
	case err != nil || found.bluefin:
		return false, err
	// An empty file is what a process leaves that was killed between creating and filling it.
	case !found.optuna:
		return false, errors.New("it is empty, no study was ever saved there")
	}
	// Without triggers, which a read-only connection cannot need. The columns are those that
	// reading uses.
	t.Script(`
		CREATE TEMP TABLE bluefin_studies (study_id, revision, begun, finished);
		CREATE TEMP TABLE bluefin_trials (trial_id PRIMARY KEY, study_id, revision, finish, seen,
			lease_owner, lease_process, lease_until, again);` + backfill)
	return true, t.Err()
}

// tables says whose tables a file has.
type tables struct{ optuna, bluefin bool }

// inspect reports whose tables the file has, and fails if they are not ours to
// use.
func inspect(t *tx) (found tables, err error) {
	have, err := schemaOf(t)
	if err != nil {
		return found, err
	}
	found = tables{optuna: have.studies(), bluefin: have.has("table", "bluefin_version")}
	if !found.optuna {
		// An empty file is fine; anything else belongs to somebody who did not ask for studies in
		// it.
		if len(have) > 0 {
			err = errors.New("it holds the tables of another program, not of a study")
		}
		return found, err
	}
	revision := ""
	if err := t.Get(&revision, `SELECT coalesce(max(version_num), '') FROM alembic_version`); err != nil {
		return found, err
	}
	if revision != optunaRevision {
		return found, fmt.Errorf("its tables have Optuna's revision %q, want %q: upgrade it with "+
			"`bluefin storage upgrade`, or an older one with `optuna storage upgrade`",
			revision, optunaRevision)
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
		return found, fmt.Errorf("its Bluefin tables have version %d, this program knows version 1: "+
			"use a newer Bluefin",
			version)
	}
	return found, nil
}
