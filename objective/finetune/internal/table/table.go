// Package table reads CSV files into texts, labels, numbers, and matrices of features.
package table

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/file"
)

// A Table is rows of text in named columns. It is immutable.
type Table struct {
	Columns []string // names, all different

	path  string
	rows  [][]string // a text per column
	lines []int      // first line of each row in the file, from 1
}

// Options describe a file.
type Options struct {
	// Comma separates the columns. 0: a tab in files ending in .tsv or .tab, else the first of
	// comma, semicolon and tab that occurs in the first line.
	Comma rune

	Encoding string // one of Encodings; "" means utf-8
}

// Read reads a file whose first line names the columns. Quoted fields may contain line breaks.
// Errors name the file and the line.
func Read(path string, o Options) (*Table, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// Batches of any size are read in the same way, so both have the same errors.
	r, err := NewReader(f, path, o)
	if err != nil {
		return nil, err
	}
	t, err := r.Next(math.MaxInt)
	if err == io.EOF {
		return nil, fmt.Errorf("%s: there are no rows after the line of column names", path)
	}
	return t, err
}

// A Reader reads a table in batches, so that it may be larger than memory.
type Reader struct {
	Columns []string

	path string
	csv  *csv.Reader
}

// NewReader returns a Reader of a file with that name.
func NewReader(from io.Reader, path string, o Options) (*Reader, error) {
	// Decoding comes first: separators and quotes are characters, not bytes.
	text, err := decoded(bufio.NewReaderSize(from, 1<<16), path, o.Encoding)
	if err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(text, 1<<16)
	// The first line decides the separator, and it need not be short.
	start, err := in.Peek(1 << 16)
	if err != nil && err != io.EOF && len(start) == 0 {
		return nil, at(path, err)
	}
	// A clone without git-lfs has a short text in place of the data.
	if file.IsLFS(start) {
		return nil, fmt.Errorf("%s %s", path, file.LFS)
	}
	r := &Reader{path: path, csv: csv.NewReader(in)}
	if r.csv.Comma = o.Comma; o.Comma == 0 {
		r.csv.Comma = separator(path, start)
	}
	if r.Columns, err = r.csv.Read(); err == io.EOF {
		return nil, fmt.Errorf("%s: the file is empty, want a line with the names of the columns", path)
	}
	if err != nil {
		return nil, r.readError(err, nil)
	}
	for i, name := range r.Columns {
		// Columns are chosen by name.
		if j := slices.Index(r.Columns, name); j < i {
			return nil, fmt.Errorf("%s:1: columns %d and %d have the name %q, want a name for each", path, j+1, i+1, name)
		}
	}
	return r, nil
}

// Next returns at most that many further rows, or io.EOF.
func (r *Reader) Next(most int) (*Table, error) {
	t := &Table{Columns: r.Columns, path: r.path}
	for len(t.rows) < most {
		row, err := r.csv.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, r.readError(err, row)
		}
		// The line of the file, not the number of the row: quoted fields span lines.
		line, _ := r.csv.FieldPos(0)
		t.rows = append(t.rows, row)
		t.lines = append(t.lines, line)
	}
	if len(t.rows) == 0 {
		return nil, io.EOF
	}
	return t, nil
}

// at adds the name of the file to an error, unless it has it.
func at(path string, err error) error {
	if errors.Is(err, ErrEncoding) {
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// separator guesses the column separator from the start of a file.
func separator(path string, start []byte) rune {
	if end := strings.ToLower(filepath.Ext(path)); end == ".tsv" || end == ".tab" {
		return '\t'
	}
	line, _, _ := bytes.Cut(start, []byte("\n"))
	// In this order: a comma in the line of names decides, whatever else it has.
	for _, comma := range ",;\t" {
		if bytes.ContainsRune(line, comma) {
			return comma
		}
	}
	return ','
}

// readError adds the place to an error.
func (r *Reader) readError(err error, row []string) error {
	var parse *csv.ParseError
	switch {
	case !errors.As(err, &parse):
		return at(r.path, err)
	// The package's own message has neither number.
	case errors.Is(err, csv.ErrFieldCount):
		return fmt.Errorf("%s:%d: the row has %d fields, want %d, the number of column names in line 1", r.path,
			parse.StartLine, len(row), len(r.Columns))
	// An unclosed quote is noticed far below its row.
	case parse.StartLine != parse.Line:
		return fmt.Errorf("%s:%d: in the row that starts at line %d: %w", r.path, parse.Line, parse.StartLine, parse.Err)
	}
	return fmt.Errorf("%s:%d: at byte %d: %w", r.path, parse.Line, parse.Column, parse.Err)
}

// Len returns the number of rows.
func (t *Table) Len() int { return len(t.rows) }

// Column returns the texts in a column, unchanged. If there is no such column, the error lists the
// columns.
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

// index returns the place of a column by name.
func (t *Table) index(name string) (int, error) {
	i := slices.Index(t.Columns, name)
	if i < 0 {
		return 0, fmt.Errorf("%s: there is no column %q, want one of %s", t.path, name, quoted(t.Columns))
	}
	return i, nil
}

// errorf returns an error about a row, counted from 0, in a column.
func (t *Table) errorf(row int, column, format string, args ...any) error {
	return fmt.Errorf("%s:%d: column %q: %s", t.path, t.lines[row], column, fmt.Sprintf(format, args...))
}

// quoted lists names, but at most 20.
func quoted(names []string) string {
	// A wide table would fill the screen.
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
