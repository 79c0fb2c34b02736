//go:build unix

package command_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/process"
	"github.com/bluefin-hpo/bluefin/objective/command"
	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// gone fails the test unless the process whose number is in the file ends.
func gone(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if syscall.Kill(pid, 0) == nil && (err != nil || !strings.Contains(string(stat), ") Z ")) {
		t.Errorf("process %d survives: %s", pid, stat)
		syscall.Kill(pid, syscall.SIGKILL)
	}
}

func TestNothingSurvivesATrial(t *testing.T) {
	child := func(command string) string { return command + ` & echo $! > "$BLUEFIN_TRIAL_DIR/child"; ` }
	for _, c := range []struct {
		name, script string
		linux        bool
	}{
		{"a child", child("sleep 100") + "echo loss=1", false},
		{"a child that ignores SIGTERM", child("sh -c 'trap \"\" TERM; while :; do sleep 1; done'") + "echo loss=1", false},
		{"a daemon in a session of its own", child("setsid sleep 100") + "sleep 0.2; echo loss=1", true},
		{"the child of a program that fails", child("sleep 100") + "exit 1", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.linux && runtime.GOOS != "linux" {
				t.Skip("only Linux tells the environment of processes")
			}
			folder := t.TempDir()
			run(t, command.Config{Folder: folder, Grace: 300 * time.Millisecond}, c.script)
			gone(t, filepath.Join(folder, "0", "child"))
		})
	}
}

func TestAPrunedProgramIsStopped(t *testing.T) {
	folder := t.TempDir()
	c, err := command.New(command.Config{Args: []string{"sh", "-c", `sleep 100 & echo $! > "$BLUEFIN_TRIAL_DIR/child"
		trap 'echo "asked to end" >> "$BLUEFIN_TRIAL_DIR/end"; exit 0' TERM
		for i in 1 2 3 4 5 6 7 8 9; do echo "step=$i loss=$i"; sleep 0.3; done; wait`}, Style: command.None, Metrics: loss, Folder: folder})
	if err != nil {
		t.Fatal(err)
	}
	s, err := study.Open(t.Context(), study.Config{Space: params, Pruner: pruner.Threshold{Upper: new(2.5)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Optimize(t.Context(), c.Run, study.Budget{Trials: 1}); err != nil {
		t.Fatal(err)
	}
	trials, _ := s.Trials(t.Context())
	if trials[0].State != trial.Pruned || trials[0].Values[0] != 3 {
		t.Errorf("%v with %v, want pruned with 3", trials[0].State, trials[0].Values)
	}
	gone(t, filepath.Join(folder, "0", "child"))
	if text, _ := os.ReadFile(filepath.Join(folder, "0", "end")); string(text) != "asked to end\n" {
		t.Errorf("the program was not asked to end: %q", text)
	}
}

func TestAnInterruptedTrialGoesBackToTheQueue(t *testing.T) {
	folder := t.TempDir()
	c, err := command.New(command.Config{Args: []string{"sh", "-c",
		`mkdir -p {trial_dir}/checkpoint-1; echo "from [{last_checkpoint}] $BLUEFIN_RESUME"; echo loss=1; [ -n "$BLUEFIN_RESUME" ] || sleep 100`}, Style: command.None, Metrics: loss, Folder: folder})
	if err != nil {
		t.Fatal(err)
	}
	s, err := study.Open(t.Context(), study.Config{Space: params})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if err := s.Optimize(ctx, c.Run, study.Budget{Trials: 1}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	if err := s.Optimize(t.Context(), c.Run, study.Budget{Trials: 1}); err != nil {
		t.Fatal(err)
	}
	best, err := s.Best(t.Context())
	if err != nil || best.Number != 0 {
		t.Fatal(best, err)
	}
	dir := filepath.Join(folder, "0")
	if got, _ := os.ReadFile(filepath.Join(dir,
		"output.log")); string(got) != "from [] \nloss=1\nfrom ["+dir+"/checkpoint-1] 1\nloss=1\n" {
		t.Errorf("got %q", got)
	}
}

func TestHurryEndsTheGracePeriod(t *testing.T) {
	c, err := command.New(command.Config{Args: []string{"sh", "-c", `trap "" TERM; echo loss=1; sleep 100; sleep 100`},
		Metrics: loss})
	if err != nil {
		t.Fatal(err)
	}
	s, err := study.Open(t.Context(), study.Config{Space: params})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	time.AfterFunc(600*time.Millisecond, c.Hurry)
	began := time.Now()
	if err := s.Optimize(ctx, c.Run, study.Budget{Trials: 1}); !errors.Is(err,
		context.DeadlineExceeded) || time.Since(began) > 10*time.Second {
		t.Errorf("%v after %v, want an end at once", err, time.Since(began))
	}
}

// What a killed search has left is ended by the next one, and only that.
func TestLeftProgramsAreEnded(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells the environment of processes")
	}
	folder := t.TempDir()
	start := func(dir, owner string) *exec.Cmd {
		cmd := exec.Command("sleep", "100")
		cmd.Env = []string{"BLUEFIN_TRIAL_DIR=" + dir, "BLUEFIN_RUN=" + owner + " x"}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	gone := process.Machine() + " 1@7" // process 1 did not start then
	left := start(folder+"/3", gone)
	kept := []*exec.Cmd{start(folder+"x/3", gone), start(folder+"/4", `"host" boot pid:[1] 1@7`), start(folder+"/4", "")}
	time.Sleep(100 * time.Millisecond) // the environment is there once the program is
	if _, err := command.New(command.Config{Args: []string{"sh"}, Metrics: loss, Folder: folder}); err != nil {
		t.Fatal(err)
	}
	if err := left.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("got %v, want killed", err)
	}
	for _, cmd := range kept {
		if err := cmd.Process.Kill(); err != nil {
			t.Errorf("%v was ended: %v", cmd.Env, err)
		}
		cmd.Wait()
	}
}

func TestAProgramThatCannotStartIsNoFailureOfATrial(t *testing.T) {
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("#!/no/such/shell\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "0"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, cfg := range []command.Config{{Args: []string{script}}, {Args: []string{"true"}, Folder: folder}} {
		cfg.Metrics = loss
		c, err := command.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		s, err := study.Open(t.Context(), study.Config{Space: params})
		if err != nil {
			t.Fatal(err)
		}
		err = s.Optimize(t.Context(), c.Run, study.Budget{Trials: 1})
		if !errors.As(err, new(*study.AbortError)) || !strings.Contains(err.Error(), "the program cannot start: ") {
			t.Errorf("%q in %q: got %v, want an AbortError", cfg.Args, folder, err)
		}
	}
}
