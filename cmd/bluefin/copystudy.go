package main

import (
	"errors"
	"fmt"
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
			s, trials, err := exportStudy(c, from, name)
			if err != nil {
				return err
			}
			if c.IsSet("to-study-name") {
				s.Name = c.String("to-study-name")
			}
			copied, err := takeStudy(c, to, s, trials, "to-study-name")
			if err != nil {
				return err
			}
			logf(c, "Copied study %q of %s to %q of %s: %s.", name, from, copied.Study.Name, to, counted(copied.Trials, "trial"))
			logCopied(c, copied)
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
func exportStudy(c *cli.Context, path, name string) (s storage.Study, trials []*trial.Trial, err error) {
	db, err := sqlite.Open(c.Context, path, sqlite.Options{Mode: sqlite.ReadOnly})
	if err != nil {
		return s, nil, err
	}
	if s, trials, err = db.Export(c.Context, name); err != nil {
		err = studyError(c, db, name, err)
	}
	return s, trials, errors.Join(err, db.Close())
}

// takeStudy adds a whole study to a file, which is made if it is missing. flag
// is the one that names the study.
func takeStudy(c *cli.Context, path string, s storage.Study, trials []*trial.Trial, flag string) (copied storage.Copied, err error) {
	if _, err := storage.CheckImport(s, trials); err != nil { // before a file is made
		return copied, fmt.Errorf("study %q: %w", s.Name, err)
	}
	db, err := sqlite.Open(c.Context, path, sqlite.Options{})
	if err != nil {
		return copied, err
	}
	copied, err = storage.Take(c.Context, db, s, trials)
	switch {
	case errors.Is(err, storage.ErrExist):
		err = fmt.Errorf("%w in %s: give the new one another --%s", err, path, flag)
	case err != nil:
		err = fmt.Errorf("import study %q to %s: %w", s.Name, path, err)
	}
	return copied, errors.Join(err, db.Close())
}

// logCopied says what is not in the copy as it was.
func logCopied(c *cli.Context, copied storage.Copied) {
	if len(copied.Running) > 0 {
		logf(c, "Running there and waiting in the copy, to be begun from the start: %s.", listed(copied.Running))
	}
	if len(copied.ByID) > 0 {
		logf(c, "Copied to the letter, though they name trials by ids, which are others in the copy: %s.", listed(copied.ByID))
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
