package main

import (
	"debug/elf"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// Without a container engine, the build command of the image runs here, and its result in a folder
// with nothing else in it.
func TestImageHoldsAStaticBinary(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the program again, for minutes")
	}
	text, err := os.ReadFile("../../deploy/Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	build := regexp.MustCompile(`(?m)^RUN (.*go build.*)$`).FindSubmatch(text)
	copied := regexp.MustCompile(`(?m)^COPY --from=build /out/bluefin (\S+)$`).FindSubmatch(text)
	if build == nil || copied == nil || !regexp.MustCompile(`(?m)^FROM scratch$`).Match(text) {
		t.Fatalf("the file does not build /out/bluefin and copy it into an empty image:\n%s", text)
	}
	root := t.TempDir()
	program := filepath.Join(root, string(copied[1]))
	cmd := exec.Command("sh", "-c", strings.ReplaceAll(string(build[1]), "/out/bluefin", program))
	cmd.Dir, cmd.Env = "../..", append(os.Environ(), "VERSION=v1.2.3")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	file, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the program has %s, want none: an empty image has no loader", p.Type)
		}
	}
	for _, args := range [][]string{{"--version"}, {"finetune", "--trials", "1", "--storage", "/data/a.db"},
		{"export", "--storage", "/data/a.db"}} {
		out, err := alone(t, root, string(copied[1]), args...)
		if err != nil || args[0] == "--version" && !strings.Contains(out, "v1.2.3") {
			t.Errorf("%q ends with %v: %s", args, err, out)
		}
	}
}

// alone runs the program as the image does: by a user who is not root, in a folder with nothing else,
// and with a volume at /data.
func alone(t *testing.T, root, program string, args ...string) (string, error) {
	const user = 65532
	if os.Getuid() != 0 {
		t.Skip("only root can change the root folder")
	}
	data := filepath.Join(root, "data")
	if err := os.Mkdir(data, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		t.Fatal(err)
	}
	if err := os.Chown(data, user, user); err != nil {
		t.Fatal(err)
	}
	cmd := &exec.Cmd{Path: program, Args: append([]string{program}, args...), Dir: "/", Env: []string{}}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: user, Gid: user}}
	out, err := cmd.CombinedOutput()
	return string(out), err
}
