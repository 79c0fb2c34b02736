package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bluefin-hpo/bluefin/storage"
)

// locate returns the one absolute path by which all programs must open the study
// file at path, and fails if a database cannot safely be used there. It creates
// a missing file if the options allow it, and changes nothing else, so a refused
// attempt leaves nothing behind.
func locate(path string, o Options) (string, error) {
	if path == "" {
		return "", errors.New("the path is empty")
	}
	// Stat would follow such a path to a folder and give a worse message.
	if os.IsPathSeparator(path[len(path)-1]) {
		return "", errors.New("the path ends like that of a folder, want a file")
	}
	abs, err := resolve(path)
	if err != nil {
		return "", err
	}
	if name := networkFileSystem(filepath.Dir(abs)); name != "" && !o.ReadOnly {
		return "", fmt.Errorf("it is on a network file system (%s), where several machines could damage it: "+
			"use a local disk",
			name)
	}
	info, err := os.Stat(abs)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !o.ReadOnly && !o.MustExist:
		// Made here and not by SQLite, so every later open may use mode=rw and never creates a
		// second file.
		return abs, makeFile(abs)
	case err != nil:
		return "", bare(err)
	case info.IsDir():
		return "", errors.New("it is a directory")
	// Locks and mmap of WAL do not work on devices and pipes.
	case !info.Mode().IsRegular():
		return "", errors.New("it is not a regular file")
	}
	if err := oneName(abs, info); err != nil {
		return "", err
	}
	if o.ReadOnly {
		if err := readable(abs); err != nil {
			return "", fmt.Errorf("no permission to read the file: %w", err)
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

// resolve follows all symbolic links, also to a file that does not exist yet, so
// that all programs use the same log beside the file.
func resolve(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	// 40 is Linux's own limit for links in a path.
	for range 40 {
		if target, err := filepath.EvalSymlinks(abs); err == nil {
			return target, nil
		}
		// The file itself may be a link to one that does not exist yet; follow it by hand.
		folder, err := filepath.EvalSymlinks(filepath.Dir(abs))
		if err != nil {
			return abs, nil // opening it will report what is wrong
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
	return "", errors.New("it is a symbolic link to itself")
}

// oneName fails if the file can be reached under another name. SQLite names the
// log after the file, so two names mean two logs, which overwrite each other.
func oneName(abs string, info fs.FileInfo) error {
	if n := links(abs, info); n > 1 {
		return fmt.Errorf("it has %d names (hard links), and programs that use different names destroy it: "+
			"remove the other names, or use a copy",
			n)
	}
	if mountPoint(abs) {
		return errors.New("the file itself is a mount point, and programs that use its other name destroy it: " +
			"mount its folder instead, as in docker run -v \"$PWD\":/data")
	}
	return nil
}

// makeFile creates an empty file, which SQLite turns into a database. The error of
// the system is better than SQLite's.
func makeFile(abs string) error {
	// O_EXCL, so a link that appears now is not followed.
	f, err := os.OpenFile(abs, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	switch {
	case err == nil:
		return f.Close()
	case errors.Is(err, fs.ErrExist): // another process was faster
		return nil
	}
	return fmt.Errorf("cannot create a file in the folder %s: %w", filepath.Dir(abs), bare(err))
}

// suffixes are those of the files that SQLite keeps beside an open database.
var suffixes = []string{"-wal", "-shm"}

// followMode gives the files beside a database its permissions, as SQLite does
// when it creates them: a file that once was read-only may have left a -shm that
// still is. Files of other users stay as they are.
func followMode(abs string, info fs.FileInfo) error {
	for _, suffix := range suffixes {
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

// writable returns why this process may not write to the database at abs: to the
// file, the files beside it, or its folder, where SQLite creates and removes the
// log.
func writable(abs string) error {
	if err := access(abs); err != nil {
		return fmt.Errorf("no permission to write to the file: %w", err)
	}
	for _, suffix := range suffixes {
		if err := access(abs + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("no permission to write to %s%s: %w", abs, suffix, err)
		}
	}
	if err := access(filepath.Dir(abs)); err != nil {
		return fmt.Errorf("no permission to write in its folder %s, where SQLite keeps the log: %w", filepath.Dir(abs), err)
	}
	return nil
}

// bare returns the error of the system without the path, which the message
// already has.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
