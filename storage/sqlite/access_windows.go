package sqlite

import (
	"io/fs"
	"os"
	"syscall"
)

// links returns the number of names of the file.
func links(path string, _ fs.FileInfo) uint64 {
	f, err := os.Open(path)
	if err != nil {
		// One name is the harmless answer: opening the file will report what is wrong with it.
		return 1
	}
	defer f.Close()
	var info syscall.ByHandleFileInformation
	if syscall.GetFileInformationByHandle(syscall.Handle(f.Fd()), &info) != nil {
		return 1
	}
	return uint64(info.NumberOfLinks)
}

// readable returns why this process may not read the file at path.
func readable(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return bare(err)
	}
	return f.Close()
}

// access returns why this process may not write to the file at path. For a folder
// only an attempt can tell.
func access(path string) error {
	info, err := os.Stat(path)
	// Windows has no access(2), and a folder cannot be opened for writing.
	if err != nil || info.IsDir() {
		return bare(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return bare(err)
	}
	return f.Close()
}
