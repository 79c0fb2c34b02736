package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/journal"
)

// importStudyCommand makes a study from what export-study or Optuna wrote.
type importStudyCommand struct {
	study studyFlags
	input string // "" and "-": standard input
}

func (i *importStudyCommand) define() *cli.Command {
	name := i.study.nameFlag()
	name.DefaultText, name.Usage = "that of the exported one", "the `NAME` of the new study"
	name.Action = checkStudyName
	return &cli.Command{
		Name:  "import-study",
		Usage: "create a study from a file of export-study or an Optuna journal",
		Description: "The new study equals the exported one, down to the finishing order of its trials. A\n" +
			"running trial waits and starts from the beginning. If a line is damaged or missing,\n" +
			"nothing is imported.\n\n" +
			"If a file of Optuna's JournalFileBackend has several studies, --study-name selects\n" +
			"one. A last line that is cut off is ignored, as Optuna does.",
		Flags: []cli.Flag{
			i.study.storage.flag(), name,
			&cli.StringFlag{Name: "input", Destination: &i.input, Aliases: []string{"i"},
				Usage: "the `FILE` to read (default: standard input)"},
		},
		Action: action(i.run),
	}
}

func (i *importStudyCommand) run(ctx context.Context, con console) error {
	path, err := i.study.storage.path()
	if err != nil {
		return err
	}
	s, err := i.read(con)
	if err != nil {
		return err
	}
	if i.study.name != "" {
		s.Name = i.study.name
	}
	if err := addStudy(ctx, path, s, "study-name"); err != nil {
		return err
	}
	con.logf("Imported study %q to %s: %s.", s.Name, path, counted(len(s.Trials), "trial"))
	logDifferences(con, s)
	return nil
}

// read reads the study from --input.
func (i *importStudyCommand) read(con console) (s storage.Snapshot, err error) {
	name := "standard input"
	var text []byte
	if i.input == "" || i.input == "-" {
		text, err = io.ReadAll(con.in)
	} else {
		name = i.input
		text, err = os.ReadFile(i.input)
	}
	if err != nil {
		return s, err
	}
	if journal.IsOptuna(text) {
		s, err = i.fromOptuna(name, text)
	} else {
		s, err = journal.Read(bytes.NewReader(text))
	}
	if errors.As(err, new(*journal.Error)) {
		err = fmt.Errorf("read %s: %w", name, err)
	}
	return s, err
}

// fromOptuna returns the study of Optuna's journal that --study-name names, or the only one.
func (i *importStudyCommand) fromOptuna(file string, text []byte) (s storage.Snapshot, err error) {
	all, err := journal.ReadOptuna(bytes.NewReader(text))
	if err != nil {
		return s, err
	}
	var names []string
	for _, o := range all {
		names = append(names, strconv.Quote(o.Name))
		if o.Name == i.study.name || len(all) == 1 {
			return o, nil
		}
	}
	if len(all) == 0 {
		return s, fmt.Errorf("%s has no study", file)
	}
	return s, usagef("--study-name is %q, and %s has %d studies: %s", i.study.name, file, len(all), listed(names))
}
