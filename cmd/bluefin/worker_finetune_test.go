//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/trial"
)

// fineTuning makes a study of finetune with nothing run.
func fineTuning(t *testing.T, args ...string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "s.db")
	args = append([]string{"finetune", "--create-only", "--storage", path, "--study-name", "digits", "--seed", "5",
		"--pruner", "none", "--similarity=false"}, args...)
	if code, stderr := bluefinIn(t.Context(), args...); code != 0 {
		t.Fatalf("%v: %d: %s", args, code, stderr)
	}
	return path
}

// A worker of a study of finetune trains what finetune would.
func TestWorkersFineTune(t *testing.T) {
	t.Parallel()
	path := fineTuning(t, "--trials", "3")
	if code, stderr := bluefinIn(t.Context(), "worker", "--storage", path); code != 0 {
		t.Fatalf("%d: %s", code, stderr)
	}
	alone := filepath.Join(t.TempDir(), "s.db")
	if code, stderr := bluefinIn(t.Context(), "finetune", "--storage", alone, "--study-name", "digits", "--seed", "5",
		"--pruner", "none", "--similarity=false", "--trials", "3"); code != 0 {
		t.Fatalf("%d: %s", code, stderr)
	}
	sameTrainings(t, readTrials(t, path), readTrials(t, alone))
	for flag, want := range map[string]string{
		"--gpus=0":                `--gpus is for studies of tune, and study "digits" is of finetune`,
		"--checkpoint-dir=/there": "--checkpoint-dir is for studies of tune",
	} {
		if code, stderr := bluefinIn(t.Context(), "worker", "--storage", path, flag); code != exitNever || !strings.Contains(stderr, want) {
			t.Errorf("%s: got %d and %s", flag, code, stderr)
		}
	}
	data := filepath.Join(t.TempDir(), "some.csv")
	text, err := os.ReadFile("../../objective/finetune/tabular/testdata/breast-cancer.csv")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(data, text, 0o666); err != nil {
		t.Fatal(err)
	}
	header, _, _ := strings.Cut(string(text), "\n")
	columns := strings.Split(strings.TrimSpace(header), ",")
	path = fineTuning(t, "--train", data, "--label-column", columns[len(columns)-1], "--trials", "1")
	if err := os.WriteFile(data, append(text, text[len(header)+1:]...), 0o666); err != nil {
		t.Fatal(err)
	}
	code, stderr := bluefinIn(t.Context(), "worker", "--storage", path)
	if code != exitNever || !strings.Contains(stderr, "other contents of --train") {
		t.Errorf("other data: got %d and %s", code, stderr)
	}
	if err := os.Remove(data); err != nil {
		t.Fatal(err)
	}
	code, stderr = bluefinIn(t.Context(), "worker", "--storage", path)
	if code != exitNever || !strings.Contains(stderr, data) || !strings.Contains(stderr, "no such file") {
		t.Errorf("no data: got %d and %s", code, stderr)
	}
	if got := states(t, path); got != "WAITING" {
		t.Errorf("trials are %s, want WAITING", got)
	}
}

// sameTrainings fails the test unless two studies have the same trials, to the last bit.
func sameTrainings(t *testing.T, got, want []*trial.Trial) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d trials, want %d", len(got), len(want))
	}
	for i, a := range got {
		b := want[i]
		attrs := func(tr *trial.Trial) string { text, _ := json.Marshal(tr.UserAttrs); return string(text) }
		if a.State != b.State || !reflect.DeepEqual(a.Values, b.Values) || !reflect.DeepEqual(a.Params, b.Params) ||
			!reflect.DeepEqual(a.Reports, b.Reports) || attrs(a) != attrs(b) {
			t.Errorf("trial %d is %v %v %v\n%s\nwant %v %v %v\n%s", i, a.State, a.Values, a.Reports, attrs(a), b.State, b.Values,
				b.Reports, attrs(b))
		}
	}
}

// A training that was preempted twice, politely and not, is that of a worker that nothing disturbed.
func TestAPreemptedFineTuningIsTheSame(t *testing.T) {
	if testing.Short() {
		t.Skip("it trains for some seconds")
	}
	args := []string{"--task", "fashion", "--trials", "1"}
	path, alone := fineTuning(t, args...), fineTuning(t, args...)
	if code, stderr := bluefinIn(t.Context(), "worker", "--storage", alone); code != 0 {
		t.Fatalf("%d: %s", code, stderr)
	}
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s, err := db.Load(t.Context(), "digits")
	if err != nil {
		t.Fatal(err)
	}
	last := 0
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		var stderr bytes.Buffer
		cmd := exec.Command("bluefin", "worker", "--storage", path, "--grace", "1s")
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
			step, size, ok, err := db.CheckpointSize(t.Context(), s.ID, 0)
			if err != nil {
				t.Fatal(err)
			}
			if ok && step > last {
				t.Logf("%v after epoch %d with a checkpoint of %d bytes", sig, step, size)
				last = step
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("no checkpoint: %s", &stderr)
			}
		}
		cmd.Process.Signal(sig)
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); sig == syscall.SIGTERM && (code != exitAgain || states(t, path) != "WAITING") {
			t.Errorf("got exit code %d and trials %s: %s", code, states(t, path), &stderr)
		}
	}
	code, stderr := bluefinIn(t.Context(), "worker", "--storage", path)
	if code != 0 || !strings.Contains(stderr, "resumes from its checkpoint") {
		t.Fatalf("got %d: %s", code, stderr)
	}
	sameTrainings(t, readTrials(t, path), readTrials(t, alone))
}
