package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
	"github.com/bluefin-hpo/bluefin/objective/finetune"
)

// dataFlags say how files with examples are read.
func dataFlags() []cli.Flag {
	return []cli.Flag{
		encodingFlag(),
		&cli.BoolFlag{Name: "drop-missing", Usage: "leave out rows without a text or a label, and say how many (text, csv)"},
		&cli.StringSliceFlag{Name: "ignore-columns", Usage: "learn nothing from the columns with these `NAMES`, separated by commas (csv)"},
	}
}

func encodingFlag() cli.Flag {
	return &cli.StringFlag{Name: "encoding", Value: "utf-8", Usage: "the `NAME` of how the files write letters: " + strings.Join(finetune.Encodings(), ", ") + " (text, csv)"}
}

// checkEncoding checks the flag of that name.
func checkEncoding(c *cli.Context) error {
	_, err := oneOf("encoding", c.String("encoding"), finetune.Encodings()...)
	return err
}

// ignored reads the flag --ignore-columns. A name with a comma is in quotes.
func ignored(c *cli.Context) (columns []string, err error) {
	for _, list := range c.StringSlice("ignore-columns") {
		names, err := csv.NewReader(strings.NewReader(list)).Read()
		if err != nil || slices.Contains(names, "") {
			return nil, usagef("--ignore-columns is %q, want names with commas between them", list)
		}
		columns = append(columns, names...)
	}
	return columns, nil
}

// dataError adds to an error about data which flag helps.
func dataError(err error) error {
	for _, c := range []struct {
		is   error
		flag string
	}{
		{finetune.ErrEncoding, "--encoding latin-1, cp1252 or utf-16 says what it is"},
		{finetune.ErrMissing, "--drop-missing leaves such rows out"},
		{finetune.ErrColumn, "--ignore-columns does it"},
	} {
		if errors.Is(err, c.is) {
			return fmt.Errorf("%w (%s)", err, c.flag)
		}
	}
	return err
}

// warn shows what is odd about the data.
func warn(c *cli.Context, dropped int, warnings []error) {
	if dropped > 0 {
		logf(c, "Left out by --drop-missing: rows without a text or a label: %d.", dropped)
	}
	for _, w := range warnings {
		text := message.OneLine(w)
		if errors.Is(w, finetune.ErrColumn) {
			text += " (--ignore-columns leaves it out)"
		}
		logf(c, "Warning: %s.", text)
	}
}
