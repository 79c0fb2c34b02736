package sampler

import (
	"fmt"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/grid"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Grid tries every combination of the given values in random order. The number of a
// trial decides its combination, so any number of workers share one order without
// communication: with N combinations, the first N trials try each once.
//
// From trial N on, a trial takes a combination that no finished trial, failed ones
// included, has tried and no running one tries; that happens if some of the first N
// trials were queued with other values. When none is left, Study.Optimize ends;
// further Asks go through all combinations again in the same order. Grid does not use
// Request.Rand.
type Grid struct {
	// Values holds the values of each parameter by name, in external form, each once
	// (1 and 1.0 are the same) and at least one. Every parameter that a trial suggests
	// needs an entry, with values inside its distribution.
	Values map[string][]any

	// Seed chooses the order. All workers of a study must use the same.
	Seed uint64
}

// Sample returns a value of d in internal form. It fails if Values lacks the parameter or
// is not a valid grid, if the value is outside d, or if two values coincide in d.
func (s Grid) Sample(r Request, name string, d space.Dist) (float64, error) {
	g, err := grid.New(s.Values, s.Seed)
	if err != nil {
		return 0, err
	}
	values, ok := s.Values[name]
	if !ok {
		return 0, fmt.Errorf("Grid.Values has no %q, want values for every parameter", name)
	}
	cell := g.At(r.Trial.Number)
	if r.Trial.Number >= g.N {
		cell = g.Free(r.Trial.Number, slices.Concat(r.History.Finished(), r.Running()))
	}
	at := g.Index(cell, name)
	x, err := d.Internal(values[at])
	if err != nil {
		return 0, fmt.Errorf("Grid.Values[%q]: %w", name, err)
	}
	for i, v := range values { // with equal ones Left would count two combinations and trials try one
		if y, err := d.Internal(v); err == nil && i != at && y == x {
			return 0, fmt.Errorf("Grid.Values[%q] has %v at %d and %d, want each value of %v once",
				name, v, min(i, at), max(i, at), d)
		}
	}
	return x, nil
}

// Left returns how many combinations no trial of h has tried or is trying, or fewer
// while there are fewer trials than combinations. If Values is not a valid grid it is
// math.MaxInt, and Sample returns the reason.
func (s Grid) Left(h trial.History) int {
	g, err := grid.New(s.Values, s.Seed)
	if err != nil {
		return math.MaxInt
	}
	finished, running := h.Finished(), h.Running()
	if begun := len(finished) + len(running); begun < g.N {
		return g.N - begun
	}
	tried, unknown := map[int]bool{}, 0
	for _, t := range slices.Concat(finished, running) {
		if cell, ok := g.Of(t); ok {
			tried[cell] = true
		} else if t.State == trial.Running && len(t.Params) < len(s.Values) {
			unknown++ // it is about to take one
		}
	}
	return max(0, g.N-len(tried)-unknown)
}
