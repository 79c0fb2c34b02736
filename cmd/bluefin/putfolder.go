package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/uuid"
)

// Names inside a folder while its files are replaced.
const (
	temporaryPrefix = ".bluefin-"
	settledLater    = temporaryPrefix + "new" // complete files, not yet moved to their places
)

// putFolder replaces files of a folder, all or none: weights beside the description of other weights
// would predict nonsense. make writes the files to a folder inside, which is renamed to settledLater
// when they are on the disk. From then on settleFolder moves them to their places: here or, after a
// kill, when the folder is next used. Other files stay.
func putFolder(dir string, make func(dir string) error) error {
	// Inside the folder, so renaming stays on one file system.
	temporary := filepath.Join(dir, temporaryPrefix+uuid.NewString())
	if err := os.MkdirAll(temporary, 0o777); err != nil {
		return err
	}
	// After the rename there is nothing left under this name.
	defer os.RemoveAll(temporary)
	if err := make(temporary); err != nil {
		return err
	}
	// On the disk before the rename: a power cut must not leave complete names with empty
	// files.
	err := filepath.WalkDir(temporary, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return syncPath(path)
	})
	if err != nil {
		return err
	}
	// Another process may have got here first; then its files are moved first.
	for {
		if err := settleFolder(dir); err != nil {
			return err
		}
		// A rename onto a folder that is not empty fails, so two processes never mix their files.
		err := os.Rename(temporary, filepath.Join(dir, settledLater))
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return settleFolder(dir)
}

// settleFolder moves complete files of putFolder to their places. Several processes may do so at once.
func settleFolder(dir string) error {
	from := filepath.Join(dir, settledLater)
	var folders []string
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // another process was faster
		}
		if err != nil {
			return err
		}
		inside, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, inside)
		if d.IsDir() {
			// Parents come before their children, so they are removed in reverse.
			folders = append(folders, path)
			return os.MkdirAll(to, 0o777)
		}
		// Another process may have moved this file.
		if err := os.Rename(path, to); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
	if err != nil || len(folders) == 0 {
		return err
	}
	for _, folder := range slices.Backward(folders) {
		os.Remove(folder) // fails if another process has just put files there
	}
	// The names too must survive a power cut.
	return syncPath(dir)
}

// syncPath flushes a file or folder to the disk, where the system can.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}
