package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/postgres"
	"github.com/bluefin-hpo/bluefin/storage/remote"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
)

// A storageFlag is the value of --storage: the path of a study file, or a URL.
type storageFlag string

const defaultStorage storageFlag = "sqlite:///bluefin.db"

// flag is --storage, with a default from the environment.
func (s *storageFlag) flag() cli.Flag {
	return s.named("storage", "the `STORAGE`: the path of a study file, sqlite:///PATH, postgresql://HOST/DATABASE, or "+
		"http://HOST:PORT of bluefin serve")
}

// named returns the flag under another name.
func (s *storageFlag) named(name, usage string) cli.Flag {
	return &cli.StringFlag{Name: name, Destination: (*string)(s), Value: string(defaultStorage), EnvVars: storageVars(),
		DefaultText: string(defaultStorage), Usage: usage}
}

// storageVars name the environment variables that hold the default, the first of them first.
func storageVars() []string { return []string{"BLUEFIN_STORAGE", "OPTUNA_STORAGE"} }

// String returns the flag without passwords.
func (s storageFlag) String() string {
	p, err := s.place()
	if err != nil {
		return "the storage"
	}
	return p.String()
}

// place returns the place that the flag names. The error is a usage error.
func (s storageFlag) place() (place, error) { return newPlace("storage", string(s)) }

// file returns the path of the study file, for what only a file has.
func (s storageFlag) file() (string, error) {
	p, err := s.place()
	if err == nil && !p.isFile() {
		err = usagef("--storage is %s, want a study file: the server keeps its own data in order", p)
	}
	return p.path, err
}

// An access says how a storage is opened.
type access struct {
	readOnly    bool
	mustExist   bool // do not create a missing file
	noSync      bool // as sqlite.Options.NoSync; other storages ignore it
	noFolder    bool // messages name a study file without its folder
	connections int  // as postgres.Options.Connections; other storages ignore it
}

// open opens the storage.
func (s storageFlag) open(ctx context.Context, con console, a access) (storage.Viewer, error) {
	p, err := s.place()
	if err != nil {
		return nil, err
	}
	db, err := p.open(ctx, con, a)
	return db, s.missing(err)
}

// missing adds to the error for a missing file what makes it, if nobody named another one.
func (s storageFlag) missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) && s == defaultStorage {
		err = fmt.Errorf("%w: bluefin tune or create-study makes it, and --storage names another file", err)
	}
	return err
}

// open opens the storage at p.
func (p place) open(ctx context.Context, con console, a access) (storage.Viewer, error) {
	switch p.scheme {
	case "":
		o := sqlite.Options{ReadOnly: a.readOnly, MustExist: a.mustExist, NoSync: a.noSync}
		if a.noFolder {
			o.Name = filepath.Base(p.path)
		}
		db, err := sqlite.Open(ctx, p.path, o)
		if err != nil {
			return nil, err // not a nil *sqlite.DB, which is a Viewer
		}
		return db, nil
	case "postgresql":
		db, err := postgres.Open(ctx, p.url, postgres.Options{ReadOnly: a.readOnly, MustExist: a.mustExist,
			Connections: a.connections})
		if err != nil {
			return nil, err
		}
		return db, nil
	case "http", "https":
		token, err := serverToken()
		if err != nil {
			return nil, err
		}
		db, err := remote.Open(ctx, p.url, remote.Options{ReadOnly: a.readOnly, Token: token, Logger: con.logger()})
		if err != nil {
			return nil, wantToken(err)
		}
		return db, nil
	}
	return nil, usagef("the storage is %s, and this program cannot open a URL of %s", p, p.scheme)
}

// durabilityFlag chooses between safety and speed.
func durabilityFlag(level *string) cli.Flag {
	return choiceFlag(level, "durability", "how much a power cut may lose, by `LEVEL`: full loses no finished "+
		"trial; normal is faster and may lose the last ones. A killed process loses none with either", "full", "normal")
}
