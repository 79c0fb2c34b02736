package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// inMounts runs a shell script in dir, where it may mount what it likes.
func inMounts(t *testing.T, dir, script string) string {
	t.Helper()
	args := []string{"--mount"}
	if os.Getuid() != 0 {
		args = append(args, "--map-root-user")
	}
	may := exec.Command("unshare", append(args, "sh", "-c", "mkdir may && mount --bind may may && umount may && rmdir may")...)
	may.Dir = dir
	if out, err := may.CombinedOutput(); err != nil {
		t.Skipf("this system lets no test mount: %v: %s", err, out)
	}
	cmd := exec.Command("unshare", append(args, "sh", "-c", script)...)
	cmd.Dir = dir
	out, _ := cmd.CombinedOutput()
	return string(out)
}

// A container that has the file alone mounted sees neither the log that lies
// beside it outside nor the lock. One that has the folder mounted sees both.
func TestAMountedFileIsRefusedAndAMountedFolderIsNot(t *testing.T) {
	dir := t.TempDir()
	bluefin(t, "create-study", "--storage", filepath.Join(dir, "s.db"), "--study-name", "a")
	out := inMounts(t, dir, `
		mkdir alone whole && touch alone/s.db && mount --bind s.db alone/s.db && mount --bind . whole || exit
		for command in create-study studies "storage check" "storage upgrade"; do bluefin $command --storage alone/s.db; done
		ls alone
		bluefin create-study --storage whole/s.db --study-name b
		bluefin study-names --storage s.db`)
	want := "the file itself is a mount point"
	if n := strings.Count(out, want); n != 4 || strings.Count(out, "mount its folder instead") != 4 {
		t.Errorf("%d of 4 commands refuse a mounted file:\n%s", n, out)
	}
	if !strings.HasSuffix(out, "\ns.db\nb\na\nb\n") {
		t.Errorf("want nothing beside the mounted file, and a study by the mounted folder:\n%s", out)
	}
}

func TestAReadOnlyFileSystem(t *testing.T) {
	dir := t.TempDir()
	bluefin(t, "create-study", "--storage", filepath.Join(dir, "s.db"), "--study-name", "a")
	out := inMounts(t, dir, `
		mount --bind . . && mount -o remount,bind,ro . && cd "$PWD" || exit
		bluefin create-study --storage s.db
		bluefin create-study --storage new.db
		bluefin studies --storage s.db -f value
		ls`)
	for _, want := range []string{
		"bluefin: open study file s.db: the storage is read-only: no permission to write to the file: read-only file system\n",
		"bluefin: open study file new.db: cannot create a file in the folder " + dir + ": read-only file system\n",
		"a ('MINIMIZE',) 0\ns.db\ns.db.lock\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("got\n%swant it to have\n%s", out, want)
		}
	}
}

// Every command says that the disk is full and which file it is about, and
// when there is room again nothing is missing.
func TestAFullDisk(t *testing.T) {
	out := inMounts(t, t.TempDir(), `
		mkdir disk && mount -t tmpfs -o size=600k none disk && cd disk || exit
		bluefin create-study --storage s.db --study-name a
		dd if=/dev/zero of=ballast bs=1k count=2000 2>/dev/null
		for command in ask "create-study --study-name b" "storage vacuum" "storage backup -o copy.db"; do bluefin $command --storage s.db 2>&1; done
		bluefin create-study --storage new.db --study-name b 2>&1
		echo "there is room"
		rm ballast
		bluefin create-study --storage new.db --study-name b
		bluefin ask --storage s.db
		bluefin storage check --storage s.db
		ls -A`)
	before, after, _ := strings.Cut(out, "there is room\n")
	lines := strings.Split(strings.TrimSpace(before), "\n")
	if len(lines) != 6 || lines[0] != "a" {
		t.Fatalf("got\n%swant a line for each command", out)
	}
	for _, line := range lines[1:] {
		if !strings.Contains(line, "disk is full") || !strings.Contains(line, "s.db") && !strings.Contains(line, "new.db") {
			t.Errorf("%q names neither the file nor the reason", line)
		}
	}
	if want := "b\n{\"number\": 0, \"params\": {}}\nsound\nnew.db\nnew.db.lock\ns.db\ns.db.lock\n"; after != want {
		t.Errorf("with room again: got\n%swant\n%s", after, want)
	}
}
