package main

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/trial"
)

func copyStudyCommand() *cli.Command {
	return &cli.Command{
		Name:  "copy-study",
		Usage: "copy a study with all its trials, also to another file",
		Description: "Copied as they are: directions, attributes of every kind and program, and of each\n" +
			"trial its number, state, parameters, values, reports, constraints, times and place\n" +
			"in finishing order. A running trial waits in the copy, to be begun from its start.\n" +
			"Checkpoints stay behind.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "from-study-name", DefaultText: "required", Usage: "the `NAME` of the study to copy"},
			&cli.StringFlag{Name: "to-study-name", DefaultText: "the same", Usage: "the `NAME` of the copy"},
			&cli.StringFlag{Name: "from-storage", Value: "sqlite:///bluefin.db", EnvVars: storageVars(), Usage: "the study `FILE` that it is in: a path or a URL, as --storage of other commands"},
			&cli.StringFlag{Name: "to-storage", DefaultText: "the same", Usage: "the study `FILE` for the copy; it is made if it does not exist"},
		},
		Action: func(c *cli.Context) error {
			name := c.String("from-study-name")
			if name == "" {
				return usagef("--from-study-name is missing")
			}
			from, err := storageFlagPath(c, "from-storage")
			if err != nil {
				return err
			}
			to := from
			if c.IsSet("to-storage") {
				if to, err = storageFlagPath(c, "to-storage"); err != nil {
					return err
				}
			}
			s, err := exportStudy(c, from, name)
			if err != nil {
				return err
			}
			if c.IsSet("to-study-name") {
				s.Name = c.String("to-study-name")
			}
			if err := importStudy(c, to, s, "to-study-name"); err != nil {
				return err
			}
			logf(c, "Copied study %q of %s to %q of %s: %s.", name, from, s.Name, to, counted(len(s.Trials), "trial"))
			logDifferences(c, s)
			return nil
		},
	}
}

// storageFlagPath is storagePath of another flag than --storage.
func storageFlagPath(c *cli.Context, flag string) (string, error) {
	path, err := storagePath(c.String(flag))
	var usage usageError
	if errors.As(err, &usage) {
		usage.error = errors.New(strings.Replace(err.Error(), "--storage", "--"+flag, 1))
		return "", usage
	}
	return path, err
}

// exportStudy reads a whole study.
func exportStudy(c *cli.Context, path, name string) (s storage.Snapshot, err error) {
	db, err := sqlite.Open(c.Context, path, sqlite.Options{ReadOnly: true})
	if err != nil {
		return s, err
	}
	if s, err = db.Export(c.Context, name); err != nil {
		err = studyError(c, db, name, err)
	}
	return s, errors.Join(err, db.Close())
}

// importStudy adds a whole study to a file, which is created if missing. flag is
// the one that names the study.
func importStudy(c *cli.Context, path string, s storage.Snapshot, flag string) error {
	if err := s.Check(); err != nil { // before a file is created
		return fmt.Errorf("study %q: %w", s.Name, err)
	}
	db, err := sqlite.Open(c.Context, path, sqlite.Options{})
	if err != nil {
		return err
	}
	_, err = db.Import(c.Context, s)
	switch {
	case errors.Is(err, storage.ErrExist):
		err = fmt.Errorf("%w in %s: give the new one another --%s", err, path, flag)
	case err != nil:
		err = fmt.Errorf("import study %q to %s: %w", s.Name, path, err)
	}
	return errors.Join(err, db.Close())
}

// byID matches the system attributes of a study in which Optuna and its
// dashboard name trials by their ids, which are different in a copy: notes and
// artifacts of a trial, trials that a preference leaves out, the parents of a
// generation.
var byID = regexp.MustCompile(`^(dashboard:[0-9]+:|dashboard:artifacts:[0-9]+:|preference:skip_trial:[0-9]+$|NSGAI+Sampler:parent:)`)

// logDifferences reports what a copy of s does not have as it was.
func logDifferences(c *cli.Context, s storage.Snapshot) {
	var running []int
	for _, t := range s.Trials {
		if t.State == trial.Running {
			running = append(running, t.Number)
		}
	}
	if len(running) > 0 {
		logf(c, "Running there and waiting in the copy, to be begun from the start: %s.", listed(running))
	}
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(s.SystemAttrs)) {
		if byID.MatchString(key) {
			keys = append(keys, key)
		}
	}
	if len(keys) > 0 {
		logf(c, "Copied to the letter, though they name trials by ids, which are others in the copy: %s.", listed(keys))
	}
}

// listed writes the first few of many.
func listed[T any](all []T) string {
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
