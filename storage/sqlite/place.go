package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bluefin-hpo/bluefin/storage"
)

// locate returns the one absolute path by which all users of the study file
// at path must open it, and fails if a database cannot safely be used there.
// A file that Create may make is made. Nothing else changes, so that an
// attempt that is refused leaves nothing behind.
func locate(path string, o Options) (string, error) {
	if path == "" {
		return "", errors.New("the path is empty")
	}
	if os.IsPathSeparator(path[len(path)-1]) {
		return "", errors.New("the path ends as that of a folder, want that of a file")
	}
	abs, err := resolve(path)
	if err != nil {
		return "", err
	}
	if name := networkFileSystem(filepath.Dir(abs)); name != "" && !o.ReadOnly {
		return "", fmt.Errorf("it lies on a network file system (%s), where several machines could damage it: keep it on a disk of this machine", name)
	}
	info, err := os.Stat(abs)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !o.ReadOnly && !o.MustExist:
		return abs, makeFile(abs)
	case err != nil:
		return "", bare(err)
	case info.IsDir():
		return "", errors.New("it is a directory")
	case !info.Mode().IsRegular():
		return "", errors.New("it is not a regular file")
	}
	if err := oneName(abs, info); err != nil {
		return "", err
	}
	if o.ReadOnly {
		if err := readable(abs); err != nil {
			return "", fmt.Errorf("no right to read the file: %w", err)
		}
		return abs, nil
	}
	if err := followMode(abs, info); err != nil {
		return "", err
	}
	if err := writable(abs); err != nil {
		return "", fmt.Errorf("%w: %w", storage.ErrReadOnly, err)
	}
	return abs, nil
}

// resolve follows all symbolic links, also those to a file that does not exist
// yet: whatever names a file has, all must find the same log beside it.
func resolve(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	for range 40 {
		if target, err := filepath.EvalSymlinks(abs); err == nil {
			return target, nil
		}
		folder, err := filepath.EvalSymlinks(filepath.Dir(abs))
		if err != nil {
			return abs, nil // the caller will see what is wrong
		}
		abs = filepath.Join(folder, filepath.Base(abs))
		target, err := os.Readlink(abs)
		if err != nil {
			return abs, nil
		}
		if abs = target; !filepath.IsAbs(target) {
			abs = filepath.Join(folder, target)
		}
	}
	return "", errors.New("it is a symbolic link that leads to itself")
}

// oneName fails if the file can be reached under another name. SQLite puts the
// log beside the name, so two names mean two logs, and those overwrite each
// other.
func oneName(abs string, info fs.FileInfo) error {
	if n := links(abs, info); n > 1 {
		return fmt.Errorf("it has %d names (hard links), and programs that use different names destroy it: remove the other names, or use a copy", n)
	}
	if mountPoint(abs) {
		return errors.New("the file itself is mounted here, and programs that use its other name destroy it: mount its folder instead, as in docker run -v \"$PWD\":/data")
	}
	return nil
}

// makeFile makes an empty file, from which SQLite makes a database. The system
// says better than SQLite why it cannot be done.
func makeFile(abs string) error {
	f, err := os.OpenFile(abs, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	switch {
	case err == nil:
		return f.Close()
	case errors.Is(err, fs.ErrExist): // another process has made it meanwhile
		return nil
	}
	return fmt.Errorf("cannot create a file in the folder %s: %w", filepath.Dir(abs), bare(err))
}

// besides are the files that SQLite keeps beside a database in use.
var besides = []string{"-wal", "-shm"}

// followMode gives what lies beside the file the permissions of the file, as
// SQLite does when it makes it: a file that once was read-only may have left a
// -shm that is read-only still. What belongs to others stays as it is.
func followMode(abs string, info fs.FileInfo) error {
	for _, suffix := range besides {
		beside, err := os.Stat(abs + suffix)
		if err != nil || access(abs+suffix) == nil || beside.Mode().Perm() == info.Mode().Perm() {
			continue
		}
		if err := os.Chmod(abs+suffix, info.Mode().Perm()); err != nil && !errors.Is(err, fs.ErrPermission) {
			return bare(err)
		}
	}
	return nil
}

// writable returns why this process may not write to the database at abs: to
// the file, to what lies beside it, or in its folder, where SQLite makes and
// removes the log.
func writable(abs string) error {
	if err := access(abs); err != nil {
		return fmt.Errorf("no right to write to the file: %w", err)
	}
	for _, suffix := range besides {
		if err := access(abs + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("no right to write to %s%s: %w", abs, suffix, err)
		}
	}
	if err := access(filepath.Dir(abs)); err != nil {
		return fmt.Errorf("no right to write in its folder %s, where SQLite keeps the log: %w", filepath.Dir(abs), err)
	}
	return nil
}

// bare returns the error of the system without the path, which the message has
// already.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
