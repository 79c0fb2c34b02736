package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// printing are command lines that write to standard output, on a file with the
// study a.
var printing = []string{
	"create-study --study-name b", "study-names", "studies", "studies -f yaml", "ask",
	"trials", "trials -f json", "trials -f value", "best-trial", "best-trials", "export", "export-study", "storage check",
	"", "--help", "--version", "help trials", "finetune --help", "storage", "finetune --trials 1 --study-name digits --similarity=false",
}

// eachPrinting runs each of them with stdout.
func eachPrinting(t *testing.T, stdout *os.File, check func(command string, stderr string, state *os.ProcessState)) {
	t.Helper()
	for _, command := range printing {
		db := filepath.Join(t.TempDir(), "s.db")
		bluefin(t, "create-study", "--storage", db, "--study-name", "a")
		bluefin(t, "ask", "--storage", db)
		bluefin(t, "tell", "--storage", db, "--trial-number", "0", "--values", "1")
		var stderr bytes.Buffer
		cmd := exec.Command("bluefin", strings.Fields(command)...)
		cmd.Env = append(os.Environ(), "BLUEFIN_STORAGE="+db)
		cmd.Stdout, cmd.Stderr = stdout, &stderr
		if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		check(command, stderr.String(), cmd.ProcessState)
	}
}

// Data that could not be written is an error, said once.
func TestAFullStandardOutputIsAnError(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	eachPrinting(t, full, func(command, stderr string, state *os.ProcessState) {
		const why = "write /dev/stdout: no space left on device\n"
		if state.ExitCode() != exitError || !strings.HasSuffix(stderr, why) || strings.Count(stderr, why) != 1 {
			t.Errorf("bluefin %s: exit code %d, %q, want %d and once %q", command, state.ExitCode(), stderr, exitError, why)
		}
	})
}

// A reader that has seen enough, such as head, is no reason for a message.
func TestAClosedPipeIsQuiet(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	eachPrinting(t, w, func(command, stderr string, state *os.ProcessState) {
		if state.Success() || strings.Contains(stderr, "bluefin: ") {
			t.Errorf("bluefin %s: %v, %q, want no success and no message", command, state, stderr)
		}
	})
}
