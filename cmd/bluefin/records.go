package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
)

// A record is one line of output: names and values, in order, as Optuna's command line names and
// writes them.
type record = pyjson.Object

// A tuple is a list that tables show in parentheses.
type tuple []any

// formatFlags say how records are printed.
type formatFlags struct {
	format  string
	flatten bool
	attrs   bool // show long attributes in tables too
}

// formats are those of Optuna, and strict-json and csv.
func formats() []string { return []string{"table", "json", "strict-json", "yaml", "csv", "value"} }

// flags are --format and --flatten. The default differs by command, and some have more formats.
func (f *formatFlags) flags(byDefault string, more ...string) []cli.Flag {
	names := formats()
	for _, name := range more {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	format := choiceFlag(&f.format, "format", "`FORMAT` of the output: "+words(names)+
		". json has NaN and Infinity as Python does, strict-json as strings; csv is flat", names...)
	format.Aliases, format.DefaultText, f.format = []string{"f"}, strconv.Quote(byDefault), byDefault
	return []cli.Flag{format, &cli.BoolFlag{Name: "flatten", Destination: &f.flatten,
		Usage: "give each parameter, attribute or element of a list a column of its own"}}
}

// attrsFlag is apart, because its text and its place differ by command.
func (f *formatFlags) attrsFlag(usage string) cli.Flag {
	return &cli.BoolFlag{Name: "attrs", Destination: &f.attrs, Usage: usage}
}

// print writes the records; a single one is not put in a list.
func (f formatFlags) print(con console, records []record, single bool) error {
	var notes []string
	if f.format == "table" && !f.attrs {
		// Long values would make every line of a table as wide as the longest.
		if names := dropLong(records); len(names) > 0 {
			notes = append(notes, leftOut(names))
		}
	}
	if f.flatten || f.format == "csv" {
		flattenAll(records)
	}
	// Formatted before anything is written: an error leaves no half table.
	var text bytes.Buffer
	// Pipes get full tables: a program's columns must not depend on a window.
	if width := con.out.width(); f.format == "table" && width > 0 {
		fitted, left := fit(records, width)
		if len(left) > 0 {
			if turned, without, ok := transposed(records, width); ok {
				fitted, left = turned, without
			}
		}
		if len(left) > 0 {
			notes = append(notes, fmt.Sprintf("No room for: %s (-f json shows all).", listed(left)))
		}
		printTable(&text, fitted, true)
	} else if err := formatRecords(&text, f.format, records, single); err != nil {
		return err
	}
	if _, err := con.out.Write(text.Bytes()); err != nil {
		return err
	}
	// After the data, and on standard error.
	for _, note := range notes {
		con.logf("%s", note)
	}
	return nil
}

// formatRecords writes records in a format. On a terminal, print fits tables itself; here they look like
// Optuna's.
func formatRecords(w io.Writer, format string, records []record, single bool) error {
	switch format {
	case "json", "strict-json":
		var all []any
		for _, r := range records {
			all = append(all, jsonValue(r))
		}
		// An empty list is [], not null.
		var v any = slices.Concat([]any{}, all)
		if single {
			v = all[0]
		}
		out, err := pyjson.Marshal(v)
		if err != nil {
			return err
		}
		if format == "strict-json" {
			// NaN and Infinity become strings: most parsers refuse Python's form.
			out = pyjson.Standard(out)
		}
		_, err = fmt.Fprintf(w, "%s\n", out)
		return err
	case "yaml":
		// Sorted, as PyYAML writes for Optuna.
		all := []any{}
		for _, r := range records {
			all = append(all, sorted(r))
		}
		if single {
			return writeYAML(w, all[0])
		}
		return writeYAML(w, all)
	case "csv":
		return printCSV(w, records)
	case "value":
		columns := columnNames(records)
		for _, r := range records {
			words := cells(r, columns)
			// As Optuna prints them: no spaces at the end of a line.
			for len(words) > 0 && words[len(words)-1] == "" {
				words = words[:len(words)-1]
			}
			fmt.Fprintln(w, strings.Join(words, " "))
		}
	default:
		printTable(w, records, false)
	}
	return nil
}

// printCSV writes a header and a line for each record. Values that are nested after flattening become
// JSON text.
func printCSV(w io.Writer, records []record) error {
	columns := columnNames(records)
	rows := csv.NewWriter(w)
	// No trials, no columns: an empty line would be a column without a name.
	if len(columns) > 0 {
		rows.Write(columns)
	}
	for _, r := range records {
		line := cells(r, columns)
		for i, name := range columns {
			switch v := member(r, name).(type) {
			case []any, map[string]any, record, tuple:
				text, err := pyjson.Marshal(jsonValue(v))
				if err != nil {
					return err
				}
				line[i] = string(text)
			}
		}
		rows.Write(line)
	}
	rows.Flush()
	return rows.Error()
}

// cells shows the values of a record.
func cells(r record, columns []string) []string {
	var words []string
	for _, name := range columns {
		words = append(words, show(member(r, name)))
	}
	return words
}

// jsonValue converts v to types that pyjson writes.
func jsonValue(v any) any {
	switch v := v.(type) {
	case tuple:
		return []any(v)
	case record:
		r := make(record, len(v))
		for i, m := range v {
			r[i] = pyjson.Member{Name: m.Name, Value: jsonValue(m.Value)}
		}
		return r
	}
	return v
}
