package functions

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Table returns the problem of a table of results: gzipped CSV whose first row
// names the columns. Meta is JSON:
//
//   - space: the parameters, each with name, type ("float", "int" or "cat"), low,
//     high, step, log or choices, and "if", an object of the values that other
//     parameters must have for it to exist;
//   - key: the columns that identify a point;
//   - levels: the texts of a key column. The parameter column_i or column_c is an
//     index into them (column_c by its choice); a parameter with the name of the
//     column is the text itself;
//   - inactive: the text of a key column where the parameter does not exist;
//   - objective: the column to minimize;
//   - curve: the columns of the values after each epoch, if any.
//
// It is an error if rows or meta cannot be read, unless the table has exactly one
// row for every point of its space, and if a curve does not end at the objective,
// up to rounding to three digits, because a pruner compares the two.
func Table(name string, rows, meta io.Reader) (Problem, error) {
	t, err := readTable(rows, meta)
	if err != nil {
		return Problem{}, fmt.Errorf("table %q: %w", name, err)
	}
	p := Problem{Name: name, Group: "table", Minimum: t.minimum, Value: func(ask Ask) float64 { return t.look(ask).value }}
	if len(t.meta.Curve) > 0 {
		p.Curve = func(ask Ask) []float64 { return t.look(ask).curve }
	}
	return p, nil
}

// A table is the table of Table in memory.
type table struct {
	meta    tableMeta
	rows    map[string]tableRow // by the key, as keyOf joins it
	minimum float64
}

// A tableRow is the result of one point.
type tableRow struct {
	value float64
	curve []float64
}

// readTable reads a table and checks that it is complete.
func readTable(rows, meta io.Reader) (*table, error) {
	m, err := readMeta(meta)
	if err != nil {
		return nil, fmt.Errorf("meta: %w", err)
	}
	t := &table{meta: m, rows: map[string]tableRow{}, minimum: math.Inf(1)}
	plain, err := gzip.NewReader(rows)
	if err != nil {
		return nil, err
	}
	if err := t.readRows(csv.NewReader(plain)); err != nil {
		return nil, err
	}
	return t, t.whole()
}

// readRows reads all rows; columns that the meta does not name are ignored.
func (t *table) readRows(r *csv.Reader) error {
	// Tables may be large; parts of a record that are kept are copied.
	r.ReuseRecord = true
	head, err := r.Read()
	if err != nil {
		return fmt.Errorf("the names of the columns: %w", err)
	}
	// The record is reused for the rows.
	head = slices.Clone(head)
	key, err := columns(head, t.meta.Key...)
	if err != nil {
		return err
	}
	objective, err := columns(head, t.meta.Objective)
	if err != nil {
		return err
	}
	curve, err := columns(head, t.meta.Curve...)
	if err != nil {
		return err
	}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		numbers := make([]float64, 1+len(curve))
		for i, c := range append(slices.Clone(objective), curve...) {
			if numbers[i], err = strconv.ParseFloat(record[c], 64); err != nil || math.IsNaN(numbers[i]) {
				line, _ := r.FieldPos(c)
				return fmt.Errorf("line %d, column %s is %q, want a number", line, head[c], record[c])
			}
		}
		texts := make([]string, len(key))
		for i, c := range key {
			texts[i] = record[c]
		}
		k := keyOf(texts)
		// One of them would be ignored.
		if _, ok := t.rows[k]; ok {
			return fmt.Errorf("two rows for %s", t.meta.point(texts))
		}
		row := tableRow{value: numbers[0], curve: numbers[1:]}
		if !row.endsAtValue() {
			line, _ := r.FieldPos(0)
			last := curve[len(curve)-1]
			return fmt.Errorf("line %d: the curve ends at %s = %v, want the objective %s = %v", line, head[last],
				numbers[len(curve)], head[objective[0]], row.value)
		}
		t.rows[k] = row
		// The table is complete, so this is the minimum of the problem.
		t.minimum = math.Min(t.minimum, numbers[0])
	}
}

// endsAtValue reports whether the curve, if any, ends at the value. Tables may round one of them,
// rarely to fewer than three digits.
func (r tableRow) endsAtValue() bool {
	if len(r.curve) == 0 {
		return true
	}
	last := r.curve[len(r.curve)-1]
	return last == r.value || math.Abs(last-r.value) <= 5e-3*math.Max(math.Abs(last), math.Abs(r.value))
}

// columns returns the places of the named columns.
func columns(head []string, names ...string) ([]int, error) {
	places := make([]int, len(names))
	for i, name := range names {
		if places[i] = slices.Index(head, name); places[i] < 0 {
			return nil, fmt.Errorf("no column is called %q", name)
		}
	}
	return places, nil
}

// whole returns an error unless each point of the space has a row, and each row a point.
func (t *table) whole() error {
	found := 0
	err := t.meta.points(func(ask Ask) error {
		texts := t.meta.texts(ask)
		if _, ok := t.rows[keyOf(texts)]; !ok {
			return fmt.Errorf("no row for %s", t.meta.point(texts))
		}
		found++
		return nil
	})
	// Rows outside the space could hold the minimum.
	if err == nil && found != len(t.rows) {
		err = fmt.Errorf("%d rows for %d points of the space", len(t.rows), found)
	}
	return err
}

// look returns the row of the point that ask chooses.
func (t *table) look(ask Ask) tableRow {
	texts := t.meta.texts(ask)
	row, ok := t.rows[keyOf(texts)]
	if !ok { // impossible after whole
		panic("functions: no row for " + t.meta.point(texts))
	}
	return row
}

// keyOf joins the texts of the key columns.
func keyOf(texts []string) string { return strings.Join(texts, "\x00") }
