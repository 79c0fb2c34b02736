package sqlite_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/storage/sqlite"
)

func upgrade(t *testing.T, path string) []string {
	t.Helper()
	done, err := sqlite.Upgrade(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// trials is what a file tells of its first study.
func trials(t *testing.T, path string) int {
	t.Helper()
	n, err := count(t.Context(), path, sqlite.Options{MustExist: true})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestUpgrade(t *testing.T) {
	const made = "Made Bluefin's tables and triggers."
	for name, test := range map[string]struct {
		change string // SQL on an Optuna file
		want   []string
	}{
		"Optuna's file": {``, []string{made}},
		"the revision that lacks an index": {
			`DROP INDEX ix_trials_study_id; UPDATE alembic_version SET version_num = 'v3.0.0.d'`,
			[]string{`Upgraded Optuna's tables from revision "v3.0.0.d" to "v3.2.0.a".`, made},
		},
		"no revision, but the schema version": {`DELETE FROM alembic_version`, []string{"Made the missing row of alembic_version.", made}},
		"no revision table":                   {`DROP TABLE alembic_version`, []string{"Made the missing table alembic_version.", "Made the missing row of alembic_version.", made}},
		"nothing but studies and trials": {
			`DROP TABLE alembic_version; DROP TABLE version_info; DROP TABLE trial_heartbeats`,
			[]string{"Made the missing table version_info.", "Made the missing table trial_heartbeats.", "Made the missing table alembic_version.",
				"Made the missing row of version_info.", "Made the missing row of alembic_version.", made},
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := optunaFile(t)
			script(t, path, test.change)
			if got := upgrade(t, path); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if got := check(t, path); got != "" {
				t.Errorf("after the upgrade: %s", got)
			}
			if got := upgrade(t, path); len(got) != 0 {
				t.Errorf("a second upgrade does %q", got)
			}
			if got := trials(t, path); got != 3 {
				t.Errorf("got %d trials, want 3", got)
			}
		})
	}
}

func TestUpgradeRepairsTriggersAndIndexes(t *testing.T) {
	path := richFile(t)
	if got := upgrade(t, path); len(got) != 0 {
		t.Errorf("a file of this program needs nothing: got %q", got)
	}
	script(t, path, `DROP TRIGGER bluefin_trials_finish;
		DROP TRIGGER bluefin_trials_insert;
		CREATE TRIGGER bluefin_trials_insert AFTER INSERT ON trials BEGIN SELECT 1; END;
		CREATE TRIGGER bluefin_of_old AFTER INSERT ON trials BEGIN SELECT 1; END;
		CREATE TRIGGER of_another AFTER INSERT ON trials BEGIN SELECT 1; END;
		DROP INDEX bluefin_trials_revision`)
	want := []string{"Removed the trigger bluefin_of_old.", "Made the missing index bluefin_trials_revision.",
		"Replaced the trigger bluefin_trials_insert.", "Made the missing trigger bluefin_trials_finish."}
	if got := upgrade(t, path); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := check(t, path); got != "" {
		t.Errorf("after the upgrade: %s", got)
	}
	script(t, path, `DROP TRIGGER of_another`) // which is still there
}

// What cannot be upgraded stays as it was, to the byte.
func TestUpgradeRefuses(t *testing.T) {
	for name, test := range map[string]struct{ change, want string }{
		"an older revision":         {`UPDATE alembic_version SET version_num = 'v3.0.0.c'`, "upgrade it with Optuna's own `optuna storage upgrade`"},
		"a file before revisions":   {`DELETE FROM alembic_version; UPDATE version_info SET schema_version = 11`, `revision "v0.9.0.a", want "v3.0.0.d" or later: upgrade it with Optuna's own`},
		"a newer Optuna":            {`UPDATE alembic_version SET version_num = 'v9.9.9.a'`, `revision "v9.9.9.a", this program knows "v3.2.0.a": use a newer Bluefin`},
		"two revisions":             {`INSERT INTO alembic_version VALUES ('v9')`, `revision "v3.2.0.a, v9"`},
		"a newer Bluefin":           {`CREATE TABLE bluefin_version (version); INSERT INTO bluefin_version VALUES (2)`, "use a newer Bluefin"},
		"a part of Bluefin's files": {`CREATE TABLE bluefin_version (version); INSERT INTO bluefin_version VALUES (1)`, "the table bluefin_deleted is missing"},
		"another program's file":    {`DROP TABLE trials`, "it holds no study"},
	} {
		t.Run(name, func(t *testing.T) {
			path := optunaFile(t)
			script(t, path, test.change)
			before, _ := os.ReadFile(path)
			if got, err := sqlite.Upgrade(t.Context(), path); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the file has changed")
			}
		})
	}
	missing := filepath.Join(t.TempDir(), "missing.db")
	if _, err := sqlite.Upgrade(t.Context(), missing); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("a missing file: got %v", err)
	}
}
