// Package importance measures how much each parameter of a study matters.
package importance

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/trial"
)

// An Evaluator measures the parameters of a study. It is a PEDANOVA or a FANOVA.
type Evaluator interface {
	// Of returns the importance of every parameter of the complete trials of h, largest first, for
	// one objective, counted from 0. It ignores trials with an infinite or NaN value. It fails if
	// fewer than two trials are left, and for an objective or a setting out of range.
	Of(h trial.History, objective int) ([]Importance, error)

	prepare(h trial.History, objective int) (measure, error)
}

// An Importance is the importance of one parameter.
type Importance struct {
	Name  string
	Value float64 // ≥ 0; compare only values of one call: see Normalized
}

// Normalized returns the list with values that sum to 1. If all are 0 they become equal.
func Normalized(list []Importance) []Importance {
	total := 0.0
	for _, i := range list {
		total += i.Value
	}
	list = slices.Clone(list)
	for i := range list {
		if total > 0 {
			list[i].Value /= total
		} else {
			list[i].Value = 1 / float64(len(list))
		}
	}
	return list
}

// A measure is an Evaluator with the trials of a study. Both functions return what Evaluator.Of does.
type measure struct {
	trials   int
	whole    func() []Importance             // of all trials
	resample func(counts []int) []Importance // with trial i counted counts[i] times; callable concurrently
}

// finite returns the complete trials whose value of an objective is finite, at least two.
func finite(h trial.History, objective int) ([]*trial.Trial, error) {
	if n := len(h.Directions()); objective < 0 || objective >= n {
		return nil, fmt.Errorf("objective is %d, want 0 to %d", objective, n-1)
	}
	var list []*trial.Trial
	for _, t := range h.Finished() {
		if t.State == trial.Complete && !math.IsInf(t.Values[objective], 0) && !math.IsNaN(t.Values[objective]) {
			list = append(list, t)
		}
	}
	if len(list) < 2 {
		return nil, fmt.Errorf("importances need 2 complete trials with finite values, and there are %d", len(list))
	}
	return list, nil
}

// A column is what a list of trials has of one parameter.
type column struct {
	name   string
	trials []int // those that have it, by index, increasing
	params []trial.Param
}

// columns returns the parameters of the trials, sorted by name.
func columns(trials []*trial.Trial) []column {
	var list []column
	index := map[string]int{}
	for i, t := range trials {
		for _, p := range t.Params {
			k, ok := index[p.Name]
			if !ok {
				k, list = len(list), append(list, column{name: p.Name})
				index[p.Name] = k
			}
			list[k].trials = append(list[k].trials, i)
			list[k].params = append(list[k].params, p)
		}
	}
	slices.SortFunc(list, func(a, b column) int { return cmp.Compare(a.name, b.name) })
	return list
}

// sorted puts the largest first, equal ones by name.
func sorted(list []Importance) []Importance {
	slices.SortFunc(list, func(a, b Importance) int {
		return cmp.Or(cmp.Compare(b.Value, a.Value), cmp.Compare(a.Name, b.Name))
	})
	return list
}
