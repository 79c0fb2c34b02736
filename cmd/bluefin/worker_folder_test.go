//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// resumePlan has a program that counts in a checkpoint and needs five steps.
const resumePlan = `
parameters: {x: 0.0..1.0}
metrics: [loss]
command:
  - sh
  - -c
  - |
    n=0; last='{last_checkpoint}'; test -z "$last" || n=$(sed 's/step //' "$last")
    echo "$PWD from $n" >> {trial_dir}/starts
    while test $n -lt 5; do
      n=$((n+1)); echo step $n > {trial_dir}/new; mv {trial_dir}/new {trial_dir}/last.ckpt; echo "loss=$n"
      sleep 0.3
    done
args: none
pruner: none
budget: {trials: 1}
grace: 1s
`

// A trial resumes from its checkpoint in the folder that all machines share, wherever the next worker runs.
func TestATrialResumesInASharedFolder(t *testing.T) {
	t.Parallel()
	path, shared := planned(t, resumePlan), t.TempDir()
	folder := filepath.Join(shared, "digits", "0")
	start := func() *exec.Cmd {
		cmd := exec.Command("bluefin", "worker", "--storage", path, "--checkpoint-dir", shared)
		cmd.Dir = t.TempDir()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill() })
		return cmd
	}
	first := start()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if text, _ := os.ReadFile(filepath.Join(folder, "last.ckpt")); strings.TrimSpace(string(text)) == "step 2" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("there is no checkpoint")
		}
	}
	first.Process.Signal(syscall.SIGTERM)
	first.Wait()
	if code := first.ProcessState.ExitCode(); code != exitAgain || states(t, path) != "WAITING" {
		t.Fatalf("got exit code %d and %s", code, states(t, path))
	}
	second := start()
	if err := second.Wait(); err != nil || states(t, path) != "COMPLETE" {
		t.Errorf("got %v and %s", err, states(t, path))
	}
	text, _ := os.ReadFile(filepath.Join(folder, "starts"))
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) != 2 || !strings.HasSuffix(lines[0], " from 0") || strings.HasSuffix(lines[1], " from 0") {
		t.Errorf("the program started so: %q", lines)
	}
	if got := readTrials(t, path)[0]; got.Values[0] != 5 {
		t.Errorf("the value is %v, want 5", got.Values)
	}
}

// A full disk, or a folder that cannot be made, is the machine's fault: the trial waits for another one.
func TestAWorkerWithoutDiskTriesAgain(t *testing.T) {
	t.Parallel()
	path := planned(t, strings.Replace(quickPlan, "echo", `echo "write: No space left on device"; exit 1; echo`, 1))
	if code, stderr := bluefinIn(t.Context(), "worker", "--storage", path); code != exitAgain || states(t, path) != "WAITING" {
		t.Errorf("full: got %d, %s: %s", code, states(t, path), stderr)
	}
	path = planned(t, quickPlan)
	code, stderr := bluefinIn(t.Context(), "worker", "--storage", path, "--checkpoint-dir", path)
	if code != exitAgain || states(t, path) != "" || !strings.Contains(stderr, "not a directory") {
		t.Errorf("no folder: got %d, %q: %s", code, states(t, path), stderr)
	}
}

// A sweep is remembered with its macros, nested parameters and lists.
func TestWorkersOfASweep(t *testing.T) {
	t.Parallel()
	path := planned(t, `
method: random
metric: {name: loss, goal: minimize}
parameters:
  x: {min: 0.0, max: 1.0}
  betas: {values: [[0.9, 0.99]]}
  model: {parameters: {depth: {value: 3}}}
command: [sh, -c, 'echo "$0" > "$BLUEFIN_TRIAL_DIR/got"; echo loss=1', '${args_json}']
run_cap: 1
`)
	if code, stderr := bluefinIn(t.Context(), "worker", "--storage", path); code != 0 {
		t.Fatalf("got %d: %s", code, stderr)
	}
	text, err := os.ReadFile(strings.TrimSuffix(path, ".db") + "-trials/digits/0/got")
	if got := string(text); err != nil || !strings.Contains(got, `"betas": [0.9, 0.99]`) || !strings.Contains(got, `"model": {"depth": 3}`) {
		t.Errorf("the program got %s (%v)", got, err)
	}
}

// GNU parallel runs workers as docs/many-machines.md says.
func TestWorkersInParallel(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("parallel"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("parallel is missing: apt-get install parallel")
		}
		t.Skip("there is no parallel: apt-get install parallel")
	}
	text, err := os.ReadFile("../../docs/many-machines.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "\nparallel ")
	line, _, _ := strings.Cut(rest, "#")
	if !ok {
		t.Fatal("docs/many-machines.md has no line for parallel")
	}
	path := planned(t, quickPlan)
	cmd := exec.Command("bash", "-c", "parallel "+line)
	cmd.Env = append(os.Environ(), "BLUEFIN_STORAGE="+path)
	if out, err := cmd.CombinedOutput(); err != nil || states(t, path) != strings.TrimSuffix(strings.Repeat("COMPLETE ", 6), " ") {
		t.Errorf("%v, %s: %s", err, states(t, path), out)
	}
}
