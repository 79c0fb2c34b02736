package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestStoragePath(t *testing.T) {
	for value, want := range map[string]string{
		"s.db":                         "s.db",
		"./file:s.db":                  "./file:s.db",
		"100%.db":                      "100%.db",
		`C:\s.db`:                      `C:\s.db`,
		"sqlite:///s.db":               "s.db",
		"sqlite:////tmp/s.db":          "/tmp/s.db",
		"sqlite+pysqlite:///s.db":      "s.db",
		"sqlite:///100%.db":            "100%.db",
		"sqlite:///a%20b%C3%A9%zz%.db": "a bé%zz%.db",
	} {
		if got, err := storagePath("storage", value); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", value, got, err, want)
		}
	}
}

func TestStoragesThatAreNoFile(t *testing.T) {
	for value, want := range map[string]string{
		"":                                      "is empty",
		":memory:":                              "nothing in memory",
		"sqlite:///:memory:":                    "nothing in memory",
		"file::memory:?cache=shared":            "nothing in memory",
		"file:s.db":                             "want a path",
		"file:///tmp/s.db":                      "want a path",
		"sqlite:s.db":                           "three slashes",
		"sqlite://s.db":                         "three slashes",
		"sqlite://":                             "three slashes",
		"sqlite:///":                            "three slashes",
		"sqlite:///s.db?mode=ro":                "no parameters",
		"sqlite://u:secret@h/s.db":              "three slashes",
		"mysql://u:secret@h/db":                 "URL of mysql,",
		"mysql:u:secret@h/db":                   "URL of mysql,",
		"MySQL+pymysql://u:secret@h/db?x=y":     "URL of MySQL+pymysql,",
		"postgresql:/u:secret@h/db":             "URL of postgresql,",
		"rediss://:secret@h:6379/0":             "URL of rediss,",
		"https://u:secret@example.org/study.db": "URL of https,",
	} {
		path, err := storagePath("storage", value)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %q, %v, want an error with %q", value, path, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error repeats the password: %v", value, err)
		}
	}
}

// A name with percent signs is the same file to us and to Optuna.
func TestPercentSignsAreTheReferences(t *testing.T) {
	dir := t.TempDir()
	url := "sqlite:///" + filepath.ToSlash(dir) + "/100%25 a%20b 100%.db"
	bluefin(t, "create-study", "--storage", url, "--study-name", "a")
	if got := bluefin(t, "study-names", "--storage", filepath.Join(dir, "100% a b 100%.db")); got != "a\n" {
		t.Errorf("got %q", got)
	}
	load := exec.Command(python(t), "-c", "import optuna, sys; optuna.load_study(study_name='a', storage=sys.argv[1])", url)
	if out, err := load.CombinedOutput(); err != nil {
		t.Errorf("Optuna: %v: %s", err, out)
	}
}
