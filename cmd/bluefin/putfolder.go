package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/uuid"
)

// The names of what is beside the files of a folder while they are written.
const (
	temporaryPrefix = ".bluefin-"
	settledLater    = temporaryPrefix + "new" // files that are whole and not yet at their places
)

// putFolder replaces files of a folder, all or none: make writes them to another
// one inside it, which gets the name settledLater when they are on the disk.
// From then on settleFolder moves them to their places, here or, after a kill,
// when the folder is next used. Other files stay.
func putFolder(dir string, make func(dir string) error) error {
	temporary := filepath.Join(dir, temporaryPrefix+uuid.NewString())
	if err := os.MkdirAll(temporary, 0o777); err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	if err := make(temporary); err != nil {
		return err
	}
	err := filepath.WalkDir(temporary, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return syncPath(path)
	})
	if err != nil {
		return err
	}
	// Another process may be as far; then its files come first.
	for {
		if err := settleFolder(dir); err != nil {
			return err
		}
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

// settleFolder moves files that putFolder has written to their places. Several
// processes may do so at the same time.
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
			folders = append(folders, path)
			return os.MkdirAll(to, 0o777)
		}
		if err := os.Rename(path, to); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
	if err != nil || len(folders) == 0 {
		return err
	}
	for _, folder := range slices.Backward(folders) {
		os.Remove(folder) // unless another process has just put files there
	}
	return syncPath(dir)
}

// syncPath sees to it that a file or folder is on the disk.
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
