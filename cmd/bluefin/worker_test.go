//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/cmd/internal/studyfile"
	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
)

// bluefinIn runs a command in this process and returns its exit code and standard error.
func bluefinIn(ctx context.Context, args ...string) (code int, stderr string) {
	var out, err bytes.Buffer
	code = run(ctx, append([]string{"bluefin"}, args...), &out, &err)
	return code, err.String()
}

// planned makes a study of a file, and returns the path of its storage.
func planned(t *testing.T, plan string) (path string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "study.yaml")
	if err := os.WriteFile(file, []byte(plan), 0o666); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "s.db")
	if code, err := bluefinIn(t.Context(), "create-study", "--storage", path, "--study-name", "digits", "-f", file); code != 0 {
		t.Fatalf("create-study ended with %d: %s", code, err)
	}
	return path
}

const quickPlan = `
parameters: {x: 0.0..1.0}
metrics: [loss]
command: [sh, -c, 'echo "loss=$BLUEFIN_PARAM_X"']
args: none
pruner: none
budget: {trials: 6}
`

// sleepPlan has programs that run until they are stopped or their trial's folder has a file called go.
const sleepPlan = `
parameters: {x: 0.0..1.0}
metrics: [loss]
command: [sh, -c, 'echo started >> {trial_dir}/log; while ! test -e {trial_dir}/go; do sleep 0.05; done; echo loss=1']
pruner: none
budget: {trials: 2}
grace: 1s
`

// states lists the states of the trials of a file.
func states(t *testing.T, path string) string {
	t.Helper()
	var all []string
	for _, tr := range readTrials(t, path) {
		all = append(all, tr.State.String())
	}
	return strings.Join(all, " ")
}

// Schedulers decide by the exit code of a worker.
func TestExitCodesOfWorkers(t *testing.T) {
	t.Parallel()
	quick := planned(t, quickPlan)
	noPlan := filepath.Join(t.TempDir(), "s.db")
	if code, err := bluefinIn(t.Context(), "create-study", "--storage", noPlan, "--study-name", "s"); code != 0 {
		t.Fatal(err)
	}
	missing := planned(t, strings.Replace(quickPlan, "sh,", "no-such-program,", 1))
	broken := planned(t, strings.Replace(quickPlan, "echo", "exit 3; echo", 1))
	damaged := filepath.Join(t.TempDir(), "s.db")
	if err := os.WriteFile(damaged, bytes.Repeat([]byte("no database\n"), 1000), 0o666); err != nil {
		t.Fatal(err)
	}
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "want another token", http.StatusUnauthorized)
	}))
	defer refusing.Close()
	stale := planned(t, quickPlan)
	if err := os.MkdirAll(strings.TrimSuffix(stale, ".db")+"-trials/digits/7", 0o777); err != nil {
		t.Fatal(err)
	}
	again := []string{"create-study", "--skip-if-exists", "--storage", stale, "--study-name", "digits", "-f", filepath.Join(filepath.Dir(stale), "study.yaml")}
	if code, err := bluefinIn(t.Context(), again...); code != 0 {
		t.Errorf("the plan is saved again beside a folder of trials: %s", err)
	}
	for _, test := range []struct {
		args string
		code int
		want string
	}{
		{"--storage " + quick + " --max-trials 2", 0, "This worker ran 2 trials. Study \"digits\" has 2 of 6 trials."},
		{"--storage " + quick, 0, "This worker ran 4 trials. Study \"digits\" has 6 of 6 trials."},
		{"--storage " + quick, 0, "This worker ran 0 trials."},
		{"--storage " + quick + " --max-trials 0", exitNever, "--max-trials is 0, want at least 1 (see bluefin worker --help)"},
		{"--storage " + quick + " --max-time 20s", exitNever, "--max-time is 20s, want more than the grace period, 30s"},
		{"--storage " + quick + " --grace -1s", exitNever, "--grace is -1s, want above 0"},
		{"--storage " + quick + " --workers 0", exitNever, "--workers is 0, want at least 1"},
		{"--storage " + quick + " --gpus x", exitNever, `--gpus: GPU is "x"`},
		{"--storage " + quick + " --max-tirals 3", exitNever, "unknown flag --max-tirals, did you mean --max-trials?"},
		{"--storage " + quick + " --study-name digit", exitNever, `did you mean "digits"?`},
		{"--storage " + noPlan, exitNever, `study "s" has no plan of how its trials run: bluefin tune and create-study -f save one`},
		{"--storage " + noPlan + ".no", exitNever, "no such file"},
		{"--storage " + damaged, exitAgain, ""},
		{"--storage " + stale, exitNever, "7 is not of this study, which has 0 trials: remove it or choose another --checkpoint-dir"},
		{"--storage " + refusing.URL, exitNever, "the server"},
		{"--storage " + missing, exitNever, `program "no-such-program"`},
		{"--storage " + missing + " --max-trials 1 -- sh -c true", 0, "This worker ran 1 trial."},
		{"--storage " + broken, exitNever, "all of the first 3 trials of this worker failed, the last with: sh ended with exit status 3"},
	} {
		code, stderr := bluefinIn(t.Context(), append([]string{"worker"}, strings.Fields(test.args)...)...)
		if code != test.code || !strings.Contains(stderr, test.want) {
			t.Errorf("%s: got exit code %d and\n%swant %d and %s", test.args, code, stderr, test.code, test.want)
		}
	}
	if got := states(t, broken); got != "FAIL FAIL FAIL" {
		t.Errorf("the broken program has %s", got)
	}
}

// startWorker starts a worker and waits until a program runs.
func startWorker(t *testing.T, path string, trial int, args ...string) (cmd *exec.Cmd, stderr *bytes.Buffer) {
	t.Helper()
	stderr = &bytes.Buffer{}
	log := fmt.Sprintf("%s-trials/digits/%d/log", strings.TrimSuffix(path, ".db"), trial)
	before, _ := os.ReadFile(log)
	cmd = exec.Command("bluefin", append([]string{"worker", "--storage", path}, args...)...)
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if now, _ := os.ReadFile(log); len(now) > len(before) {
			return cmd, stderr
		}
		if time.Now().After(deadline) {
			t.Fatalf("trial %d does not start: %s", trial, stderr)
		}
	}
}

// A worker that gets a signal gives its trial back within the grace period, and the next one takes it at
// once; a trial that ends in time counts.
func TestWorkersGiveTrialsBackOnSignals(t *testing.T) {
	t.Parallel()
	path := planned(t, sleepPlan)
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		cmd, stderr := startWorker(t, path, 0)
		began := time.Now()
		cmd.Process.Signal(sig)
		cmd.Process.Signal(sig) // as timeout(1) does
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != exitAgain || time.Since(began) > 5*time.Second {
			t.Errorf("%v: got exit code %d after %v: %s", sig, code, time.Since(began), stderr)
		}
		if got := states(t, path); got != "WAITING" {
			t.Errorf("%v: trials are %s, want WAITING", sig, got)
		}
	}
	cmd, stderr := startWorker(t, path, 0, "--grace", "20s")
	cmd.Process.Signal(syscall.SIGTERM)
	time.Sleep(100 * time.Millisecond)
	if err := os.WriteFile(strings.TrimSuffix(path, ".db")+"-trials/digits/0/go", nil, 0o666); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitAgain || states(t, path) != "COMPLETE" {
		t.Errorf("a trial that ended in time: got exit code %d, %s: %s", code, states(t, path), stderr)
	}
	began := time.Now()
	cmd, stderr = startWorker(t, path, 1, "--max-time", "3s")
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitAgain || time.Since(began) > 4*time.Second || states(t, path) != "COMPLETE WAITING" {
		t.Errorf("--max-time: got exit code %d after %v, %s: %s", code, time.Since(began), states(t, path), stderr)
	}
	// A scheduler that signals whole jobs ends the program first.
	cmd, stderr = startWorker(t, path, 1, "--grace", "20s")
	began = time.Now()
	out, err := exec.Command("pkill", "-TERM", "-P", fmt.Sprint(cmd.Process.Pid)).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitAgain || time.Since(began) > 5*time.Second || states(t, path) != "COMPLETE WAITING" {
		t.Errorf("signals to all: got exit code %d after %v, %s: %s", code, time.Since(began), states(t, path), stderr)
	}
	// A worker that is killed leaves its trial to the next one at once, too.
	cmd, _ = startWorker(t, path, 1)
	cmd.Process.Kill()
	cmd.Wait()
	if err := os.WriteFile(strings.TrimSuffix(path, ".db")+"-trials/digits/1/go", nil, 0o666); err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	if code, stderr := bluefinIn(t.Context(), "worker", "--storage", path); code != 0 || states(t, path) != "COMPLETE COMPLETE" ||
		time.Since(began) > 5*time.Second {
		t.Errorf("after a kill: got exit code %d after %v, %s: %s", code, time.Since(began), states(t, path), stderr)
	}
}

// A worker goes by the plan as it is when a trial starts, and changes neither it nor the outline.
func TestAWorkerFollowsItsStudy(t *testing.T) {
	t.Parallel()
	path := planned(t, strings.Replace(quickPlan, "echo", "sleep 0.3; echo", 1))
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	attrs := func() string {
		s, err := db.Load(t.Context(), "digits")
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(s.UserAttrs, string(s.SystemAttrs[sysattr.Plan]))
	}
	start := func() (*exec.Cmd, *bytes.Buffer) {
		cmd, stderr := exec.Command("bluefin", "worker", "--storage", path), &bytes.Buffer{}
		cmd.Stderr = stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill() })
		return cmd, stderr
	}
	one, log := start() // two at once
	two, _ := start()
	time.Sleep(300 * time.Millisecond)
	s, err := db.Load(t.Context(), "digits")
	if err != nil {
		t.Fatal(err)
	}
	f, err := studyfile.Plan(s)
	if err != nil {
		t.Fatal(err)
	}
	f.Trials = 17
	if err := f.Save(t.Context(), db, s); err != nil {
		t.Fatal(err)
	}
	before := attrs()
	if err := one.Wait(); err != nil {
		t.Errorf("%v: %s", err, log)
	}
	two.Wait()
	if n := len(readTrials(t, path)); n != 17 || countFinished(readTrials(t, path)) != 17 {
		t.Errorf("got %d trials, want 17: %s", n, log)
	}
	if attrs() != before {
		t.Errorf("the study changed from %s to %s", before, attrs())
	}
	// Stopped: done. Deleted: never again.
	f.Trials = 1000
	if s, err = db.Load(t.Context(), "digits"); err != nil {
		t.Fatal(err)
	}
	if err := f.Save(t.Context(), db, s); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		command []string
		code    int
	}{
		{[]string{"stop", "--storage", path}, 0},
		{[]string{"delete-study", "--storage", path, "--study-name", "digits"}, exitNever},
	} {
		n := len(readTrials(t, path))
		cmd, log := start()
		for deadline := time.Now().Add(20 * time.Second); len(readTrials(t, path)) < n+2; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("no trials start: %s", log)
			}
		}
		if code, stderr := bluefinIn(t.Context(), test.command...); code != 0 {
			t.Fatalf("%v: %s", test.command, stderr)
		}
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != test.code {
			t.Errorf("%v: got exit code %d: %s", test.command, code, log)
		}
	}
}

// Values of another metric cannot be compared.
func TestAWorkerWantsTheMetricOfTheStudy(t *testing.T) {
	t.Parallel()
	path := planned(t, quickPlan)
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s, err := db.Load(t.Context(), "digits")
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(tuned{Metric: "accuracy"})
	if err := db.WriteStudy(t.Context(), s.ID, storage.StudyUpdate{UserAttrs: map[string]json.RawMessage{tuneKey: text}}); err != nil {
		t.Fatal(err)
	}
	code, stderr := bluefinIn(t.Context(), "worker", "--storage", path)
	if want := `study "digits" is about the metric accuracy, and its plan about loss`; code != exitNever || !strings.Contains(stderr, want) {
		t.Errorf("got %d and %s, want %s", code, stderr, want)
	}
	if got := readTrials(t, path); len(got) != 0 {
		t.Errorf("got %d trials", len(got))
	}
}
