package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestPathsOfStudyFiles(t *testing.T) {
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
		if got, err := newPlace("storage", value); err != nil || got.path != want || !got.isFile() {
			t.Errorf("%s: got %q, %v, want %q", value, got, err, want)
		}
	}
}

func TestStoragesThatAreRefused(t *testing.T) {
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
		"mysql:u:secret@h/db":                   "optuna.copy_study",
		"MySQL+pymysql://u:secret@h/db?x=y":     "URL of MySQL+pymysql,",
		"postgresql:/u:secret@h/db":             "URL of postgresql that cannot be read",
		"postgresql://u:secret/x@h/db":          "cannot be read, want postgresql://USER@HOST:PORT/DATABASE, with %40",
		"postgresql://u:1#secret@h/db":          "cannot be read",
		"postgresql://u:12/secret@h/db":         "cannot be read",
		"http:secret":                           "URL of http that cannot be read",
		"http://":                               "without a host",
		"https:///secret":                       "without a host",
		"https://h?token=secret":                "BLUEFIN_TOKEN",
		"rediss://:secret@h:6379/0":             "URL of rediss,",
		"https://u:secret@example.org/study.db": "BLUEFIN_TOKEN",
	} {
		p, err := newPlace("storage", value)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %q, %v, want an error with %q", value, p, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error repeats the password: %v", value, err)
		}
	}
}

// A password goes to the server and nowhere else.
func TestPasswordsAreNotShown(t *testing.T) {
	for value, want := range map[string]string{
		"postgresql://h/db":                             "postgresql://h/db",
		"postgres://u@h:5433/db?sslmode=require":        "postgresql://u@h:5433/db?sslmode=require",
		"postgresql+psycopg2://u:secret@h/db":           "postgresql://u@h/db",
		"postgresql://u:secret%40@h/db?sslmode=require": "postgresql://u@h/db?sslmode=require",
		"postgresql:///db?host=/run/pg&password=secret": "postgresql:///db?host=/run/pg",
		"postgresql://h/db?sslpassword=secret&a=b":      "postgresql://h/db?a=b",
		"postgresql://h/db?%70assword=secret":           "postgresql://h/db",
		"postgresql://u:@h1:1,h2:2/db":                  "postgresql://u@h1:1,h2:2/db",
		"HTTPS://example.org:8443/studies/":             "https://example.org:8443/studies",
		"http://[::1]:13000":                            "http://[::1]:13000",
	} {
		p, err := newPlace("storage", value)
		if err != nil || p.String() != want || storageFlag(value).String() != want {
			t.Errorf("%s: got %v, %v, want %s", value, p, err, want)
		}
		secret := strings.Contains(value, "u:")
		secret = secret || strings.Contains(value, "assword")
		if line := p.command([]string{"bluefin", "trials"}, "-f", "csv"); p.isFile() || secret != p.secret() ||
			secret && line != `bluefin trials --storage "$BLUEFIN_STORAGE" -f csv` || !secret && !strings.Contains(line, want) {
			t.Errorf("%s: the command is %s", value, line)
		}
		if secret && !strings.Contains(p.url, strings.SplitN(value, "://", 2)[1]) {
			t.Errorf("%s: the server gets %s", value, p.url)
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
