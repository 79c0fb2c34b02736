// Package table reads files of comma-separated values into what networks are
// trained on: texts, labels, numbers, and matrices of features.
package table

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A Table is rows of text in columns with names. It does not change.
type Table struct {
	Columns []string // names, each another

	path  string
	rows  [][]string // one text for each column
	lines []int      // where each row begins in the file, from 1 on
}

// Read reads a file whose first line names the columns. What separates them is
// comma, or if that is 0 a tab in files with the ending .tsv or .tab, and in
// others the first of comma, semicolon and tab that the first line has. Fields
// may be in quotes, and then contain line breaks. Errors name the file and the
// line.
func Read(path string, comma rune) (*Table, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("table: %w", err)
	}
	defer f.Close()
	t, err := read(f, path, comma)
	if err != nil {
		return nil, fmt.Errorf("table: %w", err)
	}
	return t, nil
}

func read(from io.Reader, path string, comma rune) (*Table, error) {
	in := bufio.NewReaderSize(from, 1<<16)
	start, err := in.Peek(1 << 16)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	switch {
	case bytes.HasPrefix(start, []byte("\xFE\xFF")) || bytes.HasPrefix(start, []byte("\xFF\xFE")):
		return nil, fmt.Errorf("%s: the file is UTF-16, want UTF-8", path)
	case bytes.HasPrefix(start, []byte("\xEF\xBB\xBF")): // the mark that some programs begin UTF-8 with
		start = start[3:]
		if _, err := in.Discard(3); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	r := csv.NewReader(in)
	if r.Comma = comma; comma == 0 {
		r.Comma = separator(path, start)
	}
	t := &Table{path: path}
	if t.Columns, err = r.Read(); err == io.EOF {
		return nil, fmt.Errorf("%s: the file is empty, want a line with the names of the columns", path)
	}
	if err != nil {
		return nil, t.readError(err, nil)
	}
	for i, name := range t.Columns {
		if j := slices.Index(t.Columns, name); j < i {
			return nil, fmt.Errorf("%s:1: columns %d and %d have the name %q, want a name for each", path, j+1, i+1, name)
		}
	}
	for {
		row, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, t.readError(err, row)
		}
		line, _ := r.FieldPos(0)
		t.rows = append(t.rows, row)
		t.lines = append(t.lines, line)
	}
	if len(t.rows) == 0 {
		return nil, fmt.Errorf("%s: there are no rows behind the names of the columns", path)
	}
	return t, nil
}

// separator guesses from the start of a file what is between its columns.
func separator(path string, start []byte) rune {
	if end := strings.ToLower(filepath.Ext(path)); end == ".tsv" || end == ".tab" {
		return '\t'
	}
	line, _, _ := bytes.Cut(start, []byte("\n"))
	for _, comma := range ",;\t" {
		if bytes.ContainsRune(line, comma) {
			return comma
		}
	}
	return ','
}

// readError says where reading failed and why.
func (t *Table) readError(err error, row []string) error {
	var parse *csv.ParseError
	switch {
	case !errors.As(err, &parse):
		return fmt.Errorf("%s: %w", t.path, err)
	case errors.Is(err, csv.ErrFieldCount):
		return fmt.Errorf("%s:%d: there are %d fields, want %d, as columns have names in line 1", t.path, parse.StartLine, len(row), len(t.Columns))
	case parse.StartLine != parse.Line:
		return fmt.Errorf("%s:%d: in the row from line %d on: %w", t.path, parse.Line, parse.StartLine, parse.Err)
	}
	return fmt.Errorf("%s:%d: at byte %d: %w", t.path, parse.Line, parse.Column, parse.Err)
}

// Len returns the number of rows.
func (t *Table) Len() int { return len(t.rows) }

// Column returns the texts in a column as they are in the file. If there is no
// column of this name, the error lists those there are.
func (t *Table) Column(name string) ([]string, error) {
	i, err := t.index(name)
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(t.rows))
	for k, row := range t.rows {
		texts[k] = row[i]
	}
	return texts, nil
}

func (t *Table) index(name string) (int, error) {
	i := slices.Index(t.Columns, name)
	if i < 0 {
		return 0, fmt.Errorf("table: %s: there is no column %q, want one of %s", t.path, name, quoted(t.Columns))
	}
	return i, nil
}

// errorf returns an error about a row, counted from 0, in a column.
func (t *Table) errorf(row int, column, format string, args ...any) error {
	return fmt.Errorf("table: %s:%d: column %q: %s", t.path, t.lines[row], column, fmt.Sprintf(format, args...))
}

// quoted lists names, but not hundreds.
func quoted(names []string) string {
	const most = 20
	var some []string
	for _, name := range names[:min(len(names), most)] {
		some = append(some, fmt.Sprintf("%q", name))
	}
	if more := len(names) - most; more > 0 {
		some = append(some, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(some, ", ")
}
