package main

import (
	"database/sql"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Commands that need little of a study read little of it. One trial here cannot be read, so a command
// that reads all trials fails.
func TestCommandsReadOnlyWhatTheyNeed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.db")
	bluefin(t, "create-study", "--storage", file, "--study-name", "a")
	for number, value := range []string{"2", "1"} {
		bluefin(t, "ask", "--storage", file, "--search-space", `{"x": {"type": "float", "low": 0, "high": 1}}`)
		bluefin(t, "tell", "--storage", file, "--trial-number", strconv.Itoa(number), "--values", value)
	}
	bluefin(t, "ask", "--storage", file)
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`UPDATE trial_params SET distribution_json = 'broken' WHERE trial_id = (SELECT trial_id FROM trials WHERE number = 0)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{
		"best-trial", "export", "tell --trial-number 2 --values 3", "studies", "study-names",
		"enqueue --params {\"x\":0.5}", "study set-user-attr -k note --value x", "delete-study --study-name a",
	} {
		if _, stderr, code := status(t, append(strings.Fields(command), "--storage", file)...); code != 0 {
			t.Errorf("bluefin %s reads a trial that it does not need: %s", command, stderr)
		}
		if command == "best-trial" {
			if _, stderr, code := status(t, "trials", "--storage", file); code == 0 || !strings.Contains(stderr, "trial 0") {
				t.Errorf("bluefin trials: exit code %d, %q, want an error that names trial 0", code, stderr)
			}
		}
	}
}
