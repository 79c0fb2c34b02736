//go:build unix

package sqlite

import (
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

// links returns the number of names of the file.
func links(_ string, info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Nlink)
	}
	return 1
}

// readable returns why this process may not read the file at path.
func readable(path string) error { return unix.Access(path, unix.R_OK) }

// access returns why this process may not read and write the file or folder at
// path. It does not open it, because closing it would release the locks on
// systems where they belong to the process.
func access(path string) error {
	return unix.Access(path, unix.R_OK|unix.W_OK)
}
