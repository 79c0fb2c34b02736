package file

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWriteReplacesAFileOrLeavesIt(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	put := func(text string, err error) error {
		return Write(path, ".new", 0o644, func(w io.Writer) error {
			fmt.Fprint(w, text)
			return err
		})
	}
	failed := errors.New("failed")
	if err := errors.Join(put("one", nil), put("two", nil)); err != nil {
		t.Fatal(err)
	}
	if err := put("three", failed); !errors.Is(err, failed) {
		t.Errorf("error is %v, want that of the contents", err)
	}
	if b, err := Read(path); err != nil || string(b) != "two" {
		t.Errorf("the file holds %q (%v), want two", b, err)
	}
	if all, _ := os.ReadDir(dir); len(all) != 1 {
		t.Errorf("the folder holds %v, want one file", all)
	}
}

func TestReadRefusesALFSPointer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path); err == nil || !strings.Contains(err.Error(), "config.json is a Git LFS pointer") {
		t.Errorf("error is %v, want one that says what it is", err)
	}
}
