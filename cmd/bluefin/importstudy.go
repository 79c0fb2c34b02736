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

// define reads standard input by default, so studies can be piped.
func (i *importStudyCommand) define() *cli.Command {
	name := i.study.nameFlag()
	name.DefaultText, name.Usage = "that of the exported one", "the `NAME` of the new study"
	name.Action = checkStudyName
	return &cli.Command{
		Name:  "import-study",
		Usage: "create a study from an export-study file or Optuna journal",
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

// run reads the whole input before it touches the storage.
func (i *importStudyCommand) run(ctx context.Context, con console) error {
	p, err := i.study.storage.place()
	if err != nil {
		return err
	}
	s, err := i.read(con)
	if err != nil {
		return err
	}
	// The name selects a study of an Optuna journal, and renames one of ours.
	if i.study.name != "" {
		s.Name = i.study.name
	}
	// One transaction: a failed import leaves nothing behind.
	if err := addStudy(ctx, con, p, s, "study-name"); err != nil {
		return err
	}
	con.logf("Imported study %q to %s: %s.", s.Name, p, counted(len(s.Trials), "trial"))
	logDifferences(con, s)
	return nil
}

// read reads the study from --input.
func (i *importStudyCommand) read(con console) (s storage.Snapshot, err error) {
	name := "standard input"
	var text []byte
	// Read whole: whether a file is complete is known at its end only.
	if i.input == "" || i.input == "-" {
		text, err = io.ReadAll(con.in)
	} else {
		name = i.input
		text, err = os.ReadFile(i.input)
	}
	if err != nil {
		return s, err
	}
	// By its contents, as neither format has an ending of its own.
	if journal.IsOptuna(text) {
		s, err = i.fromOptuna(name, text)
	} else {
		s, err = journal.Read(bytes.NewReader(text))
	}
	// Such an error has a line but no name.
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
		// With one study the name is that of the copy.
		if o.Name == i.study.name || len(all) == 1 {
			return o, nil
		}
	}
	if len(all) == 0 {
		return s, fmt.Errorf("%s has no study", file)
	}
	return s, usagef("--study-name is %q, and %s has %d studies: %s", i.study.name, file, len(all), listed(names))
}
