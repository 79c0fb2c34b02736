//go:build unix

package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A lost terminal ends programs like Ctrl-C.
func TestAHangupStopsPrograms(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	cmd := exec.Command("bluefin", "tune", "--storage", path, "--study-name", "digits", "--metric", "loss", "x=1..9", "--",
		"sh", "-c", `sleep 100 & echo $! > {trial_dir}/child; wait`)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	child := ""
	for deadline := time.Now().Add(20 * time.Second); child == ""; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the program does not start")
		}
		text, _ := os.ReadFile(strings.TrimSuffix(path, ".db") + "-trials/digits/0/child")
		child = strings.TrimSpace(string(text))
	}
	cmd.Process.Signal(syscall.SIGHUP)
	if cmd.Wait(); cmd.ProcessState.ExitCode() != exitInterrupted {
		t.Errorf("got %v, want exit code %d", cmd.ProcessState, exitInterrupted)
	}
	_, err := strconv.Atoi(child)
	if stat, readErr := os.ReadFile("/proc/" + child + "/stat"); err != nil || readErr == nil && !strings.Contains(string(stat), ") Z ") {
		t.Errorf("process %s survives: %s", child, stat)
	}
	if trials := readTrials(t, path); len(trials) != 1 || trials[0].State.String() != "WAITING" {
		t.Errorf("got %+v, want a trial that waits", trials)
	}
}

// The first Ctrl-C asks programs to end, a second one kills them, and their trials go back to the queue.
func TestASecondInterruptKillsPrograms(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	cmd := exec.Command("bluefin", "tune", "--storage", path, "--study-name", "digits", "--metric", "loss", "x=1..9", "--",
		"sh", "-c", `trap "" TERM; echo loss=1; sleep 100; sleep 100`)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	began := time.Now()
	var all strings.Builder
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		all.WriteString(lines.Text() + "\n")
		switch {
		case strings.Contains(lines.Text(), "trial   0/30  started"):
			cmd.Process.Signal(syscall.SIGINT)
		case strings.Contains(lines.Text(), "Ctrl-C again kills them"):
			time.AfterFunc(1500*time.Millisecond, func() { cmd.Process.Signal(syscall.SIGINT) })
		}
	}
	if cmd.Wait(); cmd.ProcessState.ExitCode() != exitInterrupted || time.Since(began) > 20*time.Second ||
		!strings.Contains(all.String(), "Interrupted with 0 of 30 trials.") {
		t.Errorf("exit code %d after %v: %s", cmd.ProcessState.ExitCode(), time.Since(began), all.String())
	}
	if trials := readTrials(t, path); len(trials) != 1 || trials[0].State.String() != "WAITING" {
		t.Errorf("got %+v, want a trial that waits", trials)
	}
}
