package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/studyfile"
	"github.com/bluefin-hpo/bluefin/storage"
)

// createOnlyFlag makes a study for workers.
func createOnlyFlag(only *bool) cli.Flag {
	return &cli.BoolFlag{Name: "create-only", Destination: only,
		Usage: "make the study with its first trials, print its name, and run nothing: bluefin worker does"}
}

// created prints the name alone, so a script can use it.
func created(con console, name string) error {
	_, err := fmt.Fprintln(con.out, name)
	return err
}

// remember saves the plan with the study, so that workers on other machines can follow it.
func remember(ctx context.Context, db storage.Storage, name string, plan *studyfile.File) error {
	s, err := db.Load(ctx, name)
	if err != nil {
		return err
	}
	return plan.Save(ctx, db, s)
}

// remembered returns what the study remembers: the flags, without those of this process and machine.
func (t *tuning) remembered() *studyfile.File {
	f := &studyfile.File{Finetune: map[string]string{}, Trials: t.trials}
	for name, value := range t.given {
		if !slices.Contains(ownFlags, name) {
			f.Finetune[name] = value
		}
	}
	if all, err := shownEarlier(t.warmStart.Value()); err == nil && len(all) > 0 { // teach has checked them
		f.Finetune["warm-start"] = strings.Join(all, ",")
	}
	return f
}

// ownFlags are the flags of finetune that no worker takes over; --trials is the budget.
var ownFlags = []string{"output", "force", "rehearse", "cache-mb", "cache-dir", "trials", "timeout", "workers", "dashboard",
	logFormat, "storage", "study-name", "durability", "create-only", "similarity"}

// setFlags sets the fields of a command to the defaults of its flags, and then to values by name.
func setFlags(cmd *cli.Command, values map[string]string) error {
	set := flag.NewFlagSet(cmd.Name, flag.ContinueOnError)
	for _, f := range cmd.Flags {
		if err := f.Apply(set); err != nil {
			return err
		}
	}
	for name, value := range values {
		if set.Lookup(name) == nil {
			return fmt.Errorf("%s has no flag --%s", cmd.Name, name)
		}
		if err := set.Set(name, value); err != nil {
			return fmt.Errorf("--%s is %q: %w", name, value, err)
		}
	}
	return nil
}

// ofFile creates the study of a file. It does what tune does before the first trial.
func (s *createStudyCommand) ofFile(ctx context.Context, con console) error {
	if s.direction != "" || len(s.directions.Value()) > 0 || s.pruner != "" {
		return usagef("--file has the directions and the pruner, want it without --direction, --directions and --pruner")
	}
	t := &tuneCommand{}
	if err := setFlags(t.define(0), nil); err != nil {
		return err
	}
	t.file, t.createOnly, t.given = s.file, true, map[string]bool{}
	f, err := studyfile.Read(s.file)
	if err != nil {
		return err
	}
	if s.study.storage != defaultStorage || f.Storage == "" {
		t.storage, t.given["storage"] = s.study.storage, true
	}
	if s.study.name != "" {
		t.studyName, t.given["study-name"] = s.study.name, true
	}
	p, err := t.planOf(con, f, nil, nil)
	if err != nil {
		return err
	}
	if !s.skipIfExists {
		if err := p.isNew(ctx, con); err != nil {
			return err
		}
	}
	return p.run(ctx, con)
}

// isNew returns an error if there is a study of the name.
func (p plan) isNew(ctx context.Context, con console) error {
	db, err := p.open(ctx, con)
	if err != nil {
		return err
	}
	_, err = db.Load(ctx, p.study.Name)
	if err == nil {
		err = fmt.Errorf("study %q %w: --skip-if-exists gives it the plan of the file", p.study.Name, storage.ErrExist)
	} else if errors.Is(err, storage.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, db.Close())
}
