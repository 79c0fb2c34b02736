// Package file reads and writes whole files.
package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// LFS describes a Git LFS pointer: a small text in place of a large file, which a clone without Git
// LFS leaves behind.
const LFS = "is a Git LFS pointer, not the file itself: run git lfs pull in its folder"

// IsLFS reports whether a file that starts with head is a Git LFS pointer.
func IsLFS(head []byte) bool {
	return bytes.HasPrefix(head, []byte("version https://git-lfs.github.com/spec/"))
}

// Read is os.ReadFile, except that a Git LFS pointer is an error.
func Read(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err == nil && IsLFS(b) {
		err = fmt.Errorf("%s %s", path, LFS)
	}
	return b, err
}

// Write replaces a file so that it is complete at every moment: it writes path.NUMBER followed by
// suffix and renames that. Permissions are perm, or 0600 if that is 0.
func Write(path, suffix string, perm os.FileMode, contents func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*"+suffix)
	if err != nil {
		return err
	}
	err = contents(f)
	if perm != 0 {
		err = errors.Join(err, f.Chmod(perm))
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
