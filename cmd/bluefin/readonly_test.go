//go:build unix

package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// unprivileged runs bluefin as a user whom file permissions bind.
func unprivileged(t *testing.T, dir string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	path, err := exec.LookPath("bluefin")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	if os.Getuid() == 0 {
		// The temporary folder of the test binary is root's alone.
		program, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		cmd.Path = filepath.Join(dir, "bluefin")
		if err := os.WriteFile(cmd.Path, program, 0o755); err != nil {
			t.Fatal(err)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	var out, errs bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

func TestReadOnlyFiles(t *testing.T) {
	dir, err := os.MkdirTemp("", "bluefin-readonly-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(dir, 0o755); os.RemoveAll(dir) })
	file := filepath.Join(dir, "s.db")
	for _, args := range [][]string{
		{"create-study", "--storage", file, "--study-name", "a"},
		{"ask", "--storage", file}, {"tell", "--storage", file, "--trial-number", "0", "--values", "1"},
	} {
		if out, err := exec.Command("bluefin", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	os.Chmod(file, 0o444)
	for _, mode := range []fs.FileMode{0o777, 0o555} { // of the folder
		os.Chmod(dir, 0o755)
		unprivileged(t, dir, "--help") // puts the program there
		os.Chmod(dir, mode)
		for _, args := range [][]string{{"trials", "-f", "value"}, {"studies", "-f", "value"}, {"export", "--params-only"}, {"best-trial", "-f", "json"}} {
			stdout, stderr, err := unprivileged(t, dir, append(args, "--storage", "s.db")...)
			if err != nil || stdout == "" {
				t.Errorf("folder %v: %v reads a read-only file: got %v, %q, %s", mode, args, err, stdout, stderr)
			}
		}
		for _, args := range [][]string{{"finetune", "--study-name", "b"}, {"create-study", "--study-name", "b"}, {"delete-study", "--study-name", "a"}, {"ask", "--study-name", "a"}} {
			_, stderr, err := unprivileged(t, dir, append(args, "--storage", "s.db")...)
			if err == nil || !strings.Contains(stderr, "the storage is read-only") || strings.Count(stderr, "\n") != 1 {
				t.Errorf("folder %v: %v says in one line that the file is read-only: got %v, %q", mode, args, err, stderr)
			}
		}
	}
	os.Chmod(dir, 0o755)
	if after, err := os.ReadFile(file); err != nil || !bytes.Equal(before, after) {
		t.Error("a read-only file was changed")
	}
}
