package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// openFiles are the files of a database that is written to: the database and its
// log. Writes to a file that was removed or replaced would be lost silently.
type openFiles struct {
	path string
	seen [2]os.FileInfo // of the database and the log, once they exist
}

// check fails if a name no longer leads to the same file.
func (f *openFiles) check() error {
	for i, path := range []string{f.path, f.path + "-wal"} {
		info, err := os.Stat(path)
		switch {
		case f.seen[i] == nil && err == nil:
			f.seen[i] = info
		case f.seen[i] == nil && errors.Is(err, fs.ErrNotExist) && i == 1: // no log before the first write
		case err != nil || !os.SameFile(info, f.seen[i]):
			return fmt.Errorf("the study file %s was removed or replaced while it was in use", filepath.Base(path))
		}
	}
	return nil
}

// frozen is a file that is read without locks, because nobody was writing to it.
type frozen struct {
	path string
	was  os.FileInfo
}

// freeze notes what the file is like before it is read.
func freeze(path string) *frozen {
	info, err := os.Stat(path)
	if err != nil {
		return nil // SQLite will say so
	}
	return &frozen{path, info}
}

// check fails if the file has changed since freeze: reads may have returned a mix
// of old and new data.
func (f *frozen) check() error {
	if f == nil {
		return nil
	}
	info, err := os.Stat(f.path)
	if err != nil || !os.SameFile(info, f.was) || info.Size() != f.was.Size() ||
		// No lock can prevent the change, so it can only be noticed afterwards.
		!info.ModTime().Equal(f.was.ModTime()) {
		return fmt.Errorf("the study file %s was changed while it was read: read it again", filepath.Base(f.path))
	}
	return nil
}
