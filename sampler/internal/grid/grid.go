// Package grid numbers the combinations of given values.
package grid

import (
	"errors"
	"fmt"
	"maps"
	"math/bits"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/splitmix"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A Grid is a set of combinations. The number of a combination is the sum of the
// indices of its values by sorted name, the first counting 1, the second as many as the
// first has values, and so on.
type Grid struct {
	N int // combinations

	names  []string // sorted
	values map[string][]any
	seed   uint64
}

// New returns the grid of some values. It fails if a parameter has no values, one of
// them twice, or one of a type that no distribution has, or if there are more than 2^62
// combinations.
func New(values map[string][]any, seed uint64) (Grid, error) {
	g := Grid{1, slices.Sorted(maps.Keys(values)), values, seed}
	for _, name := range g.names {
		if err := check(values[name]); err != nil {
			return g, fmt.Errorf("Grid.Values[%q] %w", name, err)
		}
		high, low := bits.Mul64(uint64(g.N), uint64(len(values[name])))
		if high != 0 || low > 1<<62 {
			return g, fmt.Errorf("Grid.Values[%q] makes more than 2^62 combinations", name)
		}
		g.N = int(low)
	}
	return g, nil
}

func check(values []any) error {
	if len(values) == 0 {
		return errors.New("is empty, want at least one value")
	}
	for i, v := range values {
		switch v.(type) {
		case nil, bool, int, float64, string:
		default:
			if (space.Categorical{Choices: []any{v}}).Dist().Check() != nil {
				return fmt.Errorf("has a %T, want nil, a bool, a number within an int or float64, or a string", v)
			}
		}
		if slices.Contains(values[:i], v) {
			return fmt.Errorf("has %v twice, want each value once", v)
		}
	}
	return nil
}

// Index returns which value a parameter has in a combination.
func (g Grid) Index(cell int, name string) int {
	for _, other := range g.names {
		if other == name {
			break
		}
		cell /= len(g.values[other])
	}
	return cell % len(g.values[name])
}

// At returns the combination that a trial's number stands for.
func (g Grid) At(number int) int {
	return int(splitmix.Permute(uint64(number%g.N), uint64(g.N), g.seed))
}

// Free returns the combination of a trial whose number is at least N: one that none of
// the others has tried, or that of its number if there is none.
func (g Grid) Free(number int, others []*trial.Trial) int {
	tried := map[int]bool{}
	for _, t := range others {
		if cell, ok := g.Of(t); ok && t.Number != number {
			tried[cell] = true
		}
	}
	var free []int
	for cell := 0; cell < g.N && len(tried)+len(free) < g.N; cell++ {
		if !tried[cell] {
			free = append(free, cell)
		}
	}
	m := len(free)
	if m == 0 {
		return g.At(number)
	}
	return free[splitmix.Permute(uint64((number-g.N)%m), uint64(m), g.seed)]
}

// Of returns the combination of t, if it has one. A trial that has not suggested a
// parameter counts for the combination of its number.
func (g Grid) Of(t *trial.Trial) (cell int, ok bool) {
	weight := 1
	for _, name := range g.names {
		p, ok := t.Param(name)
		if !ok {
			return g.At(t.Number), t.Number < g.N
		}
		i := slices.IndexFunc(g.values[name], func(v any) bool {
			x, err := p.Dist.Internal(v)
			return err == nil && x == p.Value
		})
		if i < 0 {
			return 0, false
		}
		cell += i * weight
		weight *= len(g.values[name])
	}
	return cell, true
}
