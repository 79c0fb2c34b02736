package table

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/blas/blas32"
)

// missing are the texts that stand for a missing value.
var missing = []string{"", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NAN", "NULL", "null", "None", "none"}

// An Encoder turns the columns of a table into numbers of similar size. It is fitted to training
// rows only, so that nothing leaks from the others.
type Encoder struct {
	Inputs []Input
}

// An Input is a column that becomes features. Numbers become one, plus one that marks missing
// values; texts become one per category, which is 1 for the rows with it.
type Input struct {
	Column string

	// Numbers become (x - Mean)/Scale, with Median in place of missing ones.
	Median, Mean, Scale float64
	Indicator           bool // whether there is a feature for missing values

	Categories []string // of texts, sorted; nil for numbers
}

// MaxCategories is the largest number of categories of a column.
const MaxCategories = 32

// NewEncoder fits an encoder to the rows of t with the given indices, nil for all, and to all
// columns except the given ones. A column whose values are all numbers or missing is numeric; Mean
// and Scale are the mean and standard deviation after replacing missing values by the median.
// Constant columns are left out. A column with more than MaxCategories texts is an error, and so is
// a table with no column left.
func NewEncoder(t *Table, rows []int, without ...string) (*Encoder, error) {
	for _, name := range without {
		// A misspelled name would otherwise leave its column in.
		if _, err := t.index(name); err != nil {
			return nil, err
		}
	}
	if rows == nil {
		rows = t.all()
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s: there are no rows to fit features to", t.path)
	}
	e := &Encoder{}
	for i, column := range t.Columns {
		if slices.Contains(without, column) {
			continue
		}
		// The rows decide what a column is; other rows with words in it are then an error, not a
		// new feature.
		values, gaps, numeric, err := t.numbers(i, rows)
		if err != nil {
			return nil, err
		}
		in := Input{Column: column}
		if numeric {
			if in.fit(values, gaps); math.IsInf(in.Scale, 0) || math.IsNaN(in.Scale) {
				return nil, fmt.Errorf("%s: column %q: the numbers are too large: their variance is not finite", t.path, column)
			}
		} else if in.Categories, err = t.categories(i, rows); err != nil {
			return nil, err
		}
		// A constant column tells no rows apart, and its scale would divide by 0.
		if in.Scale > 0 || in.Indicator || len(in.Categories) > 1 {
			e.Inputs = append(e.Inputs, in)
		}
	}
	if len(e.Inputs) == 0 {
		return nil, fmt.Errorf("%s: no column is left to train on: of %s without %s all are constant in %d rows",
			t.path, quoted(t.Columns), quoted(without), len(rows))
	}
	return e, nil
}

// A kind is the kind of a field.
type kind int

const (
	absent   kind = iota // no value
	number               // a finite number
	infinite             // an infinite or too large number
	word                 // any other text
)

// field returns the content of column i of a row.
func (t *Table) field(row, i int) (text string, x float64, k kind) {
	text = strings.TrimSpace(t.rows[row][i])
	if slices.Contains(missing, text) {
		return "", 0, absent
	}
	// ParseFloat reads "inf" and "nan" too, so they are sorted out here.
	x, err := strconv.ParseFloat(text, 64)
	switch {
	case math.IsInf(x, 0):
		return text, 0, infinite
	case err != nil:
		return text, 0, word
	case math.IsNaN(x):
		return "", 0, absent
	}
	return text, x, number
}

// numbers returns the values of column i and the number of missing ones. The column is not numeric
// if it has a word.
func (t *Table) numbers(i int, rows []int) (values []float64, gaps int, numeric bool, err error) {
	for _, row := range rows {
		switch text, x, k := t.field(row, i); k {
		case number:
			values = append(values, x)
		case absent:
			gaps++
		// Not yet: a later word may make it a column of texts, where any text is fine.
		case infinite:
			err = cmp.Or(err, t.errorf(row, t.Columns[i], "the value is %q, want a finite number, or nothing if it is missing",
				text))
		case word:
			return nil, 0, false, nil
		}
	}
	return values, gaps, true, err
}

// fit sets the numbers of in from the values and the number of missing ones.
func (in *Input) fit(values []float64, gaps int) {
	in.Indicator = gaps > 0 && len(values) > 0
	if len(values) == 0 {
		return
	}
	slices.Sort(values)
	n := len(values)
	low, high := values[0], values[n-1]
	// Halved before the sum, which could overflow.
	in.Median = values[(n-1)/2]/2 + values[n/2]/2
	// Mean and scale describe the features as they are encoded, gaps filled.
	for range gaps {
		values = append(values, in.Median)
	}
	total := float64(len(values))
	for _, x := range values {
		// Divided before the sum, which could overflow.
		in.Mean += x / total
	}
	variance := 0.0
	for _, x := range values {
		variance += (x - in.Mean) / total * (x - in.Mean)
	}
	// Rounding may leave equal values a tiny variance; their scale stays 0.
	if low < high {
		in.Scale = math.Sqrt(variance)
	}
}

// categories returns the texts of column i, sorted, with "" for a missing one.
func (t *Table) categories(i int, rows []int) ([]string, error) {
	seen := make(map[string]bool)
	var all []string
	for _, row := range rows {
		// In order of appearance, so the error shows the first texts of the file.
		if text, _, _ := t.field(row, i); !seen[text] {
			seen[text] = true
			all = append(all, text)
		}
	}
	// So many texts are usually ids or free text, and most of their features would be 0.
	if len(all) > MaxCategories {
		return nil, markedError{fmt.Errorf(
			"%s: column %q: there are %d texts, such as %s, want numbers or at most %d texts%s; leave the column out",
			t.path, t.Columns[i], len(all), quoted(all[:3]), MaxCategories,
			hint(all[slices.IndexFunc(all, notEmpty)])), ErrColumn}
	}
	slices.Sort(all)
	return all, nil
}

// notEmpty reports whether s is a text.
func notEmpty(s string) bool { return s != "" }

// Features returns the names of the features in order: "age", "age is missing", "colour=red".
func (e *Encoder) Features() []string {
	var names []string
	for _, in := range e.Inputs {
		for _, category := range in.Categories {
			if category == "" {
				names = append(names, in.Column+" is missing")
				// "" is the category of missing values.
				continue
			}
			names = append(names, in.Column+"="+category)
		}
		if in.Scale > 0 {
			names = append(names, in.Column)
		}
		if in.Indicator {
			names = append(names, in.Column+" is missing")
		}
	}
	return names
}

// Encode returns the features of the rows of t with the given indices, nil for all: n×d, in the
// order of Features. An unknown text belongs to no category. It is an error if t lacks a column or
// has a text among numbers.
func (e *Encoder) Encode(t *Table, rows []int) (blas32.General, error) {
	if rows == nil {
		rows = t.all()
	}
	d := len(e.Features())
	x := blas32.General{Rows: len(rows), Cols: d, Stride: d, Data: make([]float32, len(rows)*d)}
	// Column by column, since each has its own number of features.
	at := 0 // feature
	for _, in := range e.Inputs {
		i, err := t.index(in.Column)
		if err != nil {
			return blas32.General{}, err
		}
		for k, row := range rows {
			if err := in.encode(x.Data[k*d+at:(k+1)*d], t, row, i); err != nil {
				return blas32.General{}, err
			}
		}
		at += in.width()
	}
	return x, nil
}

// encode sets the features of a field, which are 0 before.
func (in Input) encode(to []float32, t *Table, row, i int) error {
	text, v, k := t.field(row, i)
	if in.Categories != nil {
		// A text that training never saw has no feature: all stay 0.
		if j, ok := slices.BinarySearch(in.Categories, text); ok {
			to[j] = 1
		}
		return nil
	}
	switch k {
	case absent:
		v = in.Median
	case word, infinite:
		return t.errorf(row, in.Column, "the value is %q, want a finite number, as in the rows learned from%s", text,
			hint(text))
	}
	if in.Scale > 0 {
		to[0] = float32((v - in.Mean) / in.Scale)
		// float32 ends at 3e38, and an infinite feature would make the network NaN.
		if math.IsInf(float64(to[0]), 0) {
			return t.errorf(row, in.Column, "the value is %q, which is too far from the mean of %v", text, in.Mean)
		}
		to = to[1:]
	}
	if in.Indicator && k == absent {
		to[0] = 1
	}
	return nil
}

// width is the number of features.
func (in Input) width() int {
	n := len(in.Categories)
	if in.Scale > 0 {
		n++
	}
	if in.Indicator {
		n++
	}
	return n
}

// all returns the indices of all rows.
func (t *Table) all() []int {
	rows := make([]int, len(t.rows))
	for i := range rows {
		rows[i] = i
	}
	return rows
}
