package sqlite_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/trial"
)

// richFile makes a study file with trials in all states, with all that can
// belong to them: 0 complete, 1 pruned, 2 failed, 3 running with a lease and a
// checkpoint, 4 waiting, 5 complete with a checkpoint that is kept. Trial 2
// has finished first. A second study has two objectives.
func richFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "study.db")
	db := open(t, path)
	defer db.Close()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := db.Create(t.Context(), "größe 日本", minimize)
	must(err)
	must(db.WriteStudy(t.Context(), s.ID,
		storage.StudyUpdate{UserAttrs: map[string]json.RawMessage{"note": json.RawMessage(`{"x": NaN}`)}}))
	for range 6 {
		_, err := db.Begin(t.Context(), s.ID, storage.Claim{Lease: storage.Lease{Owner: "w", Duration: time.Hour}})
		must(err)
	}
	params := []trial.Param{{Name: "x", Value: 0.5, Dist: space.Float{High: 1}}, {Name: "c", Value: 1, Dist: space.Categorical{Choices: []any{"a", nil}}}}
	write := func(number int, u storage.Update) {
		t.Helper()
		u.Params = params
		must(db.Write(t.Context(), s.ID, number, u))
	}
	write(2, storage.Update{State: trial.Failed, SystemAttrs: map[string]json.RawMessage{sysattr.Failure: json.RawMessage(`"why"`)}})
	write(0, storage.Update{Reports: []trial.Report{{Step: 1, Value: 2}}, State: trial.Complete, Values: []float64{1}, Constraints: map[string]float64{"c": -1}})
	write(1, storage.Update{State: trial.Pruned, Values: []float64{3}})
	write(3, storage.Update{Checkpoint: &storage.Checkpoint{Step: 1, Data: []byte("state")}, UserAttrs: map[string]json.RawMessage{"k": json.RawMessage("1")}})
	write(4, storage.Update{State: trial.Waiting})
	write(5, storage.Update{Checkpoint: &storage.Checkpoint{Step: 1, Keep: true}, State: trial.Complete, Values: []float64{2}})
	two, err := db.Create(t.Context(), "two", []trial.Direction{trial.Minimize, trial.Maximize})
	must(err)
	_, err = db.Add(t.Context(), two.ID, &trial.Trial{Number: -1, State: trial.Complete, Values: []float64{1, 2}})
	must(err)
	return path
}

// check returns the findings, a line each.
func check(t *testing.T, path string) string {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	findings, _, err := sqlite.Check(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Error("checking has changed the file")
	}
	var lines []string
	for _, f := range findings {
		lines = append(lines, f.String())
	}
	return strings.Join(lines, "\n")
}

func TestSoundFiles(t *testing.T) {
	if got := check(t, richFile(t)); got != "" {
		t.Errorf("of our file: %s", got)
	}
	optuna := optunaFile(t)
	if got := check(t, optuna); got != "" {
		t.Errorf("of Optuna's file: %s", got)
	}
	db := open(t, optuna)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if got := check(t, optuna); got != "" {
		t.Errorf("of Optuna's file with our tables: %s", got)
	}
}

// A rule must find its own violation: each line breaks one.
func TestEveryDamageIsFound(t *testing.T) {
	const study, noTriggers = `study "größe 日本": `, `DROP TRIGGER bluefin_trials_update; DROP TRIGGER bluefin_trials_insert; DROP TRIGGER bluefin_trials_delete;`
	tests := []struct{ damage, want string }{
		// Optuna's tables.
		{`PRAGMA ignore_check_constraints = 1; UPDATE version_info SET version_info_id = 2`, "SQLite: CHECK constraint failed in version_info"},
		{`PRAGMA foreign_keys = 0; INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) VALUES (99, 'x', 1, '')`, "of trial_params belongs to no row of trials"},
		{`PRAGMA foreign_keys = 0; INSERT INTO study_directions (study_id, direction, objective) VALUES (99, 'MINIMIZE', 0)`, "of study_directions belongs to no row of studies"},
		{`INSERT INTO trial_user_attributes ("key", value_json) VALUES ('k', '1')`, "of trial_user_attributes belongs to nothing"},
		{`DROP TABLE trial_heartbeats`, "the table trial_heartbeats is missing"},
		{`UPDATE alembic_version SET version_num = 'v3.0.0.d'`, `the revision of Optuna's tables is "v3.0.0.d", want "v3.2.0.a"`},
		{`INSERT INTO alembic_version VALUES ('v9')`, `is "v3.2.0.a, v9"`},
		{`DELETE FROM version_info`, `the schema version of Optuna's tables is ""`},
		{`DELETE FROM study_directions WHERE study_id = 1`, study + "it has no direction"},
		{`UPDATE study_directions SET direction = 'UP' WHERE study_id = 1`, study + "its direction 0 is UP"},
		{`UPDATE study_directions SET objective = objective + 1 WHERE study_id = 1`, study + "objective 1 is at place 0 of the directions"},
		{`UPDATE trials SET state = 'Complete' WHERE trial_id = 1`, study + "trial 0: its state is Complete"},
		{`UPDATE trials SET number = 7 WHERE trial_id = 6`, study + "trial 7: the number of the trial with id 6 is 7, want 5"},
		{`UPDATE trials SET number = NULL WHERE trial_id = 6`, study + "the number of the trial with id 6 is NULL, want 5"},
		{`UPDATE trials SET number = 1 - number WHERE trial_id IN (1, 2)`, study + "trial 1: the number of the trial with id 1 is 1, want 0"},
		{`DELETE FROM trial_values WHERE trial_id = 1`, study + "trial 0: it is COMPLETE with 0 values, want 1"},
		{`INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (1, 1, 1, 'FINITE')`, study + "trial 0: it is COMPLETE with 2 values, want 1"},
		{`INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (2, 1, 1, 'FINITE')`, study + "trial 1: it is PRUNED with 2 values, want at most 1"},
		{`INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (3, 0, 1, 'FINITE')`, study + "trial 2: it is FAIL with 1 values, want 0"},
		{`INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (4, 0, 1, 'FINITE')`, study + "trial 3: it is RUNNING with 1 values, want 0"},
		{`UPDATE trial_values SET objective = 2 WHERE trial_id = 7 AND objective = 1`, `study "two": trial 0: its value of objective 2 is number 1 of its values`},
		{`UPDATE trials SET datetime_start = NULL WHERE trial_id = 1`, study + "trial 0: it is COMPLETE and has no start"},
		{`UPDATE trials SET datetime_start = NULL WHERE trial_id = 4`, study + "trial 3: it is RUNNING and has no start"},
		{`UPDATE trials SET datetime_complete = NULL WHERE trial_id = 3`, study + "trial 2: it is FAIL and has no end"},
		{`UPDATE trials SET datetime_complete = datetime_start WHERE trial_id = 4`, study + "trial 3: it is RUNNING and has an end"},
		{`UPDATE trials SET datetime_start = 'yesterday' WHERE trial_id = 1`, study + `trial 0: its start is "yesterday", want one like 2006-01-02`},
		{`UPDATE trials SET datetime_complete = '2026-01-01T10:00:00' WHERE trial_id = 1`, study + `trial 0: its end is "2026-01-01T10:00:00"`},
		{`INSERT INTO trial_heartbeats (trial_id, heartbeat) VALUES (4, 'never')`, study + `trial 3: its heartbeat is "never"`},
		{`UPDATE trial_params SET param_value = 2 WHERE trial_id = 1 AND param_name = 'c'`, study + `trial 0: its parameter "c" is choice 2 of`},
		{`UPDATE trial_params SET param_value = 0.5 WHERE trial_id = 1 AND param_name = 'c'`, study + `trial 0: its parameter "c" is choice 0.5 of`},
		{`UPDATE trial_params SET param_value = NULL WHERE trial_id = 1 AND param_name = 'x'`, study + `trial 0: its parameter "x" is not a number`},
		{`UPDATE trial_params SET param_value = 9e999 WHERE trial_id = 1 AND param_name = 'x'`, study + `trial 0: its parameter "x" is not a number`},
		{`UPDATE trial_params SET param_value = 'much' WHERE trial_id = 1 AND param_name = 'x'`, study + `trial 0: its parameter "x" is "much", want a number`},
		{`UPDATE trial_params SET distribution_json = '{' WHERE trial_id = 1 AND param_name = 'x'`, study + `trial 0: its parameter "x" is without a valid distribution: `},
		{`UPDATE trial_params SET distribution_json = '{"name": "Flat", "attributes": {"low": 2, "high": 1}}' WHERE trial_id = 1 AND param_name = 'x'`, study + `trial 0: its parameter "x" is without a valid distribution: `},
		{`UPDATE trial_values SET value = NULL WHERE trial_id = 1`, study + `trial 0: its value of objective "0" is value 0 of type "FINITE"`},
		{`UPDATE trial_values SET value_type = 'NAN', value = NULL WHERE trial_id = 1`, study + `trial 0: its value of objective "0" is NaN, want a number`},
		{`UPDATE trial_values SET value_type = 'INF_POS' WHERE trial_id = 1`, study + `trial 0: its value of objective "0" is 1 of type "INF_POS"`},
		{`UPDATE trial_intermediate_values SET intermediate_value_type = 'HUGE' WHERE trial_id = 1`, study + `trial 0: its report of step "1" is value 2 of type "HUGE"`},
		{`UPDATE trial_user_attributes SET value_json = '{' WHERE trial_id = 4`, study + `trial 3: its user attribute "k" is not JSON: "{"`},
		{`UPDATE trial_system_attributes SET value_json = '' WHERE trial_id = 3`, study + `trial 2: its system attribute "bluefin:failure" is not JSON: ""`},
		{`UPDATE study_user_attributes SET value_json = NULL`, study + `its user attribute "note" is not JSON: ""`},
		{`INSERT INTO study_system_attributes (study_id, "key", value_json) VALUES (1, 'study:metric_names', '[')`, study + `its system attribute "study:metric_names" is not JSON: "["`},

		// Ours.
		{`UPDATE bluefin_version SET version = 2`, `the version of Bluefin's tables is "2", want "1"`},
		{`DELETE FROM bluefin_version`, `the version of Bluefin's tables is "", want "1"`},
		{`DELETE FROM bluefin_deleted WHERE kind = 'trial'`, `the kinds of deleted ids is "study", want "study and trial"`},
		{`DROP TABLE bluefin_checkpoints`, "the table bluefin_checkpoints is missing"},
		{`DROP INDEX bluefin_trials_revision`, "the index bluefin_trials_revision is missing"},
		{`DROP TRIGGER bluefin_trials_finish`, "the trigger bluefin_trials_finish is missing"},
		{`DROP TRIGGER bluefin_trials_finish; CREATE TRIGGER bluefin_trials_finish AFTER UPDATE ON trials BEGIN SELECT 1; END`, "the trigger bluefin_trials_finish is not that of this program"},
		{`CREATE TRIGGER bluefin_more AFTER UPDATE ON trials BEGIN SELECT 1; END`, "the trigger bluefin_more is not one of this program"},
		{`DELETE FROM bluefin_studies WHERE study_id = 1`, study + "it has no row in bluefin_studies"},
		{`INSERT INTO bluefin_studies VALUES (99, 0, 0, 0)`, "row 99 of bluefin_studies belongs to no row of studies"},
		{`DELETE FROM bluefin_trials WHERE trial_id = 5`, study + "trial 4: it has no row in bluefin_trials"},
		{noTriggers + `INSERT INTO trials VALUES (8, 6, 1, 'WAITING', NULL, NULL)`, study + "trial 6: it has no row in bluefin_trials"},
		{`INSERT INTO bluefin_trials (trial_id, study_id, revision, seen) VALUES (99, 1, 99, 0)`, "row 99 of bluefin_trials belongs to no row of trials"},
		{`INSERT INTO bluefin_checkpoints VALUES (99, 1, 0, '{}', '')`, "row 99 of bluefin_checkpoints belongs to no row of trials"},
		{`UPDATE bluefin_trials SET study_id = 2, revision = 999 WHERE trial_id = 1`, study + "trial 0: bluefin_trials has it in the study with id 2"},
		{`UPDATE bluefin_studies SET begun = 6 WHERE study_id = 1`, study + "5 trials were begun, bluefin_studies says 6"},
		{`UPDATE bluefin_studies SET finished = 3 WHERE study_id = 1`, study + "4 trials have finished, bluefin_studies says 3"},
		{noTriggers + `UPDATE trials SET state = 'FAIL', datetime_complete = datetime_start WHERE trial_id = 4`, study + "5 trials have finished, bluefin_studies says 4"},
		{`UPDATE bluefin_studies SET revision = revision + 1 WHERE study_id = 1`, study + "its revision is "},
		{`UPDATE bluefin_trials SET revision = 1000 WHERE trial_id = 1`, study + "its revision is "},
		{`UPDATE bluefin_trials SET revision = 0 WHERE trial_id = 1`, study + "trial 0: its revision is 0, want one above 0 that no other trial has"},
		{`DROP INDEX bluefin_trials_revision; UPDATE bluefin_trials SET revision = (SELECT revision FROM bluefin_trials WHERE trial_id = 1) WHERE trial_id = 2`, study + "trial 1: its revision is "},
		{`UPDATE bluefin_trials SET finish = NULL WHERE trial_id = 1`, study + "trial 0: it is COMPLETE and has no place in finishing order"},
		{`UPDATE bluefin_trials SET finish = 5 WHERE trial_id = 4`, study + "trial 3: it is RUNNING and has the place 5 in finishing order"},
		{`UPDATE bluefin_trials SET finish = 9 WHERE trial_id = 1`, study + "trial 0: its place in finishing order is 9, want 4"},
		{`UPDATE bluefin_trials SET finish = 1 WHERE trial_id = 1`, "its place in finishing order is 1, want 2"},
		{`UPDATE bluefin_trials SET seen = -1 WHERE trial_id = 1`, study + "trial 0: it has seen -1 finished trials"},
		{`UPDATE bluefin_trials SET lease_owner = 'w', lease_until = 1 WHERE trial_id = 1`, study + "trial 0: it is COMPLETE and has a lease"},
		{`UPDATE bluefin_trials SET lease_until = 1 WHERE trial_id = 5`, study + "trial 4: it is WAITING and has a lease"},
		{`UPDATE bluefin_trials SET lease_until = NULL WHERE trial_id = 4`, study + "trial 3: its lease has no owner or no end"},
		{`UPDATE bluefin_checkpoints SET keep = 0 WHERE trial_id = 6`, study + "trial 5: it is COMPLETE and has a checkpoint that is not to be kept"},
		{`UPDATE bluefin_checkpoints SET step = -1 WHERE trial_id = 4`, study + "trial 3: its checkpoint is of step -1"},
		{`UPDATE bluefin_checkpoints SET marks = '[1]' WHERE trial_id = 4`, study + `trial 3: its checkpoint is unreadable: "[1]" is not an object of strings`},
		{`UPDATE bluefin_checkpoints SET marks = '{"a": "{"}' WHERE trial_id = 4`, study + `trial 3: its checkpoint is unreadable: "a" is not JSON`},
	}
	whole, err := os.ReadFile(richFile(t))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "damaged.db")
	for _, test := range tests {
		if err := os.WriteFile(path, whole, 0o644); err != nil {
			t.Fatal(err)
		}
		script(t, path, test.damage)
		found := false
		got := check(t, path)
		for line := range strings.Lines(got) {
			found = found || strings.Contains(line, test.want)
		}
		if !found {
			t.Errorf("%s:\ngot %s\nwant %s", test.damage, got, test.want)
		}
	}
}

// Damage to the pages is found too, or the file cannot be read at all.
func TestCheckOfDamagedPages(t *testing.T) {
	path := richFile(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	findings, unreadable := 0, 0
	for at := 4096; at < len(whole); at += 4096 {
		damaged := bytes.Clone(whole)
		for i := range 64 {
			damaged[at+i] ^= 0xff
		}
		if err := os.WriteFile(path, damaged, 0o644); err != nil {
			t.Fatal(err)
		}
		found, _, err := sqlite.Check(t.Context(), path)
		switch {
		case errors.Is(err, sqlite.ErrCorrupt):
			unreadable++
		case err != nil:
			t.Errorf("page at %d: got %v, want ErrCorrupt", at, err)
		case len(found) == 0:
			t.Errorf("page at %d: nothing is found", at)
		default:
			findings++
		}
	}
	if findings < 10 {
		t.Errorf("findings in %d damaged files, %d unreadable", findings, unreadable)
	}
}

func TestCheckOfWhatIsNoStudyFile(t *testing.T) {
	dir := t.TempDir()
	text, other, missing := filepath.Join(dir, "text.db"), filepath.Join(dir, "other.db"), filepath.Join(dir, "missing.db")
	if err := os.WriteFile(text, bytes.Repeat([]byte("text "), 100), 0o644); err != nil {
		t.Fatal(err)
	}
	script(t, other, `CREATE TABLE customers (id)`)
	for path, want := range map[string]string{text: "not a sound SQLite database", other: "it holds no study", missing: "no such file", dir: "it is a directory", "": "the path is empty"} {
		if got, _, err := sqlite.Check(t.Context(), path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, %v, want %q", path, got, err, want)
		}
	}
}
