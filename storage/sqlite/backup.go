package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Backup copies the study file at path, as it is at one moment, to a new file at
// to, while others continue to write. The copy is whole or absent: it is written
// to a file in the same folder named .NAME.unfinished-NUMBER and then renamed. A
// killed process leaves that file, which can be deleted. Unless replace is set,
// the error matches fs.ErrExist if there is a file at to.
func Backup(ctx context.Context, path, to string, replace bool) error {
	err := backup(ctx, path, to, replace)
	if err != nil {
		err = fmt.Errorf("back up study file %s: %w", path, err)
	}
	return err
}

// backup is Backup without the prefix of its errors.
func backup(ctx context.Context, path, to string, replace bool) (err error) {
	// Reading is enough: a backup must also work for a file that this user may not write.
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
	defer os.Remove(temporary + "-journal") // left by a full disk
	// The order matters: copy, sync, rename, sync the folder. After a power cut the name
	// leads to the whole copy or to what was there before.
	if err := copyInto(ctx, path, temporary); err != nil {
		return err
	}
	if err := settle(from, temporary); err != nil {
		return err
	}
	if replace {
		// Rename replaces an existing file; moveTo never does, even if one appears meanwhile.
		err = os.Rename(temporary, to)
	} else {
		err = moveTo(temporary, to)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(to))
	}
	var l *os.LinkError
	if errors.As(err, &l) {
		err = fmt.Errorf("%s: %w", to, l.Err) // not the temporary name
	}
	return err
}

// linkTo renames the file at from unless there is one at to. A process killed
// between the two steps leaves both names.
func linkTo(from, to string) error {
	err := os.Link(from, to)
	if err == nil {
		return os.Remove(from)
	}
	// FAT and some network shares have no hard links. There, a file made by others in between
	// would be replaced.
	if _, statErr := os.Lstat(to); !errors.Is(err, fs.ErrExist) && errors.Is(statErr, fs.ErrNotExist) {
		err = os.Rename(from, to) // a file system without links
	}
	return err
}

// checkTarget fails if no copy of from may be written to to.
func checkTarget(from, to string, replace bool) error {
	if to == "" {
		return errors.New("the path of the copy is empty")
	}
	// SQLite would read the log of an older file as part of the copy.
	for _, suffix := range []string{"-wal", "-journal"} {
		if _, err := os.Lstat(to + suffix); err == nil {
			return fmt.Errorf("%s%s exists: a program is using %s, or was killed while it did", to, suffix, to)
		}
	}
	info, err := os.Lstat(to)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	// A device or a folder would be renamed over.
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", to)
	case !replace:
		return fmt.Errorf("%s: %w", to, fs.ErrExist)
	}
	if source, err := os.Stat(from); err == nil && os.SameFile(source, info) {
		return fmt.Errorf("%s is the study file itself", to)
	}
	return nil
}

// vacant creates an empty file in the folder of path and returns its name.
func vacant(path string) (string, error) {
	// In the same folder, because a rename does not cross file systems.
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".unfinished-*")
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
	// VACUUM INTO cannot run in a transaction, so this takes the connection itself.
	s := <-db.readers
	defer func() { db.readers <- s }()
	if err := hasStudies(ctx, s); err != nil {
		return cause(ctx, err)
	}
	// It copies one snapshot, so writers are not held up, and leaves out unused space.
	_, err = s.conn.ExecContext(ctx, `VACUUM INTO ?`, to)
	return cause(ctx, err)
}

// settle gives the copy the permissions of the original and syncs it to disk.
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

// syncFolder syncs a new name in a folder to disk, on systems that can.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		// Some systems cannot open a folder; there, a rename is as durable as it gets.
		return nil
	}
	_ = f.Sync()
	return f.Close()
}
