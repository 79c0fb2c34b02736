package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
)

// newStudy returns a study called s and the file that it is in.
func newStudy(t *testing.T) (path string, s *study.Study) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "study.db")
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if s, err = study.Open(t.Context(), study.Config{Name: "s", Storage: db}); err != nil {
		t.Fatal(err)
	}
	return path, s
}

// How far a running trial has come is seen in the list of trials.
func TestTrialsShowTheLastReport(t *testing.T) {
	path, s := newStudy(t)
	var running *study.Trial
	var err error
	for range 2 {
		if running, err = s.Ask(t.Context()); err != nil {
			t.Fatal(err)
		}
		for step, v := range []float64{0.75, 0.5} {
			if err := running.Report(step, v); err != nil {
				t.Fatal(err)
			}
		}
		if running.Number() == 0 {
			if _, err := s.Tell(t.Context(), running, 1); err != nil {
				t.Fatal(err)
			}
		}
	}
	if out := bluefin(t, "trials", "--storage", path, "-f", "json"); strings.Count(out, `"last_report": {"step": 1, "value": 0.5}`) != 1 || !strings.Contains(out, `"last_report": null`) {
		t.Errorf("got %s", out)
	}
	if out := bluefin(t, "trials", "--storage", path); !strings.Contains(out, "last_report") || !strings.Contains(out, "0.5") {
		t.Errorf("got %s", out)
	}
	if _, err := s.Tell(t.Context(), running, 1); err != nil {
		t.Fatal(err)
	}
	if out := bluefin(t, "trials", "--storage", path); strings.Contains(out, "last_report") {
		t.Errorf("no trial runs: got %s", out)
	}
}
