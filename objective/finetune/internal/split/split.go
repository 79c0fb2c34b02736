// Package split divides examples at random: into training and validation, into
// folds, and into nested subsets. Each class is divided in the same proportion.
package split

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// stream is the random stream of splits; package train uses those below.
const stream = 3 << 32

// A Fold splits examples in two, by their indices in ascending order; see train.Set.Select.
type Fold struct{ Training, Validation []int }

// Order returns the indices of n examples in a random order in which every prefix is stratified:
// first an example of each class, then each class in proportion. So a prefix with as many examples
// as there are classes has all of them. Without labels (nil) any order will do.
func Order(n int, labels []int, seed uint64) []int {
	order := rand.New(rand.NewPCG(seed, stream)).Perm(n)
	if labels == nil {
		return order
	}
	count, seen := make(map[int]int), make(map[int]int)
	for _, label := range labels {
		count[label]++
	}
	at := make([]float64, n) // where in the order an example belongs, in [0, 1)
	for _, i := range order {
		label := labels[i]
		if rank := seen[label]; rank > 0 {
			at[i] = (float64(rank) + 0.5) / float64(count[label])
		}
		seen[label]++
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(at[i], at[j]) })
	return order
}

// Subset returns the first ⌈fraction·n⌉ indices of an Order, ascending, for a fraction in (0, 1].
// For the same seed, smaller subsets are part of larger ones.
func Subset(n int, labels []int, fraction float64, seed uint64) ([]int, error) {
	if err := checkSplit(n, labels); err != nil {
		return nil, err
	}
	if !(fraction > 0 && fraction <= 1) {
		return nil, fmt.Errorf("fraction is %v, want above 0 and at most 1", fraction)
	}
	part := Order(n, labels, seed)[:Share(n, fraction)]
	slices.Sort(part)
	return part, nil
}

// Stratified splits n examples at random, with the share validation, in (0, 1), of each class for
// validation. Shares are rounded so that the totals are right too; both sides have at least one
// example.
func Stratified(n int, labels []int, validation float64, seed uint64) (Fold, error) {
	if err := checkSplit(n, labels); err != nil {
		return Fold{}, err
	}
	if !(validation > 0 && validation < 1) {
		return Fold{}, fmt.Errorf("the validation share is %v, want above 0 and below 1", validation)
	}
	if n < 2 {
		return Fold{}, fmt.Errorf("there is %d example, want at least 2 to split", n)
	}
	// byClass groups the classes and every 1/validation-th example is taken, so a class with c
	// examples gives c·validation, rounded up or down.
	var f Fold
	size := min(max(int(math.Round(validation*float64(n))), 1), n-1)
	for j, i := range byClass(n, labels, seed) {
		if (j+1)*size/n > j*size/n {
			f.Validation = append(f.Validation, i)
		} else {
			f.Training = append(f.Training, i)
		}
	}
	slices.Sort(f.Training)
	slices.Sort(f.Validation)
	return f, nil
}

// Folds splits n examples at random into k parts, in [2, n], for cross-validation: in fold i, part
// i is for validation. The sizes of the parts differ by at most one, and so do their numbers of
// each class.
func Folds(n, k int, labels []int, seed uint64) ([]Fold, error) {
	if err := checkSplit(n, labels); err != nil {
		return nil, err
	}
	if k < 2 || k > n {
		return nil, fmt.Errorf("folds is %d, want 2 to the number of examples, %d", k, n)
	}
	folds := make([]Fold, k)
	for j, i := range byClass(n, labels, seed) {
		for part := range folds {
			if part == j%k {
				folds[part].Validation = append(folds[part].Validation, i)
			} else {
				folds[part].Training = append(folds[part].Training, i)
			}
		}
	}
	for _, f := range folds {
		slices.Sort(f.Training)
		slices.Sort(f.Validation)
	}
	return folds, nil
}

// byClass returns the indices of n examples, sorted by class and shuffled within each.
func byClass(n int, labels []int, seed uint64) []int {
	order := rand.New(rand.NewPCG(seed, stream)).Perm(n)
	if labels != nil {
		slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(labels[i], labels[j]) })
	}
	return order
}

// Share returns ⌈fraction·n⌉, ignoring rounding errors.
func Share(n int, fraction float64) int {
	return min(max(int(math.Ceil(fraction*float64(n)-1e-9)), 1), n)
}

func checkSplit(n int, labels []int) error {
	if n < 1 {
		return fmt.Errorf("there are %d examples, want at least 1", n)
	}
	if labels != nil && len(labels) != n {
		return fmt.Errorf("there are %d labels for %d examples, want one each", len(labels), n)
	}
	return nil
}
