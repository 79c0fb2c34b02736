package submit_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/cmd/internal/submit"
)

// A cluster is a folder of commands that note how they were called: bluefin runs body.
func cluster(t *testing.T, body string) (dir string) {
	dir = t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/bash\n"+text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write("bluefin", `printf '%s\0' bluefin "$@" > "$0.called"`+"\n"+body)
	write("scontrol", `echo "$@" >> "$0.called"`)
	return dir
}

// batch is the script as Slurm would start it.
func batch(t *testing.T, dir string, s submit.Slurm, env ...string) *exec.Cmd {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash")
	}
	script, err := s.Script()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "script")
	if err := os.WriteFile(path, []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(bash, "-n", path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s\n%s", err, out, script)
	}
	cmd := exec.Command(bash, path)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "NAME=wrong",
		"SLURM_JOB_ID=7", "SLURM_ARRAY_JOB_ID=7", "SLURM_ARRAY_TASK_ID=3")
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

func called(dir, name string) string {
	text, _ := os.ReadFile(filepath.Join(dir, name+".called"))
	return string(text)
}

func exitCode(t *testing.T, err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0
}

func TestShellPassesEveryWordToTheWorker(t *testing.T) {
	s := slurm()
	var want []string
	check := func() {
		t.Helper()
		dir := cluster(t, "")
		if err := batch(t, dir, s).Run(); err != nil {
			t.Fatal(err)
		}
		if got := strings.Split(strings.TrimSuffix(called(dir, "bluefin"), "\x00"), "\x00"); !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
	s.Command = append([]string{"python"}, hostile...)
	want = append([]string{"bluefin", "worker", "--storage=" + s.Storage, "--study-name=digits", "--grace=1m30s", "--",
		"python"}, hostile...)
	check()
	text := strings.Join(hostile, "x")
	s.Study, s.CheckpointDir, s.Storage, s.MaxTrials, s.MaxTime, s.Command = text, text, "", 7, 2*time.Hour, nil
	want = []string{"bluefin", "worker", "--study-name=" + text, "--max-trials=7", "--max-time=2h", "--grace=1m30s",
		"--checkpoint-dir=" + text}
	check()
}

// The first five exit codes of a worker are what the table of docs/command-line.md lists.
func TestScriptRequeuesOnlyWhatShouldTryAgain(t *testing.T) {
	for _, test := range []struct {
		body, restarts string
		code           int
		requeued       string
	}{
		{"exit 0", "", 0, ""},
		{"exit 1", "", 1, ""},
		{"exit 64", "", 64, ""},
		{"exit 75", "", 75, "requeue Incomplete 7_3\n"},
		{"exit 75", "99", 75, "requeue Incomplete 7_3\n"},
		{"exit 75", "100", 75, ""},
		{"kill -KILL $$", "", 137, ""},
	} {
		dir := cluster(t, test.body)
		code := exitCode(t, batch(t, dir, slurm(), "SLURM_RESTART_COUNT="+test.restarts).Run())
		if got := called(dir, "scontrol"); code != test.code || got != test.requeued {
			t.Errorf("%s after %q restarts: got code %d and %q, want %d and %q", test.body, test.restarts, code, got,
				test.code, test.requeued)
		}
	}
}

// SIGTERM goes to the shell alone (B:), once or more often; the worker must get it and its exit code count.
func TestSignalReachesTheWorker(t *testing.T) {
	for times := 1; times <= 3; times++ {
		dir := cluster(t, `trap 'echo TERM >> "$0.signals"' TERM
touch "$0.ready"
for i in $(seq 500); do [ -e "$0.signals" ] && sleep 0.5 && exit 75; sleep 0.02; done`)
		cmd := batch(t, dir, slurm())
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		wait(t, filepath.Join(dir, "bluefin.ready"))
		for range times {
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			wait(t, filepath.Join(dir, "bluefin.signals"))
			time.Sleep(20 * time.Millisecond)
		}
		code := exitCode(t, cmd.Wait())
		if got := called(dir, "scontrol"); code != 75 || got != "requeue Incomplete 7_3\n" {
			t.Errorf("after %d signals: got code %d and %q, want 75 and one requeue", times, code, got)
		}
	}
}

func wait(t *testing.T, path string) {
	t.Helper()
	for range 1000 {
		if _, err := os.Stat(path); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s did not appear within 10 s", path)
}

func TestOptionsOfSbatchAreCheckedAndQuoted(t *testing.T) {
	s := slurm()
	s.Limit, s.CPUs, s.Memory, s.GPUs, s.Time, s.Partition = 4, 2, "16G", "a100:2", "4:00:00", "gpu,long"
	s.Options = []string{"--constraint=a100&ib", `--comment=a "b" \c # d`}
	script, err := s.Script()
	for _, want := range []string{"--job-name=bluefin-digits", "--array=0-7%4", "--ntasks=1", "--cpus-per-task=2",
		"--gpus-per-task=a100:2", "--mem=16G", "--time=4:00:00", "--partition=gpu,long", "--requeue", "--open-mode=append",
		"--signal=B:TERM@120", `"--constraint=a100&ib"`, `"--comment=a \"b\" \\c # d"`} {
		if !strings.Contains(script, "\n#SBATCH "+want+"\n") {
			t.Errorf("%v and no line %s in\n%s", err, want, script)
		}
	}
	for want, change := range map[string]func(*submit.Slurm){
		"--limit is -1":      func(s *submit.Slurm) { s.Limit = -1 },
		"--cpus is -1":       func(s *submit.Slurm) { s.CPUs = -1 },
		`--memory is "16Gi"`: func(s *submit.Slurm) { s.Memory = "16Gi" },
		`--gpus is "a100"`:   func(s *submit.Slurm) { s.GPUs = "a100" },
		`--gpus is ""`:       func(s *submit.Slurm) { s.GPUs = "" },
		`--sbatch is "rm"`:   func(s *submit.Slurm) { s.Options = []string{"rm"} },
		"control characters": func(s *submit.Slurm) { s.Account = "a\nrm -r /" },
	} {
		s := slurm()
		change(&s)
		if _, err := s.Script(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
