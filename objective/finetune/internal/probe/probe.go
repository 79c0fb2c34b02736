// Package probe measures how well frozen features predict the labels, before any training, with two
// cheap scores. High scores suggest freezing more, low ones training more.
package probe

import (
	"errors"
	"slices"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// Pool returns s with the mean of its rows for each sequence: one row per example, as Linear and
// LogME need. Other sets stay unchanged.
func Pool(s train.Set) train.Set {
	if s.Lens == nil {
		return s
	}
	d := s.X.Cols
	x := blas32.General{Rows: len(s.Lens), Cols: d, Stride: d, Data: make([]float32, len(s.Lens)*d)}
	row := 0
	for i, n := range s.Lens {
		// In float64, since sequences may be long.
		sum := make([]float64, d)
		for range n {
			for j, v := range s.X.Data[row*d : (row+1)*d] {
				sum[j] += float64(v)
			}
			row++
		}
		for j, v := range sum {
			x.Data[i*d+j] = float32(v / float64(n))
		}
	}
	s.X, s.IDs, s.Lens = x, nil, nil
	return s
}

// check returns an error unless s has one row of features per example.
func check(s train.Set, classification bool) error {
	if s.Lens != nil || s.IDs != nil {
		return errors.New("the examples are sequences, want one row each: see Pool")
	}
	outputs := 1
	if s.Labels != nil {
		// Check wants two at least, even if one class is missing here.
		outputs = max(s.Classes(), 2)
	}
	if err := s.Check(outputs); err != nil {
		return err
	}
	if classification && s.Labels == nil {
		return errors.New("the set has targets, want labels")
	}
	return nil
}

// classes returns the labels that occur, ascending.
func classes(labels []int) []int {
	all := slices.Clone(labels)
	slices.Sort(all)
	return slices.Compact(all)
}
