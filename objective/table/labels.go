package table

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Texts returns the texts in a column. One that is empty, or nothing but
// spaces, is an error.
func (t *Table) Texts(column string) ([]string, error) {
	texts, err := t.Column(column)
	if err != nil {
		return nil, err
	}
	for row, text := range texts {
		if strings.TrimSpace(text) == "" {
			return nil, t.errorf(row, column, "the text is empty")
		}
	}
	return texts, nil
}

// Classes returns the classes that a column names and which of them each row
// is of. Spaces around a name do not count. The classes are in the order of
// their numbers if all are whole numbers, and else of their names.
//
// It is an error if a row has no class, if there is only one, or if there are
// more than half as many as rows, as in a column of numbers or texts.
func (t *Table) Classes(column string) (classes []string, labels []int, err error) {
	texts, err := t.Column(column)
	if err != nil {
		return nil, nil, err
	}
	for row, text := range texts {
		if texts[row] = strings.TrimSpace(text); texts[row] == "" {
			return nil, nil, t.errorf(row, column, "there is no label")
		}
	}
	classes = slices.Clone(texts)
	slices.SortFunc(classes, compareClasses(texts))
	classes = slices.Compact(classes)
	switch n := len(classes); {
	case n == 1:
		return nil, nil, fmt.Errorf("table: %s: column %q: all %d rows have the label %q, want at least two classes", t.path, column, len(texts), classes[0])
	case n > len(texts)/2:
		return nil, nil, fmt.Errorf("table: %s: column %q: there are %d classes in %d rows, such as %s, want at most half as many as rows; is it a regression, or another column?",
			t.path, column, n, len(texts), quoted(classes[:min(n, 3)]))
	}
	labels, err = t.ClassesOf(column, classes)
	return classes, labels, err
}

// compareClasses returns the order of these texts.
func compareClasses(texts []string) func(a, b string) int {
	for _, text := range texts {
		if _, err := strconv.Atoi(text); err != nil {
			return cmp.Compare[string]
		}
	}
	return func(a, b string) int {
		x, _ := strconv.Atoi(a)
		y, _ := strconv.Atoi(b)
		return cmp.Or(cmp.Compare(x, y), cmp.Compare(a, b))
	}
}

// ClassesOf returns which of the given classes each row is of, as for a second
// file with the classes of the first. Another name is an error.
func (t *Table) ClassesOf(column string, classes []string) (labels []int, err error) {
	texts, err := t.Column(column)
	if err != nil {
		return nil, err
	}
	number := make(map[string]int, len(classes))
	for i, class := range classes {
		number[class] = i
	}
	labels = make([]int, len(texts))
	for row, text := range texts {
		label, ok := number[strings.TrimSpace(text)]
		if !ok {
			return nil, t.errorf(row, column, "the label is %q, want one of %s", text, quoted(classes))
		}
		labels[row] = label
	}
	return labels, nil
}

// Numbers returns the numbers in a column, as the targets of a regression. A
// field that is no finite number is an error, and so is a column in which all
// are equal.
func (t *Table) Numbers(column string) ([]float32, error) {
	texts, err := t.Column(column)
	if err != nil {
		return nil, err
	}
	numbers := make([]float32, len(texts))
	same := true
	for row, text := range texts {
		x, err := strconv.ParseFloat(strings.TrimSpace(text), 32)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, t.errorf(row, column, "the target is %q, want a finite number", text)
		}
		numbers[row] = float32(x)
		same = same && numbers[row] == numbers[0]
	}
	if same {
		return nil, fmt.Errorf("table: %s: column %q: all %d rows have the target %v, want at least two values", t.path, column, len(numbers), numbers[0])
	}
	return numbers, nil
}
