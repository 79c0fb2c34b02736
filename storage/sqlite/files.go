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

// frozen is a file that is read without locks, because nobody was writing.
type frozen struct {
	path string
	was  os.FileInfo
}

func freeze(path string) *frozen {
	info, err := os.Stat(path)
	if err != nil {
		return nil // SQLite will say so
	}
	return &frozen{path, info}
}

// check fails if the file has changed since: what was read may be half old and
// half new.
func (f *frozen) check() error {
	if f == nil {
		return nil
	}
	info, err := os.Stat(f.path)
	if err != nil || !os.SameFile(info, f.was) || info.Size() != f.was.Size() || !info.ModTime().Equal(f.was.ModTime()) {
		return fmt.Errorf("the study file %s was changed while it was read: read it again", f.path)
	}
	return nil
}
