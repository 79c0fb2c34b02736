package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// copyStudyCommand copies a study within a storage or to another one.
type copyStudyCommand struct {
	from, to         storageFlag // to "": from
	fromName, toName string      // toName "": fromName
}

// define has Optuna's flags, and --to-study-name for a copy within one file.
func (s *copyStudyCommand) define() *cli.Command {
	return &cli.Command{
		Name:  "copy-study",
		Usage: "copy a study with all its trials, also elsewhere",
		Description: "Copies unchanged: directions, all attributes, and each trial's number, state,\n" +
			"parameters, values, reports, constraints, times and place in finishing order. A\n" +
			"running trial waits in the copy and starts from the beginning. Checkpoints are not\n" +
			"copied.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "from-study-name", Destination: &s.fromName, DefaultText: required,
				Usage: "the `NAME` of the study to copy"},
			&cli.StringFlag{Name: "to-study-name", Destination: &s.toName, Action: checkStudyName,
				DefaultText: "the same", Usage: "the `NAME` of the copy"},
			s.from.named("from-storage",
				"the `STORAGE` that contains it: a path or a URL, as for --storage of other commands"),
			&cli.StringFlag{Name: "to-storage", Destination: (*string)(&s.to), DefaultText: "the same",
				Usage: "the `STORAGE` for the copy; a file is created if it does not exist",
				Action: func(_ *cli.Context, value string) error {
					_, err := newPlace("to-storage", value)
					return err
				}},
		},
		Action: action(s.run),
	}
}

// run says what the copy lacks or has differently: nobody would look for it.
func (s *copyStudyCommand) run(ctx context.Context, con console) error {
	// Both places are checked before anything is read.
	from, err := newPlace("from-storage", string(s.from))
	if err != nil {
		return err
	}
	to := from
	if s.to != "" {
		if to, err = newPlace("to-storage", string(s.to)); err != nil {
			return err
		}
	}
	// Read whole before the target is opened, so copying within one storage works.
	whole, err := readStudy(ctx, con, studyFlags{s.from, s.fromName}, from)
	if err != nil {
		return err
	}
	if s.toName != "" {
		whole.Name = s.toName
	}
	if err := addStudy(ctx, con, to, whole, "to-study-name"); err != nil {
		return err
	}
	con.logf("Copied study %q of %s to %q of %s: %s.", s.fromName, from, whole.Name, to,
		counted(len(whole.Trials), "trial"))
	logDifferences(con, whole)
	return nil
}

// readStudy reads a study with all its trials from the storage at p.
func readStudy(ctx context.Context, con console, f studyFlags, p place) (s storage.Snapshot, err error) {
	db, err := p.open(ctx, con, access{readOnly: true})
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	name, err := f.resolve(ctx, db)
	if err != nil {
		return s, err
	}
	if s, err = db.Export(ctx, name); err != nil {
		err = suggestStudy(ctx, db, name, err)
	}
	return s, err
}

// addStudy adds a study to the storage at p; a missing file is created. flag is the flag that names the
// study.
func addStudy(ctx context.Context, con console, p place, s storage.Snapshot, flag string) error {
	if err := s.Check(); err != nil { // before the file is created
		return fmt.Errorf("study %q: %w", s.Name, err)
	}
	db, err := p.open(ctx, con, access{})
	if err != nil {
		return err
	}
	_, err = db.Import(ctx, s)
	switch {
	case errors.Is(err, storage.ErrExist):
		// The flag has another name in each command.
		err = fmt.Errorf("%w in %s: want another --%s", err, p, flag)
	case err != nil:
		err = fmt.Errorf("import study %q to %s: %w", s.Name, p, err)
	}
	// Close writes the log back, which may fail on a full disk.
	return errors.Join(err, db.Close())
}

// byID matches the system attributes of a study in which Optuna and its dashboard refer to trials by
// their ids, which differ in a copy: notes and artifacts of a trial, trials that a preference leaves
// out, the parents of a generation.
var byID = regexp.MustCompile(
	`^(dashboard:[0-9]+:|dashboard:artifacts:[0-9]+:|preference:skip_trial:[0-9]+$|NSGAI+Sampler:parent:)`)

// logDifferences reports what differs in a copy of s.
func logDifferences(con console, s storage.Snapshot) {
	var running []int
	for _, t := range s.Trials {
		// Its worker belongs to the original.
		if t.State == trial.Running {
			running = append(running, t.Number)
		}
	}
	if len(running) > 0 {
		con.logf("Running trials, which wait in the copy and start from the beginning: %s.", listed(running))
	}
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(s.SystemAttrs)) {
		if byID.MatchString(key) {
			keys = append(keys, key)
		}
	}
	if len(keys) > 0 {
		con.logf("Copied unchanged, though they name trials by ids, which differ in the copy: %s.", listed(keys))
	}
}

// listed writes the first few of many.
func listed[T any](all []T) string {
	// A message is a line.
	const most = 5
	var words []string
	for _, v := range all[:min(len(all), most)] {
		words = append(words, fmt.Sprint(v))
	}
	if n := len(all) - most; n > 0 {
		words = append(words, fmt.Sprintf("and %d more", n))
	}
	return strings.Join(words, ", ")
}
