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
	os.Chmod(file, 0)
	for _, args := range [][]string{{"studies"}, {"storage", "check"}, {"storage", "backup", "-o", "copy.db"}, {"export-study"}} {
		_, stderr, err := unprivileged(t, dir, append(args, "--storage", "s.db")...)
		if err == nil || !strings.Contains(stderr, "study file s.db: no permission to read the file: permission denied") || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v says in one line that the file cannot be read: got %v, %q", args, err, stderr)
		}
	}
	os.Chmod(file, 0o444)
	if after, err := os.ReadFile(file); err != nil || !bytes.Equal(before, after) {
		t.Error("a read-only file was changed")
	}
	if names := beside(t, file); len(names) != 0 {
		t.Errorf("beside a read-only file were left: %v", names)
	}
}

// beside returns the names of what SQLite keeps beside a file.
func beside(t *testing.T, file string) []string {
	t.Helper()
	names, err := filepath.Glob(file + "-*")
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// A file that becomes writable again can be written, even if an earlier program
// has left a read-only -shm.
func TestAFileThatWasReadOnlyIsWrittenAgain(t *testing.T) {
	dir, err := os.MkdirTemp("", "bluefin-readonly-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o777)
	file := filepath.Join(dir, "s.db")
	try := func(name, want string) {
		t.Helper()
		_, stderr, _ := unprivileged(t, dir, "create-study", "--storage", "s.db", "--study-name", name)
		if stderr != want {
			t.Errorf("create-study says %q, want %q", stderr, want)
		}
		if names := beside(t, file); stderr == "" && len(names) != 0 {
			t.Errorf("left beside the file: %v", names)
		}
	}
	try("a", "")
	os.Chmod(file, 0o444)
	try("b", "bluefin: open study file s.db: the storage is read-only: no permission to write to the file: permission denied\n")
	os.Chmod(file, 0o644)
	try("b", "")
	if err := os.WriteFile(file+"-shm", make([]byte, 32768), 0o444); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 { // else it is ours anyway
		try("c", "bluefin: open study file s.db: the storage is read-only: no permission to write to "+file+"-shm: permission denied\n")
		os.Chown(file+"-shm", 65534, 65534)
	}
	try("c", "")
}

func TestAFolderThatMayNotBeWritten(t *testing.T) {
	dir, err := os.MkdirTemp("", "bluefin-readonly-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(dir, 0o755); os.RemoveAll(dir) })
	bluefin(t, "create-study", "--storage", filepath.Join(dir, "s.db"), "--study-name", "a")
	os.Chmod(filepath.Join(dir, "s.db"), 0o666)
	os.Chmod(dir, 0o755)
	unprivileged(t, dir, "--help") // puts the program there
	os.Chmod(dir, 0o555)
	for name, want := range map[string]string{
		"s.db":   "bluefin: open study file s.db: the storage is read-only: no permission to write in its folder " + dir + ", where SQLite keeps the log: permission denied\n",
		"new.db": "bluefin: open study file new.db: cannot create a file in the folder " + dir + ": permission denied\n",
	} {
		if _, stderr, _ := unprivileged(t, dir, "create-study", "--storage", name); stderr != want {
			t.Errorf("got %q, want %q", stderr, want)
		}
	}
}
