package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// openFiles are the files that a database consists of while it is written to:
// it and its log. A write to one that no longer has its name would be lost
// without a word.
type openFiles struct {
	path string
	seen [2]os.FileInfo // of the database and of the log, once they are there
}

// check fails if a file is not the one that it was.
func (f *openFiles) check() error {
	for i, path := range []string{f.path, f.path + "-wal"} {
		info, err := os.Stat(path)
		switch {
		case f.seen[i] == nil && err == nil:
			f.seen[i] = info
		case f.seen[i] == nil && errors.Is(err, fs.ErrNotExist) && i == 1: // nothing was written yet
		case err != nil || !os.SameFile(info, f.seen[i]):
			return fmt.Errorf("the study file %s was removed or replaced while it was in use", path)
		}
	}
	return nil
}
