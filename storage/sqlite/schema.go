package sqlite

import (
	_ "embed"
	"errors"
	"fmt"
)

//go:embed optuna.sql
var optunaTables string

//go:embed bluefin.sql
var bluefinTables string

//go:embed backfill.sql
var backfill string

//go:embed triggers.sql
var triggers string

// The revision of Optuna's tables, as Alembic names it. It is the same from
// Optuna 3.2 to 5.0.
const optunaRevision = "v3.2.0.a"

// The rows by which Optuna knows the revision. The library version is that of
// the Optuna whose tables these are.
const versionRows = `
	INSERT INTO version_info (version_info_id, schema_version, library_version) VALUES (1, 12, '5.0.0');
	INSERT INTO alembic_version (version_num) VALUES ('` + optunaRevision + `');`

// migrate makes the tables that are missing.
func migrate(t *tx) error {
	found, err := inspect(t)
	if err != nil || found.bluefin {
		return err
	}
	script := bluefinTables + backfill + triggers
	if !found.optuna {
		script = optunaTables + versionRows + script
	}
	return t.script(script)
}

// checkReadable checks that the file has studies and, if it has no Bluefin
// tables, makes temporary ones.
func checkReadable(t *tx) error {
	found, err := inspect(t)
	switch {
	case err != nil || found.bluefin:
		return err
	case !found.optuna:
		return errors.New("it is empty, no study was ever saved there")
	}
	return t.script(`
		CREATE TEMP TABLE bluefin_studies (study_id, revision, begun, finished);
		CREATE TEMP TABLE bluefin_trials (trial_id PRIMARY KEY, study_id, revision, finish, seen, lease_owner, lease_process, lease_until, again);` + backfill)
}

type tables struct{ optuna, bluefin bool }

// inspect tells whose tables are there, and fails if they are not ours to use.
func inspect(t *tx) (found tables, err error) {
	has := func(name string) bool {
		n := 0
		if err == nil {
			err = t.get(&n, `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?`, name)
		}
		return n > 0
	}
	found.optuna, found.bluefin = has("studies") && has("trials"), has("bluefin_version")
	others := 0
	if err == nil {
		err = t.get(&others, `SELECT count(*) FROM sqlite_master WHERE type = 'table'`)
	}
	switch {
	case err != nil:
		return found, err
	case !found.optuna && others > 0:
		return found, errors.New("it holds the tables of another program, not of a study")
	case !found.optuna:
		return found, nil
	}
	revision := ""
	if err := t.get(&revision, `SELECT coalesce(max(version_num), '') FROM alembic_version`); err != nil {
		return found, err
	}
	if revision != optunaRevision {
		return found, fmt.Errorf("its tables have Optuna's revision %q, want %q: upgrade it with `bluefin storage upgrade`, or an older one with `optuna storage upgrade`", revision, optunaRevision)
	}
	if !found.bluefin {
		return found, nil
	}
	version := 0
	if err := t.get(&version, `SELECT version FROM bluefin_version`); err != nil {
		return found, err
	}
	if version != 1 {
		return found, fmt.Errorf("its Bluefin tables have version %d, this program knows version 1: use a newer Bluefin", version)
	}
	return found, nil
}
