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

// encodingFlag is the text encoding of files with examples.
func encodingFlag(name *string) cli.Flag {
	all := finetune.Encodings()
	return choiceFlag(name, "encoding", "the `NAME` of the text encoding of the files: "+
		strings.Join(all, ", ")+" (text, csv)", all...)
}

// parseColumns splits the values of --ignore-columns. A name with a comma is in quotes.
func parseColumns(lists []string) (columns []string, err error) {
	for _, list := range lists {
		names, err := csv.NewReader(strings.NewReader(list)).Read()
		if err != nil || slices.Contains(names, "") {
			return nil, usagef("--ignore-columns is %q, want names with commas between them", list)
		}
		columns = append(columns, names...)
	}
	return columns, nil
}

// dataError adds to an error about data the flag that helps.
func dataError(err error) error {
	for _, help := range []struct {
		err  error
		flag string
	}{
		{finetune.ErrEncoding, "--encoding latin-1, cp1252 or utf-16 says what it is"},
		{finetune.ErrMissing, "--drop-missing leaves such rows out"},
		{finetune.ErrColumn, "--ignore-columns does it"},
	} {
		if errors.Is(err, help.err) {
			return fmt.Errorf("%w (%s)", err, help.flag)
		}
	}
	return err
}

// warn reports what looks like a mistake in the data.
func warn(con console, dropped int, warnings []error) {
	if dropped > 0 {
		con.logf("Left out by --drop-missing: rows without a text or a label: %d.", dropped)
	}
	for _, w := range warnings {
		text := message.OneLine(w)
		if errors.Is(w, finetune.ErrColumn) {
			text += " (--ignore-columns leaves it out)"
		}
		con.logf("Warning: %s.", text)
	}
}
