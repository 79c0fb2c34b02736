package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/choose"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
)

// studyFlags select a study in a file.
type studyFlags struct {
	storage storageFlag
	name    string // "": the only study of the file
}

// flags are the storage and the study, which nearly every command has.
func (f *studyFlags) flags() []cli.Flag { return []cli.Flag{f.storage.flag(), f.nameFlag()} }

// nameFlag is a pointer, so commands can give it a text of their own.
func (f *studyFlags) nameFlag() *cli.StringFlag {
	return &cli.StringFlag{Name: "study-name", Destination: &f.name, EnvVars: studyVars(),
		Usage: "the `NAME` of the study"}
}

// studyVars name the environment variables that hold a default name.
func studyVars() []string { return []string{"BLUEFIN_STUDY_NAME"} }

// checkStudyName refuses an empty name where none at all has a meaning of its own.
func checkStudyName(_ *cli.Context, name string) error { return storage.CheckName("study name", name) }

// with opens the study and calls do with it.
func (f studyFlags) with(ctx context.Context, con console, o access, cfg study.Config,
	do func(*study.Study) error) error {
	return f.opened(ctx, con, o, cfg, func(cfg study.Config) error {
		s, err := study.Load(ctx, cfg)
		if err != nil {
			// After the failure only, since it reads all names.
			return suggestStudy(ctx, cfg.Storage, cfg.Name, err)
		}
		return do(s)
	})
}

// withPruner is with, for a study with the pruner that create-study was given.
func (f studyFlags) withPruner(ctx context.Context, con console, o access, cfg study.Config,
	do func(*study.Study) error) error {
	return f.opened(ctx, con, o, cfg, func(cfg study.Config) error {
		record, err := cfg.Storage.Load(ctx, cfg.Name)
		if err != nil {
			return suggestStudy(ctx, cfg.Storage, cfg.Name, fmt.Errorf("load %w", err))
		}
		if cfg.Pruner, err = choose.StudyPruner(record); err != nil {
			return err
		}
		s, err := study.Load(ctx, cfg)
		if err != nil {
			return err
		}
		return do(s)
	})
}

// opened opens the storage and calls do with what selects the study in it.
func (f studyFlags) opened(ctx context.Context, con console, o access, cfg study.Config,
	do func(study.Config) error) (err error) {
	db, err := f.storage.open(ctx, con, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	// Warnings of the engine go where the command's messages go.
	cfg.Storage, cfg.Logger = db, con.logger()
	if cfg.Name, err = f.resolve(ctx, db); err != nil {
		return err
	}
	return do(cfg)
}

// resolve returns the name of the study.
func (f studyFlags) resolve(ctx context.Context, db storage.Storage) (string, error) {
	if f.name != "" {
		return f.name, nil
	}
	all, err := db.Studies(ctx)
	switch {
	case err != nil:
		return "", err
	case len(all) == 0:
		return "", fmt.Errorf("%s has no study", f.storage)
	// Most files have one study; naming it each time would be a chore.
	case len(all) == 1:
		return all[0].Name, nil
	}
	var names []string
	for _, s := range all {
		names = append(names, strconv.Quote(s.Name))
	}
	return "", usagef("--study-name is missing, and %s has %d studies: %s", f.storage, len(all), listed(names))
}

// suggestStudy adds to the error for a missing study the name that was probably meant.
func suggestStudy(ctx context.Context, db storage.Storage, name string, err error) error {
	if !errors.Is(err, storage.ErrNotExist) {
		return err
	}
	all, listErr := db.Studies(ctx)
	// Failing to find a suggestion must not hide the error itself.
	if listErr != nil {
		return err
	}
	var names []string
	for _, s := range all {
		names = append(names, s.Name)
	}
	return errors.New(didYouMean(err.Error(), name, names, strconv.Quote))
}
