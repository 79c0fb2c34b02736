package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Backup copies the study file at path, as it is at one moment, to a new file
// at to, while others go on writing. The copy is whole or is not there: it is
// written under another name beside to, which begins with a dot, and then
// renamed. Unless replace is set, the error matches fs.ErrExist if there is a
// file at to.
func Backup(ctx context.Context, path, to string, replace bool) error {
	err := backup(ctx, path, to, replace)
	if err != nil {
		err = fmt.Errorf("back up study file %s: %w", path, err)
	}
	return err
}

func backup(ctx context.Context, path, to string, replace bool) (err error) {
	from, err := locate(path, Options{ReadOnly: true})
	if err != nil {
		return err
	}
	if err := checkTarget(from, to, replace); err != nil {
		return err
	}
	temporary, err := vacant(to)
	if err != nil {
		return err
	}
	defer os.Remove(temporary)
	defer os.Remove(temporary + "-journal") // which a full disk would leave
	if err := copyInto(ctx, path, temporary); err != nil {
		return err
	}
	if err := settle(from, temporary); err != nil {
		return err
	}
	if replace {
		err = os.Rename(temporary, to)
	} else {
		err = moveTo(temporary, to)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(to))
	}
	var l *os.LinkError
	if errors.As(err, &l) {
		err = fmt.Errorf("%s: %w", to, l.Err) // without the temporary name
	}
	return err
}

// linkTo gives the file at from the name to unless there is such a file. A
// kill between the two steps leaves both names.
func linkTo(from, to string) error {
	err := os.Link(from, to)
	if err == nil {
		return os.Remove(from)
	}
	if _, statErr := os.Lstat(to); !errors.Is(err, fs.ErrExist) && errors.Is(statErr, fs.ErrNotExist) {
		err = os.Rename(from, to) // a file system without links
	}
	return err
}

// checkTarget checks that a copy of from may come to be at to.
func checkTarget(from, to string, replace bool) error {
	if to == "" {
		return errors.New("the path of the copy is empty")
	}
	// SQLite would take what lies beside an older file for a part of the copy.
	for _, suffix := range []string{"-wal", "-journal"} {
		if _, err := os.Lstat(to + suffix); err == nil {
			return fmt.Errorf("%s%s lies there: a program uses %s, or was killed when it did", to, suffix, to)
		}
	}
	info, err := os.Lstat(to)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no ordinary file", to)
	case !replace:
		return fmt.Errorf("%s: %w", to, fs.ErrExist)
	}
	if source, err := os.Stat(from); err == nil && os.SameFile(source, info) {
		return fmt.Errorf("%s is the study file itself", to)
	}
	return nil
}

// vacant makes an empty file beside path and returns its name.
func vacant(path string) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	var p *fs.PathError
	if errors.As(err, &p) {
		return "", fmt.Errorf("%s: %w", path, p.Err)
	} else if err != nil {
		return "", err
	}
	return f.Name(), f.Close()
}

// copyInto copies the database into the empty file at to.
func copyInto(ctx context.Context, path, to string) error {
	db, err := openRaw(ctx, path, Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer db.Close()
	s := <-db.readers
	defer func() { db.readers <- s }()
	if err := hasStudies(ctx, s); err != nil {
		return cause(ctx, err)
	}
	_, err = s.conn.ExecContext(ctx, `VACUUM INTO ?`, to)
	return cause(ctx, err)
}

// settle gives the copy the permissions of the original and brings it to the
// disk.
func settle(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(info.Mode().Perm()), f.Sync(), f.Close())
}

// syncFolder brings a new name in a folder to the disk, where that can be done.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	_ = f.Sync()
	return f.Close()
}
