package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/journal"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
)

func exportStudyCommand() *cli.Command {
	return &cli.Command{
		Name:  "export-study",
		Usage: "write a study with all its trials as JSON Lines",
		Description: "The first line is the study, each other one a trial, in the order in which they\n" +
			"finished; those that have not come last. Nothing is left out but checkpoints.",
		Flags: []cli.Flag{
			storageFlag(), studyNameFlag(),
			outputFlag(), forceFlag(),
		},
		Action: func(c *cli.Context) error {
			path, err := storagePath(c.String("storage"))
			if err != nil {
				return err
			}
			name := c.String("study-name")
			if name == "" {
				if name, err = onlyStudyOf(c); err != nil {
					return err
				}
			}
			s, err := exportStudy(c, path, name)
			if err != nil {
				return err
			}
			var text bytes.Buffer
			if err := journal.Write(&text, s); err != nil {
				return err
			}
			file, err := writeOutput(c, text.Bytes())
			if file && err == nil {
				logf(c, "Wrote %s: study %q with %s.", c.String("output"), name, counted(len(s.Trials), "trial"))
			}
			return err
		},
	}
}

// onlyStudyOf returns the name of the only study in the file of --storage.
func onlyStudyOf(c *cli.Context) (string, error) {
	db, err := openStorage(c, sqlite.Options{ReadOnly: true})
	if err != nil {
		return "", err
	}
	defer db.Close()
	return onlyStudy(c, db)
}

func importStudyCommand() *cli.Command {
	return &cli.Command{
		Name:  "import-study",
		Usage: "make a study from a file of export-study or an Optuna journal",
		Description: "The new study is as the exported one was, to the order in which its trials have\n" +
			"finished. A trial that was running waits, to be begun from its start. If any line\n" +
			"is damaged or missing nothing is imported.\n\n" +
			"Of a file of Optuna's JournalFileBackend with several studies, --study-name says\n" +
			"which one is imported; a last line that is cut off is left out, as Optuna does.",
		Flags: []cli.Flag{
			storageFlag(),
			&cli.StringFlag{Name: "study-name", DefaultText: "that of the exported one", Usage: "the `NAME` of the new study"},
			&cli.StringFlag{Name: "input", Aliases: []string{"i"}, Usage: "the `FILE` to read (default: standard input)"},
		},
		Action: func(c *cli.Context) error {
			path, err := storagePath(c.String("storage"))
			if err != nil {
				return err
			}
			s, err := readJournal(c)
			if err != nil {
				return err
			}
			if c.IsSet("study-name") {
				s.Name = c.String("study-name")
			}
			if err := importStudy(c, path, s, "study-name"); err != nil {
				return err
			}
			logf(c, "Imported study %q to %s: %s.", s.Name, path, counted(len(s.Trials), "trial"))
			logDifferences(c, s)
			return nil
		},
	}
}

// fromOptuna returns the study of Optuna's journal that --study-name names, or
// the only one.
func fromOptuna(c *cli.Context, file string, text []byte) (s storage.Snapshot, err error) {
	all, err := journal.ReadOptuna(bytes.NewReader(text))
	if err != nil {
		return s, err
	}
	var names []string
	for _, o := range all {
		names = append(names, strconv.Quote(o.Name))
		if o.Name == c.String("study-name") || len(all) == 1 {
			return o, nil
		}
	}
	if len(all) == 0 {
		return s, fmt.Errorf("%s has no study", file)
	}
	return s, usagef("--study-name is %q, and %s has %d studies: %s", c.String("study-name"), file, len(all), listed(names))
}

func readJournal(c *cli.Context) (s storage.Snapshot, err error) {
	from, name := io.Reader(c.App.Reader), "standard input"
	if path := c.String("input"); path != "" && path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return s, err
		}
		defer f.Close()
		from, name = f, path
	}
	text, err := io.ReadAll(from)
	if err != nil {
		return s, err
	}
	if journal.IsOptuna(text) {
		s, err = fromOptuna(c, name, text)
	} else {
		s, err = journal.Read(bytes.NewReader(text))
	}
	if errors.As(err, new(*journal.Error)) {
		err = fmt.Errorf("read %s: %w", name, err)
	}
	return s, err
}
