//go:build unix

package command_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/objective/command"
	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

func TestAProgramReportsToAFile(t *testing.T) {
	tr := run(t, command.Config{Folder: t.TempDir()}, `
		echo "loss: 0.12" # rounded
		for step in 1 2; do echo "{\"step\": ${step}0, \"$BLUEFIN_METRIC\": 0.12345678901234567}" >> "$BLUEFIN_REPORTS"; done
		echo "loss: 0.12"`)
	if got := steps(tr); got != "10:0.12345678901234566 20:0.12345678901234566" || tr.Values[0] != 0.12345678901234566 {
		t.Errorf("got %s, values %v", got, tr.Values)
	}
}

// pruneAt3 runs a script with a pruner that stops it at a report of 3 or more.
func pruneAt3(t *testing.T, grace time.Duration, script string) (tr *trial.Trial, folder string) {
	t.Helper()
	folder = t.TempDir()
	c, err := command.New(command.Config{
		Args: []string{"sh", "-c", script}, Metrics: loss, Folder: folder, Grace: grace,
	})
	if err != nil {
		t.Fatal(err)
	}
	limit := 3.0
	s, err := study.Open(t.Context(), study.Config{Space: params, Pruner: pruner.Threshold{Upper: &limit}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Optimize(t.Context(), c.Run, study.Budget{Trials: 1}); err != nil {
		t.Fatal(err)
	}
	trials, err := s.Trials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return trials[0], filepath.Join(folder, "0")
}

func TestAProgramThatWatchesItsStopFileEndsByItself(t *testing.T) {
	tr, folder := pruneAt3(t, time.Minute, `
		trap 'echo > "$BLUEFIN_TRIAL_DIR/terminated"' TERM
		: > "$BLUEFIN_STOP"
		i=0
		until [ -s "$BLUEFIN_STOP" ]; do
			i=$((i+1)); echo "{\"loss\": $i}" >> "$BLUEFIN_REPORTS"; sleep 0.05
		done
		echo > "$BLUEFIN_TRIAL_DIR/clean"`)
	if tr.State != trial.Pruned {
		t.Errorf("the trial is %v", tr.State)
	}
	if _, err := os.Stat(filepath.Join(folder, "clean")); err != nil {
		t.Errorf("the program did not end by itself: %v", err)
	}
	if _, err := os.Stat(filepath.Join(folder, "terminated")); err == nil {
		t.Error("the program got SIGTERM")
	}
}

func TestAProgramThatOnlySaysItWillStopIsKilled(t *testing.T) {
	tr, folder := pruneAt3(t, time.Second/5, `
		trap 'echo > "$BLUEFIN_TRIAL_DIR/terminated"' TERM
		: > "$BLUEFIN_STOP"
		echo '{"loss": 4}' >> "$BLUEFIN_REPORTS"; echo '{"loss": 4}' >> "$BLUEFIN_REPORTS"
		while :; do sleep 0.05; done
		echo > "$BLUEFIN_TRIAL_DIR/clean"`)
	if tr.State != trial.Pruned || tr.Values[0] != 4 {
		t.Errorf("got %v %v", tr.State, tr.Values)
	}
	if _, err := os.Stat(filepath.Join(folder, "terminated")); err != nil {
		t.Errorf("the program got no SIGTERM: %v", err)
	}
}

// A new run of a trial sees neither the end of the last one nor its reports, unless it resumes.
func TestANewRunStartsWithoutTheFilesOfTheLast(t *testing.T) {
	for checkpoint, want := range map[string]string{"": "1:7", "checkpoint-1": "0:9 1:7"} {
		folder := t.TempDir()
		if err := os.MkdirAll(filepath.Join(folder, "0", checkpoint), 0o777); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"stop": "pruned\n", "reports.bluefin": "{\"step\": 0, \"loss\": 9}\n"} {
			if err := os.WriteFile(filepath.Join(folder, "0", name), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		tr := run(t, command.Config{Folder: folder}, `
			test ! -e "$BLUEFIN_STOP" && echo '{"step": 1, "loss": 7}' >> "$BLUEFIN_REPORTS"`)
		if got := steps(tr); got != want {
			t.Errorf("with checkpoint %q: got %s, want %s", checkpoint, got, want)
		}
	}
}
