package main

import (
	"bytes"
	"context"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/storage/journal"
)

// exportStudyCommand writes a whole study.
type exportStudyCommand struct {
	study  studyFlags
	output outputFlags
}

// define needs no format: package journal has one.
func (e *exportStudyCommand) define() *cli.Command {
	return &cli.Command{
		Name:  "export-study",
		Usage: "write a study with all its trials as JSON Lines",
		Description: "The first line is the study, each other one a trial, in finishing order; unfinished\n" +
			"trials come last. Nothing is left out but checkpoints.",
		Flags:  append(e.study.flags(), e.output.flags()...),
		Action: action(e.run),
	}
}

// run reads one moment of the study; others may write meanwhile.
func (e *exportStudyCommand) run(ctx context.Context, con console) error {
	p, err := e.study.storage.place()
	if err != nil {
		return err
	}
	s, err := readStudy(ctx, con, e.study, p)
	if err != nil {
		return err
	}
	// All in memory first: a study that cannot be written must not leave half a file.
	var text bytes.Buffer
	if err := journal.Write(&text, s); err != nil {
		return err
	}
	// A note only for a file: beside data on standard output it would be in the way.
	file, err := e.output.write(con, e.study.storage, text.Bytes())
	if file && err == nil {
		con.logf("Wrote %s: study %q with %s.", e.output.path, s.Name, counted(len(s.Trials), "trial"))
	}
	return err
}
