//go:build unix

package sqlite

import (
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

// links returns how many names the file has.
func links(_ string, info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Nlink)
	}
	return 1
}

// readable returns why this process may not read the file at path.
func readable(path string) error { return unix.Access(path, unix.R_OK) }

// access returns why this process may not read and write what is at path, by
// its permissions and those of the file system. It does not open it: to close
// it again would take back locks where they belong to the process.
func access(path string) error {
	return unix.Access(path, unix.R_OK|unix.W_OK)
}
