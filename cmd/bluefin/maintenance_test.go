package main

import (
	"bytes"
	"database/sql"
	"os/exec"
	"path/filepath"
	"testing"
)

// damaged makes a study file of one trial and changes it as no program should.
func damaged(t *testing.T, change string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s.db")
	bluefin(t, "create-study", "--storage", path, "--study-name", "a b")
	bluefin(t, "ask", "--storage", path)
	bluefin(t, "tell", "--storage", path, "--trial-number", "0", "--values", "1")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(change); err != nil {
		t.Fatal(err)
	}
	return path
}

// status runs bluefin and returns what it wrote and its exit code.
func status(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command("bluefin", args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func TestStorageCheckPrintsFindings(t *testing.T) {
	path := damaged(t, `DELETE FROM trial_values; DROP TRIGGER bluefin_trials_finish`)
	for format, want := range map[string]string{
		"value": "the trigger bluefin_trials_finish is missing\nstudy \"a b\": trial 0: it is COMPLETE with 0 values, want 1\n",
		"json": `[{"study": null, "trial": null, "finding": "the trigger bluefin_trials_finish is missing"}, ` +
			`{"study": "a b", "trial": 0, "finding": "it is COMPLETE with 0 values, want 1"}]` + "\n",
		"table": "" +
			"+-------+-------+----------------------------------------------+\n" +
			"| study | trial | finding                                      |\n" +
			"+-------+-------+----------------------------------------------+\n" +
			"|       |       | the trigger bluefin_trials_finish is missing |\n" +
			"| a b   |     0 | it is COMPLETE with 0 values, want 1         |\n" +
			"+-------+-------+----------------------------------------------+\n",
	} {
		stdout, stderr, code := status(t, "storage", "check", "--storage", path, "-f", format)
		if stdout != want || stderr != "bluefin: "+path+" is not sound: 2 findings\n" || code != 1 {
			t.Errorf("%s: got exit code %d, %q,\n%swant\n%s", format, code, stderr, stdout, want)
		}
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	_, stderr, code := status(t, "storage", "backup", "--storage", path, "-o", copied)
	if want := "Wrote " + copied + ".\nIt has the defects of the study file: bluefin storage check prints 2 findings.\n"; stderr != want || code != 0 {
		t.Errorf("a backup of it: got exit code %d, %q, want %q", code, stderr, want)
	}
}

func TestStorageUpgradeSaysWhatItDid(t *testing.T) {
	path := damaged(t, `DROP TRIGGER bluefin_trials_finish`)
	if _, stderr, code := status(t, "storage", "upgrade", "--storage", path); stderr != "Made the missing trigger bluefin_trials_finish.\n" || code != 0 {
		t.Errorf("got exit code %d, %q", code, stderr)
	}
	if stdout, _, code := status(t, "storage", "check", "--storage", path); stdout != "sound\n" || code != 0 {
		t.Errorf("after it: got exit code %d, %q", code, stdout)
	}
	path = damaged(t, `UPDATE alembic_version SET version_num = 'v2.6.0.a'`)
	_, stderr, code := status(t, "storage", "upgrade", "--storage", path)
	want := "bluefin: upgrade study file " + path + ": its tables have Optuna's revision \"v2.6.0.a\", want \"v3.0.0.d\" or later: " +
		"upgrade it with Optuna's own `optuna storage upgrade`\n"
	if stderr != want || code != 1 {
		t.Errorf("an old revision: got exit code %d, %q, want %q", code, stderr, want)
	}
}

func TestStorageVacuum(t *testing.T) {
	path := damaged(t, `CREATE TABLE ballast (data); INSERT INTO ballast VALUES (zeroblob(5000000)); DROP TABLE ballast`)
	stdout, stderr, code := status(t, "storage", "check", "--storage", path)
	if want := "5.0 MB of " + path + " are unused: bluefin storage vacuum reclaims them.\n"; stdout != "sound\n" || stderr != want || code != 0 {
		t.Errorf("check: got exit code %d, %q, %q, want %q", code, stdout, stderr, want)
	}
	stdout, stderr, code = status(t, "storage", "vacuum", "--storage", path)
	if want := path + " has 0.2 MB, it had 5.2 MB.\n"; stdout != "" || stderr != want || code != 0 {
		t.Errorf("vacuum: got exit code %d, %q, %q, want %q", code, stdout, stderr, want)
	}
	if stdout, stderr, code = status(t, "storage", "check", "--storage", path); stdout != "sound\n" || stderr != "" || code != 0 {
		t.Errorf("check after it: got exit code %d, %q, %q", code, stdout, stderr)
	}
	missing := filepath.Join(t.TempDir(), "none.db")
	_, stderr, code = status(t, "storage", "vacuum", "--storage", missing)
	if want := "bluefin: open study file " + missing + ": no such file or directory\n"; stderr != want || code != 1 {
		t.Errorf("a missing file: got exit code %d, %q, want %q", code, stderr, want)
	}
}
