package table

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Texts returns the texts in a column. A blank one is an error.
func (t *Table) Texts(column string) ([]string, error) {
	texts, err := t.Column(column)
	if err != nil {
		return nil, err
	}
	if err := t.missingError(column, false, "the text is empty"); err != nil {
		return nil, err
	}
	return texts, nil
}

// Classes returns the classes named in a column and the class of each row. Spaces around names are
// ignored. Classes are in numerical order if all are whole numbers, else in alphabetical order.
//
// It is an error if a row has no class, if there is only one, or if there are more than half as
// many classes as rows, as in a column of numbers or texts.
func (t *Table) Classes(column string) (classes []string, labels []int, err error) {
	texts, err := t.Column(column)
	if err != nil {
		return nil, nil, err
	}
	if err := t.missingError(column, false, "there is no label"); err != nil {
		return nil, nil, err
	}
	for row, text := range texts {
		// Column returns a copy, so the table keeps its spaces.
		texts[row] = strings.TrimSpace(text)
	}
	classes = slices.Clone(texts)
	slices.SortFunc(classes, compareClasses(texts))
	classes = slices.Compact(classes)
	switch n := len(classes); {
	case n == 1:
		return nil, nil, fmt.Errorf("%s: column %q: all %d rows have the label %q, want at least two classes", t.path, column,
			len(texts), classes[0])
	// One example or two of a class teach nothing; it is probably the wrong column.
	case n > len(texts)/2:
		return nil, nil, fmt.Errorf("%s: column %q: there are %d classes in %d rows, such as %s, "+
			"want at most half as many as rows; is it a regression, or another column?",
			t.path, column, n, len(texts), quoted(classes[:min(n, 3)]))
	}
	labels, err = t.ClassesOf(column, classes)
	return classes, labels, err
}

// LooksNumeric returns an error if the classes of n rows look like the targets of a regression:
// numbers that are many or not whole.
func LooksNumeric(classes []string, n int) error {
	whole := true
	for _, class := range classes {
		x, err := strconv.ParseFloat(class, 64)
		// One name is enough: these are classes.
		if err != nil {
			return nil
		}
		whole = whole && x == math.Trunc(x)
	}
	const many, few = 20, 20 // classes, and rows of each
	// Ratings and years of few values are fine as classes.
	if whole && (len(classes) <= many || n >= few*len(classes)) {
		return nil
	}
	return fmt.Errorf("the labels are %d different numbers in %d rows, and are treated as classes: "+
		"want a regression if their size matters", len(classes), n)
}

// compareClasses returns the order of classes.
func compareClasses(texts []string) func(a, b string) int {
	for _, text := range texts {
		if _, err := strconv.Atoi(text); err != nil {
			// A single name makes the order alphabetical, for a mixed order would surprise.
			return cmp.Compare[string]
		}
	}
	return func(a, b string) int {
		x, _ := strconv.Atoi(a)
		y, _ := strconv.Atoi(b)
		// 1 and 01 are two classes of one number.
		return cmp.Or(cmp.Compare(x, y), cmp.Compare(a, b))
	}
}

// ClassesOf returns the class of each row, out of the given ones: for a second file with the
// classes of the first. Another name is an error.
func (t *Table) ClassesOf(column string, classes []string) (labels []int, err error) {
	texts, err := t.Column(column)
	if err != nil {
		return nil, err
	}
	number := make(map[string]int, len(classes))
	for i, class := range classes {
		number[class] = i
	}
	if err := t.missingError(column, false, "there is no label"); err != nil {
		return nil, err
	}
	labels = make([]int, len(texts))
	// All unknown labels are gathered: one message per row would be useless for a wrong file.
	var unknown finding
	for row, text := range texts {
		label, ok := number[strings.TrimSpace(text)]
		if !ok {
			unknown.add(row, "the label is %q, want one of %s", text, quoted(classes))
		}
		labels[row] = label
	}
	if err := unknown.error(t, column); err != nil {
		return nil, err
	}
	return labels, nil
}

// Numbers returns the numbers in a column, as the targets of a regression. It is an error if a
// field is not a finite number, or if all are equal.
func (t *Table) Numbers(column string) ([]float32, error) {
	texts, err := t.Column(column)
	if err != nil {
		return nil, err
	}
	if err := t.missingError(column, true, "there is no target"); err != nil {
		return nil, err
	}
	numbers := make([]float32, len(texts))
	same := true
	var bad finding
	for row, text := range texts {
		// 32 bits, as the network computes: larger numbers are infinite there.
		x, err := strconv.ParseFloat(strings.TrimSpace(text), 32)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			bad.add(row, "the target is %q, want a finite number%s", text, hint(text))
		}
		numbers[row] = float32(x)
		same = same && numbers[row] == numbers[0]
	}
	if err := bad.error(t, column); err != nil {
		return nil, err
	}
	// Scaling targets would divide by 0.
	if same {
		return nil, fmt.Errorf("%s: column %q: all %d rows have the target %v, want at least two values", t.path, column,
			len(numbers), numbers[0])
	}
	return numbers, nil
}
