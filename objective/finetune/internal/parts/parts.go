// Package parts reads what a network is to learn from files of comma-separated
// values, and divides the rows into those that it learns from, those that the
// settings are chosen by, and those that judge the choice.
package parts

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/bluefin-hpo/bluefin/objective/table"
	"github.com/bluefin-hpo/bluefin/objective/train"
)

// Files says where the rows are. Files are read as package table does.
type Files struct {
	Train string // rows to learn from
	Valid string // rows to choose by; "": ValidShare of Train
	Test  string // rows to judge by; "": TestShare of Train

	ValidShare float64 // in (0, 1); 0 means 0.2
	TestShare  float64 // in (0, 1); 0: none

	LabelColumn string // class or, in a regression, number; "" means label
	Regression  bool

	Seed uint64 // of the division
}

// A Part is some rows of a table, with what is to be learned of each and no
// features.
type Part struct {
	Table *table.Table
	Rows  []int // ascending
	Set   train.Set
}

// Len returns the number of rows.
func (p Part) Len() int { return len(p.Rows) }

// Parts are the rows of the files.
type Parts struct {
	Training, Validation, Test Part
	Classes                    []string // by their labels; nil in a regression
}

// Read reads the files. What is taken out of Train is taken at random, with the
// same share of each class, but for one row of each class, which stays.
func (f Files) Read() (p Parts, err error) {
	if err := f.check(); err != nil {
		return p, err
	}
	f.LabelColumn = cmp.Or(f.LabelColumn, "label")
	if p.Training, err = f.part(f.Train, &p.Classes); err != nil {
		return p, err
	}
	for i, from := range []struct {
		path  string
		share float64
		to    *Part
	}{{f.Test, f.TestShare, &p.Test}, {f.Valid, cmp.Or(f.ValidShare, 0.2), &p.Validation}} {
		switch {
		case from.path != "":
			*from.to, err = f.part(from.path, &p.Classes)
		case from.share > 0:
			*from.to, err = p.Training.take(from.share, f.Seed+uint64(i))
		}
		if err != nil {
			return p, err
		}
	}
	return p, nil
}

func (f Files) check() error {
	if f.Train == "" {
		return errors.New("finetune: Train is \"\", want a file")
	}
	for _, s := range []struct {
		name  string
		share float64
		file  string
	}{{"Valid", f.ValidShare, f.Valid}, {"Test", f.TestShare, f.Test}} {
		if !(s.share >= 0 && s.share < 1) {
			return fmt.Errorf("finetune: %sShare is %v, want at least 0 and below 1", s.name, s.share)
		}
		if s.share > 0 && s.file != "" {
			return fmt.Errorf("finetune: %s is %q and %sShare is %v, want at most one of them", s.name, s.file, s.name, s.share)
		}
	}
	return nil
}

// part returns all rows of a file. It sets the classes if there are none.
func (f Files) part(path string, classes *[]string) (p Part, err error) {
	if p.Table, err = table.Read(path, table.Options{}); err != nil {
		return p, err
	}
	p.Rows = make([]int, p.Table.Len())
	for i := range p.Rows {
		p.Rows[i] = i
	}
	switch {
	case f.Regression:
		p.Set.Targets, err = p.Table.Numbers(f.LabelColumn)
	case *classes == nil:
		*classes, p.Set.Labels, err = p.Table.Classes(f.LabelColumn)
	default:
		p.Set.Labels, err = p.Table.ClassesOf(f.LabelColumn, *classes)
	}
	return p, err
}

// take takes a share of the rows out of p.
func (p *Part) take(share float64, seed uint64) (taken Part, err error) {
	f, err := train.StratifiedSplit(p.Len(), p.Set.Labels, share, seed)
	if err != nil {
		return taken, fmt.Errorf("finetune: %w", err)
	}
	f = keepClasses(f, p.Set.Labels)
	if len(f.Validation) == 0 {
		return taken, fmt.Errorf("finetune: of %d rows none can be taken from those to learn from, want more rows of each class", p.Len())
	}
	taken, *p = p.at(f.Validation), p.at(f.Training)
	return taken, nil
}

// keepClasses moves the first example of each class that is for validation only
// to training.
func keepClasses(f train.Fold, labels []int) train.Fold {
	if labels == nil {
		return f
	}
	has := make(map[int]bool)
	for _, i := range f.Training {
		has[labels[i]] = true
	}
	f.Validation = slices.DeleteFunc(f.Validation, func(i int) bool {
		if has[labels[i]] {
			return false
		}
		has[labels[i]] = true
		f.Training = append(f.Training, i)
		return true
	})
	slices.Sort(f.Training)
	return f
}

// at returns the rows of p with the given places in it.
func (p Part) at(places []int) Part {
	q := Part{Table: p.Table, Rows: pick(p.Rows, places)}
	if p.Set.Labels != nil {
		q.Set.Labels = pick(p.Set.Labels, places)
	}
	if p.Set.Targets != nil {
		q.Set.Targets = pick(p.Set.Targets, places)
	}
	return q
}

func pick[T any](list []T, places []int) []T {
	some := make([]T, len(places))
	for i, j := range places {
		some[i] = list[j]
	}
	return some
}

// Texts returns the texts of the rows in a column. One that is empty is an
// error.
func (p Part) Texts(column string) ([]string, error) {
	if p.Table == nil {
		return nil, nil
	}
	all, err := p.Table.Texts(column)
	if err != nil {
		return nil, err
	}
	return pick(all, p.Rows), nil
}
