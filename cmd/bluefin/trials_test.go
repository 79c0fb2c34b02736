package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
)

// How far a running trial has come is seen in the list of trials.
func TestTrialsShowTheLastReport(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s, err := study.Open(t.Context(), study.Config{Name: "s", Storage: db})
	if err != nil {
		t.Fatal(err)
	}
	var running *study.Trial
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
			if _, err := s.Tell(t.Context(), running, []float64{1}, nil); err != nil {
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
	if _, err := s.Tell(t.Context(), running, []float64{1}, nil); err != nil {
		t.Fatal(err)
	}
	if out := bluefin(t, "trials", "--storage", path); strings.Contains(out, "last_report") {
		t.Errorf("no trial runs: got %s", out)
	}
}
