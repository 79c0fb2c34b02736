package sampler

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/splitmix"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Grid tries every combination of the given values, in random order. The number
// of a trial decides its combination, so that any number of workers share one
// order without talking to each other: with N combinations, the first N trials
// try each once. r.Rand is not used.
//
// From trial N on, a trial takes a combination that no finished trial has tried
// and no running one tries, which happens if some of the first N were queued
// with other values. When all have been tried, Study.Optimize ends; who asks for
// more gets combinations again, in the same order. Trials that failed have tried
// theirs too.
type Grid struct {
	// Values are the values of each parameter by name, in external form, each
	// once (1 and 1.0 are the same), at least one. Every parameter that a trial suggests must be here,
	// and its distribution must contain all values that are drawn.
	Values map[string][]any

	// Seed chooses the order. All workers of a study must have the same.
	Seed uint64
}

// Len returns the number of combinations. It is an error if a parameter has no
// values, the same one twice, or one of a type that no distribution has, or if there are more combinations than an int
// counts.
func (s Grid) Len() (int, error) {
	n := 1
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(s.Values)) {
		values := s.Values[name]
		if len(values) == 0 {
			errs = append(errs, fmt.Errorf("Grid.Values[%q] is empty, want at least one value", name))
			continue
		}
		for i, v := range values {
			switch v.(type) {
			case nil, bool, int, float64, string:
			default:
				if (space.Categorical{Choices: []any{v}}).Dist().Check() != nil {
					return 0, fmt.Errorf("Grid.Values[%q] has a %T, want nil, a bool, a number within an int or float64, or a string", name, v)
				}
			}
			if slices.Contains(values[:i], v) {
				errs = append(errs, fmt.Errorf("Grid.Values[%q] has %v twice, want each value once", name, v))
			}
		}
		high, low := bits.Mul64(uint64(n), uint64(len(values)))
		if high != 0 || low > 1<<62 {
			return 0, errors.Join(append(errs, fmt.Errorf("Grid.Values[%q] makes more than 2^62 combinations", name))...)
		}
		n = int(low)
	}
	return n, errors.Join(errs...)
}

// Sample returns a value of d in internal form. It is an error if Values does
// not have the parameter, if d does not contain the value or takes another one
// for the same, and where Len fails.
func (s Grid) Sample(r Request, name string, d space.Dist) (float64, error) {
	n, err := s.Len()
	if err != nil {
		return 0, err
	}
	if _, ok := s.Values[name]; !ok {
		return 0, fmt.Errorf("Grid.Values has no %q, want values for every parameter", name)
	}
	cell := s.cell(r, n)
	for _, other := range slices.Sorted(maps.Keys(s.Values)) {
		if other == name {
			break
		}
		cell /= len(s.Values[other])
	}
	values := s.Values[name]
	at := cell % len(values)
	x, err := d.Internal(values[at])
	if err != nil {
		return 0, fmt.Errorf("Grid.Values[%q]: %w", name, err)
	}
	for i, v := range values { // equal ones would never be exhausted: Left counts both, and a trial tries one
		if y, err := d.Internal(v); err == nil && i != at && y == x {
			return 0, fmt.Errorf("Grid.Values[%q] has %v at %d and %d, want each value of %v once", name, v, min(i, at), max(i, at), d)
		}
	}
	return x, nil
}

// cell returns the combination of the trial: the sum of the indices of its
// values by sorted name, the first one counting 1, the second as much as the
// first has values, and so on.
func (s Grid) cell(r Request, n int) int {
	number := r.Trial.Number
	if number >= n {
		if free := s.free(r, n); len(free) > 0 {
			return free[permuted(uint64(number-n)%uint64(len(free)), uint64(len(free)), s.Seed)]
		}
	}
	return int(permuted(uint64(number%n), uint64(n), s.Seed))
}

// free returns the combinations, in order, that no other trial has tried. All
// requests of a trial see the same history, so they agree.
func (s Grid) free(r Request, n int) []int {
	tried := map[int]bool{}
	for _, trials := range [][]*trial.Trial{r.History.Finished(), r.Running()} {
		for _, t := range trials {
			if cell, ok := s.triedBy(t, n); ok && t.Number != r.Trial.Number {
				tried[cell] = true
			}
		}
	}
	var free []int
	for cell := 0; cell < n && len(tried)+len(free) < n; cell++ {
		if !tried[cell] {
			free = append(free, cell)
		}
	}
	return free
}

// Left returns how many combinations no trial has tried or is trying, or a lower
// number as long as there are fewer trials than combinations. If the values make
// no grid it leaves that error to Sample.
func (s Grid) Left(h trial.History) int {
	n, err := s.Len()
	if err != nil {
		return math.MaxInt
	}
	finished, running := h.Finished(), h.Running()
	if begun := len(finished) + len(running); begun < n {
		return n - begun
	}
	tried, unknown := map[int]bool{}, 0
	for _, trials := range [][]*trial.Trial{finished, running} {
		for _, t := range trials {
			if cell, ok := s.triedBy(t, n); ok {
				tried[cell] = true
			} else if t.State == trial.Running && len(t.Params) < len(s.Values) {
				unknown++ // it is about to take one
			}
		}
	}
	return max(0, n-len(tried)-unknown)
}

// triedBy returns the combination of t, if it has one. What t has not yet
// suggested, or did not before it failed, is taken to be what its number says.
func (s Grid) triedBy(t *trial.Trial, n int) (cell int, ok bool) {
	weight := 1
	for _, name := range slices.Sorted(maps.Keys(s.Values)) {
		p, ok := t.Param(name)
		if !ok {
			return int(permuted(uint64(t.Number%n), uint64(n), s.Seed)), t.Number < n
		}
		i := slices.IndexFunc(s.Values[name], func(v any) bool {
			x, err := p.Dist.Internal(v)
			return err == nil && x == p.Value
		})
		if i < 0 {
			return 0, false
		}
		cell += i * weight
		weight *= len(s.Values[name])
	}
	return cell, true
}

// permuted returns the place of i in a permutation of 0 … n-1 that the seed
// chooses. It enciphers i in a Feistel network on the least even number of bits
// that holds n, again and again until the result is below n, which takes fewer
// than four rounds on average: Black and Rogaway, "Ciphers with arbitrary finite
// domains" (CT-RSA 2002).
func permuted(i, n, seed uint64) uint64 {
	half := (bits.Len64(n-1) + 1) / 2
	mask := uint64(1)<<half - 1
	for {
		left, right := i>>half, i&mask
		for round := range uint64(6) {
			left, right = right, left^splitmix.Mix(splitmix.Mix(seed+round)^right)&mask
		}
		if i = left<<half | right; i < n {
			return i
		}
	}
}
