// Package parts reads training, validation and test rows from CSV files, and splits one file where
// others are missing.
package parts

import (
	"cmp"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/kernel"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/split"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/table"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// Files describes the rows and how to read them (see package table).
type Files struct {
	Train string // rows to train on
	Valid string // rows to validate on; "": ValidShare of Train
	Test  string // rows to test on; "": TestShare of Train

	ValidShare float64 // in (0, 1); 0 means 0.2
	TestShare  float64 // in (0, 1); 0: none

	LabelColumn string // class or, in a regression, number; "" means label
	TextColumn  string // column of texts, none of which may be missing; "": none
	Regression  bool

	Encoding    string // see table.Options
	DropMissing bool   // leave out rows without text or label instead of failing

	Seed uint64 // of the random split
}

// A Part is some rows of a table, with their labels or targets and without features.
type Part struct {
	Table *table.Table
	Rows  []int // ascending
	Set   train.Set
}

// Len returns the number of rows.
func (p Part) Len() int { return len(p.Rows) }

// Parts are all rows.
type Parts struct {
	Training, Validation, Test Part
	Classes                    []string // by their labels; nil in a regression
	Dropped                    int      // rows left out
	Warnings                   []error  // oddities of the data
}

// Read reads the files. Rows taken out of Train are random, with the same share of each class, but
// one row of each class stays.
func (f Files) Read() (p Parts, err error) {
	if err := f.check(); err != nil {
		return p, err
	}
	f.LabelColumn = cmp.Or(f.LabelColumn, "label")
	// First, because its classes number those of the other files.
	if p.Training, err = f.part(f.Train, &p); err != nil {
		return p, err
	}
	// A warning and no error: ratings are classes for some and numbers for others.
	if odd := table.LooksNumeric(p.Classes, p.Training.Len()); p.Classes != nil && odd != nil {
		p.Warnings = append(p.Warnings, odd)
	}
	for i, from := range []struct {
		path  string
		share float64
		to    *Part
		// The test rows are taken first, so they do not depend on how validation rows are chosen.
	}{{f.Test, f.TestShare, &p.Test}, {f.Valid, cmp.Or(f.ValidShare, 0.2), &p.Validation}} {
		switch {
		case from.path != "":
			*from.to, err = f.part(from.path, &p)
		case from.share > 0:
			// Another seed for each, or both would take the same places.
			*from.to, err = p.Training.take(from.share, f.Seed+uint64(i))
		}
		if err != nil {
			return p, err
		}
	}
	return p, nil
}

// check refuses shares out of range and options that exclude each other.
func (f Files) check() error {
	if f.Train == "" {
		return errors.New("Config.Train is \"\", want a file")
	}
	for _, s := range []struct {
		name  string
		share float64
		file  string
	}{{"Valid", f.ValidShare, f.Valid}, {"Test", f.TestShare, f.Test}} {
		if !(s.share >= 0 && s.share < 1) {
			return fmt.Errorf("%sShare is %v, want at least 0 and below 1", s.name, s.share)
		}
		if s.share > 0 && s.file != "" {
			return fmt.Errorf("%s is %q and %sShare is %v, want at most one of them", s.name, s.file, s.name, s.share)
		}
	}
	return nil
}

// part returns all rows of a file. It sets parts.Classes if that is nil.
func (f Files) part(path string, parts *Parts) (p Part, err error) {
	if p.Table, err = table.Read(path, table.Options{Encoding: f.Encoding}); err != nil {
		return p, err
	}
	// Before classes are numbered: rows without a label have none.
	if f.DropMissing {
		if err := p.drop(f, path, parts); err != nil {
			return p, err
		}
	}
	p.Rows = make([]int, p.Table.Len())
	for i := range p.Rows {
		p.Rows[i] = i
	}
	switch {
	case f.Regression:
		p.Set.Targets, err = p.Table.Numbers(f.LabelColumn)
	case parts.Classes == nil:
		parts.Classes, p.Set.Labels, err = p.Table.Classes(f.LabelColumn)
	default:
		p.Set.Labels, err = p.Table.ClassesOf(f.LabelColumn, parts.Classes)
	}
	return p, err
}

// drop leaves out rows without text or label.
func (p *Part) drop(f Files, path string, parts *Parts) error {
	before := p.Table.Len()
	for _, column := range []string{f.LabelColumn, f.TextColumn} {
		if column == "" {
			continue
		}
		rows, err := p.Table.Missing(column, f.Regression && column == f.LabelColumn)
		if err != nil {
			return err
		}
		if len(rows) > 0 {
			p.Table = p.Table.Without(rows)
		}
	}
	if p.Table.Len() == 0 {
		return fmt.Errorf("%s: none of the %d rows has a %s", path, before, cmp.Or(f.TextColumn, f.LabelColumn))
	}
	parts.Dropped += before - p.Table.Len()
	return nil
}

// Shared warns about validation rows that are also training rows, and test rows that are also
// either. key returns what makes two rows equal.
func (p *Parts) Shared(things string, key func(p Part) ([]string, error)) error {
	// Hashes instead of texts save memory; a collision only makes a warning off by one.
	seed := maphash.MakeSeed()
	known := make(map[uint64]bool, p.Training.Len()+p.Validation.Len())
	for _, part := range []struct {
		Part
		name, among string
	}{{p.Training, "", ""}, {p.Validation, "validate on", "train on"}, {p.Test, "test on", "train or validate on"}} {
		if part.Len() == 0 {
			continue
		}
		keys, err := key(part.Part)
		if err != nil {
			return err
		}
		shared := 0
		// Repeats within a part are fine, so its own keys are added afterwards.
		for _, s := range keys {
			if known[maphash.String(seed, s)] {
				shared++
			}
		}
		for _, s := range keys {
			known[maphash.String(seed, s)] = true
		}
		switch {
		case shared == 0 || part.among == "":
		case shared == part.Len():
			p.Warnings = append(p.Warnings, fmt.Errorf(
				"all %d %s to %s are also among those to %s: is it the same file? Results on them are meaningless",
				shared, things, part.name, part.among))
		default:
			p.Warnings = append(p.Warnings, fmt.Errorf(
				"%d of %d %s to %s are also among those to %s: results on them are optimistic",
				shared, part.Len(), things, part.name, part.among))
		}
	}
	return nil
}

// take moves a share of the rows out of p.
func (p *Part) take(share float64, seed uint64) (taken Part, err error) {
	f, err := split.Stratified(p.Len(), p.Set.Labels, share, seed)
	if err != nil {
		return taken, err
	}
	// A class that is never trained on could not be predicted.
	f = keepClasses(f, p.Set.Labels)
	if len(f.Validation) == 0 {
		return taken, fmt.Errorf("cannot take any of %d rows out of the training set, want more rows of each class", p.Len())
	}
	taken, *p = p.at(f.Validation), p.at(f.Training)
	return taken, nil
}

// keepClasses moves the first example of each class that has only validation examples to training.
func keepClasses(f split.Fold, labels []int) split.Fold {
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

// at returns the rows of p at the given places.
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

// pick returns the elements at the given places.
func pick[T any](list []T, places []int) []T {
	some := make([]T, len(places))
	for i, j := range places {
		some[i] = list[j]
	}
	return some
}

// Texts returns the texts in a column. An empty one is an error.
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

// Softmax turns the logits in each row of y into probabilities.
func Softmax(y blas32.General) {
	for i := range y.Rows {
		row := y.Data[i*y.Stride : i*y.Stride+y.Cols]
		kernel.Softmax(row, row)
	}
}
