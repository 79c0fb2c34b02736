package split

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// skewed are labels of which each class is rarer than the one before.
func skewed(n int, seed uint64) []int {
	rng := rand.New(rand.NewPCG(seed, 7))
	labels := make([]int, n)
	for i := range labels {
		for labels[i] < 4 && rng.Float64() < 0.4 {
			labels[i]++
		}
	}
	return labels
}

func perClass(labels, part []int) map[int]int {
	m := make(map[int]int)
	for _, i := range part {
		m[labels[i]]++
	}
	return m
}

// isPartition fails unless the parts are ascending and together all of n.
func isPartition(t *testing.T, what string, n int, parts ...[]int) {
	t.Helper()
	var all []int
	for _, p := range parts {
		if !slices.IsSorted(p) {
			t.Errorf("%s: %v is not ascending", what, p)
		}
		all = append(all, p...)
	}
	slices.Sort(all)
	if !slices.Equal(all, ascending(n)) {
		t.Errorf("%s: the parts are not all of %d examples, each once", what, n)
	}
}

func TestFoldsAreEqualPartsWithEqualClasses(t *testing.T) {
	for _, n := range []int{2, 3, 10, 57, 200} {
		for _, k := range []int{2, 3, 5, 10} {
			if k > n {
				continue
			}
			for _, labels := range [][]int{nil, skewed(n, uint64(n))} {
				what := fmt.Sprintf("%d folds of %d, labels %v", k, n, labels != nil)
				folds, err := Folds(n, k, labels, 3)
				if err != nil || len(folds) != k {
					t.Fatalf("%s: %d, error %v", what, len(folds), err)
				}
				var parts [][]int
				for _, f := range folds {
					isPartition(t, what, n, f.Training, f.Validation)
					parts = append(parts, f.Validation)
					if size := len(f.Validation); size < n/k || size > (n+k-1)/k {
						t.Errorf("%s: a part has %d examples", what, size)
					}
				}
				isPartition(t, what, n, parts...)
				if labels == nil {
					continue
				}
				all := perClass(labels, ascending(n))
				for _, p := range parts {
					for label, count := range perClass(labels, p) {
						if count < all[label]/k || count > (all[label]+k-1)/k {
							t.Errorf("%s: a part has %d of the %d examples of class %d", what, count, all[label], label)
						}
					}
				}
			}
		}
	}
}

func TestASplitHasTheShareOfEachClass(t *testing.T) {
	for _, n := range []int{2, 3, 10, 57, 200} {
		for _, share := range []float64{0.01, 0.1, 0.25, 0.5, 0.9, 0.999} {
			labels := skewed(n, uint64(n))
			what := fmt.Sprintf("%v of %d", share, n)
			f, err := Stratified(n, labels, share, 4)
			if err != nil {
				t.Fatal(err)
			}
			isPartition(t, what, n, f.Training, f.Validation)
			want := min(max(int(math.Round(share*float64(n))), 1), n-1)
			if len(f.Validation) != want {
				t.Errorf("%s: %d examples for validation, want %d", what, len(f.Validation), want)
			}
			for label, count := range perClass(labels, f.Validation) {
				ideal := float64(perClass(labels, ascending(n))[label]) * float64(want) / float64(n)
				if math.Abs(float64(count)-ideal) >= 1 {
					t.Errorf("%s: %d examples of class %d for validation, want %v rounded", what, count, label, ideal)
				}
			}
		}
	}
}

func TestASubsetIsPartOfEveryLargerOne(t *testing.T) {
	const n = 200
	for _, labels := range [][]int{nil, skewed(n, 1)} {
		var smaller []int
		for _, fraction := range []float64{0.001, 0.01, 0.04, 1. / 9, 0.25, 1. / 3, 0.5, 0.77, 1} {
			part, err := Subset(n, labels, fraction, 5)
			if err != nil {
				t.Fatal(err)
			}
			if want := int(math.Ceil(fraction * n)); len(part) != want || !slices.IsSorted(part) || len(slices.Compact(slices.Clone(part))) != want {
				t.Errorf("%v: %d indices, want %d different ones, ascending", fraction, len(part), want)
			}
			for _, i := range smaller {
				if !slices.Contains(part, i) {
					t.Errorf("%v: %d is missing, which the subset before has", fraction, i)
				}
			}
			smaller = part
			if labels == nil {
				continue
			}
			all, got := perClass(labels, ascending(n)), perClass(labels, part)
			if len(part) >= len(all) && len(got) != len(all) {
				t.Errorf("%v: %d of %d classes", fraction, len(got), len(all))
			}
			for label, count := range all {
				// The first of each class may be early: then others have less.
				if d := math.Abs(float64(got[label]) - fraction*float64(count)); len(part) > len(all) && d > 3 {
					t.Errorf("%v: %d of the %d examples of class %d", fraction, got[label], count, label)
				}
			}
		}
		if !slices.Equal(smaller, ascending(n)) {
			t.Error("all of the examples are not the whole")
		}
	}
	if part, err := Subset(100, nil, 0.07, 1); err != nil || len(part) != 7 {
		t.Errorf("0.07 of 100 are %v, error %v, want 7: 0.07·100 is above 7 by rounding alone", part, err)
	}
}

func TestDivisionsAreFunctionsOfTheSeed(t *testing.T) {
	labels := skewed(50, 2)
	all := func(seed uint64) []any {
		folds, _ := Folds(50, 5, labels, seed)
		split, _ := Stratified(50, labels, 0.3, seed)
		subset, _ := Subset(50, labels, 0.3, seed)
		return []any{folds, split, subset, Order(50, labels, seed)}
	}
	first, again, other := all(1), all(1), all(2)
	for i := range first {
		if !reflect.DeepEqual(first[i], again[i]) || reflect.DeepEqual(first[i], other[i]) {
			t.Errorf("division %d: the same with one seed: %v; with two: %v", i, reflect.DeepEqual(first[i], again[i]), reflect.DeepEqual(first[i], other[i]))
		}
	}
}

// Over many seeds every example is for validation equally often.
func TestNoExampleIsPreferred(t *testing.T) {
	labels := []int{0, 0, 0, 0, 0, 0, 1, 1, 1, 2}
	const runs, share = 4000, 0.4
	var splits, subsets [10]float64
	for seed := range uint64(runs) {
		f, err := Stratified(10, labels, share, seed)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Validation {
			splits[i]++
		}
		for _, i := range Order(10, labels, seed)[:1] {
			subsets[labels[i]]++
		}
	}
	for i := range 6 { // of one class
		if p := splits[i] / runs; math.Abs(p-splits[0]/runs) > 0.05 {
			t.Errorf("example %d is for validation with frequency %v, example 0 with %v", i, p, splits[0]/runs)
		}
	}
	for class := range 3 { // in proportion to their sizes
		want := []float64{0.6, 0.3, 0.1}[class]
		if p := subsets[class] / runs; math.Abs(p-want) > 0.05 {
			t.Errorf("class %d comes first with frequency %v, want %v", class, p, want)
		}
	}
}

func TestDivisionsNameWhatIsWrong(t *testing.T) {
	for want, run := range map[string]func() error{
		"folds is 1, want 2 to":       func() error { _, err := Folds(5, 1, nil, 1); return err },
		"folds is 6, want 2 to":       func() error { _, err := Folds(5, 6, nil, 1); return err },
		"4 labels for 5":              func() error { _, err := Folds(5, 2, []int{1, 2, 3, 4}, 1); return err },
		"there are 0 examples":        func() error { _, err := Subset(0, nil, 0.5, 1); return err },
		"fraction is 0":               func() error { _, err := Subset(5, nil, 0, 1); return err },
		"fraction is 1.1":             func() error { _, err := Subset(5, nil, 1.1, 1); return err },
		"fraction is NaN":             func() error { _, err := Subset(5, nil, math.NaN(), 1); return err },
		"validation share is 1, want": func() error { _, err := Stratified(5, nil, 1, 1); return err },
		"validation share is 0, want": func() error { _, err := Stratified(5, nil, 0, 1); return err },
		"there is 1 example":          func() error { _, err := Stratified(1, nil, 0.5, 1); return err },
	} {
		if err := run(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
}

// ascending returns 0 to n-1.
func ascending(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}
