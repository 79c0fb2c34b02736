package table

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var (
	// ErrMissing is matched by the error of rows without a text, label or target: see Without.
	ErrMissing = errors.New("missing")

	// ErrColumn is matched by errors and warnings about columns that should be left out.
	ErrColumn = errors.New("column to leave out")
)

// A markedError matches one of the errors above.
type markedError struct {
	error
	mark error
}

// Is makes the mark match without adding its text to the message.
func (e markedError) Is(target error) bool { return target == e.mark }

// Missing returns the rows that are blank in a column or, if it should have numbers, contain a text
// for missing values such as NA.
func (t *Table) Missing(column string, numbers bool) (rows []int, err error) {
	i, err := t.index(column)
	if err != nil {
		return nil, err
	}
	for row := range t.rows {
		text := strings.TrimSpace(t.rows[row][i])
		// "NA" is a text or a class like any other; only among numbers it means missing.
		if text == "" || numbers && slices.Contains(missing, text) {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// Without returns a table without the rows with the given indices, in ascending order.
func (t *Table) Without(rows []int) *Table {
	// Lines stay those of the file, so later errors still point there.
	left := &Table{Columns: t.Columns, path: t.path}
	for row := range t.rows {
		if _, out := slices.BinarySearch(rows, row); !out {
			left.rows = append(left.rows, t.rows[row])
			left.lines = append(left.lines, t.lines[row])
		}
	}
	return left
}

// A finding collects rows with the same problem.
type finding struct {
	rows []int
	what string // of the first
}

// add records a row. Only the first is described: the others have the same problem.
func (f *finding) add(row int, format string, args ...any) {
	if f.rows == nil {
		f.what = fmt.Sprintf(format, args...)
	}
	f.rows = append(f.rows, row)
}

// error describes the first row, and the number and lines of the others.
func (f *finding) error(t *Table, column string) error {
	if len(f.rows) == 0 {
		return nil
	}
	what := f.what
	if len(f.rows) > 1 {
		what += fmt.Sprintf(" (in %d of %d rows: lines %s)", len(f.rows), t.Len(), t.lineList(f.rows))
	}
	return t.errorf(f.rows[0], column, "%s", what)
}

// lineList lists the lines of the first rows.
func (t *Table) lineList(rows []int) string {
	// Enough to find a pattern in the file.
	const most = 5
	var lines []string
	for _, row := range rows[:min(len(rows), most)] {
		lines = append(lines, fmt.Sprint(t.lines[row]))
	}
	if len(rows) > most {
		lines = append(lines, "…")
	}
	return strings.Join(lines, ", ")
}

// missingError returns the error of rows without a text, label or target.
func (t *Table) missingError(column string, numbers bool, what string) error {
	rows, err := t.Missing(column, numbers)
	if err != nil {
		return err
	}
	f := finding{rows, what}
	if err := f.error(t, column); err != nil {
		// The mark lets a command offer to leave the rows out.
		return markedError{err, ErrMissing}
	}
	return nil
}

// decimalComma matches numbers with a decimal comma, as in many languages.
var decimalComma = regexp.MustCompile(`^[+-]?(\d{1,3}(\.\d{3})+|\d+),\d+$`)

// hint explains why a text may not be a number.
func hint(text string) string {
	if decimalComma.MatchString(strings.TrimSpace(text)) {
		return "; is it a decimal comma? want a point"
	}
	return ""
}

// Warnings describes oddities of the columns, except the given ones, in the rows with the given
// indices, nil for all: row numbers, decimal commas, and constant columns. Some match ErrColumn.
func (t *Table) Warnings(rows []int, without ...string) (all []error) {
	if rows == nil {
		rows = t.all()
	}
	var same []string
	for i, column := range t.Columns {
		if slices.Contains(without, column) {
			continue
		}
		// One pass over the rows finds all oddities of a column.
		first := ""
		// ids starts false for few rows: any few numbers may be different by chance.
		constant, ids, commas, others := true, len(rows) >= fewest, "", false
		low, high, last, ascending := 0.0, 0.0, 0.0, true
		seen := make(map[float64]bool)
		for k, row := range rows {
			text, x, kind := t.field(row, i)
			if k == 0 {
				first, low, high = text, x, x
			}
			constant = constant && text == first
			if kind == word {
				// A comma is only worth a warning if no other text is in the column.
				if decimalComma.MatchString(text) {
					commas = cmp.Or(commas, text)
				} else {
					others = true
				}
			}
			// Stops at the first repeated, broken or missing number, so the map stays small for
			// most columns.
			if ids = ids && kind == number && x == float64(int64(x)) && !seen[x]; ids {
				seen[x] = true
				ascending = ascending && (k == 0 || x > last)
				low, high, last = min(low, x), max(high, x), x
			}
			// Nothing is left to find out.
			if others && !constant && !ids {
				break
			}
		}
		switch {
		case constant:
			same = append(same, column)
		case commas != "" && !others:
			all = append(all, fmt.Errorf(
				"column %q has numbers with decimal commas, such as %q, which are treated as categories: want decimal points",
				column, commas))
		// Different whole numbers alone may be a measurement; sorted, without gaps or with such a
		// name they are an id.
		case ids && (ascending || high-low == float64(len(rows)-1) || idName.MatchString(column)):
			all = append(all, markedError{fmt.Errorf("column %q numbers the rows, which does not generalize to other rows",
				column), ErrColumn})
		}
	}
	if same != nil {
		all = append(all, fmt.Errorf("left out, because they are constant: %s", quoted(same)))
	}
	return all
}

// fewest rows in which different numbers are significant.
const fewest = 10

// idName matches the names of columns that identify rows.
var idName = regexp.MustCompile(`(?i)^(id|index|row|nr|no|key|uuid|unnamed.*|.*[_ .-]id)$|[a-z]I[dD]$`)
