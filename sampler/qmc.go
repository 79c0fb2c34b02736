package sampler

import (
	"fmt"

	"github.com/bluefin-hpo/bluefin/sampler/internal/halton"
	"github.com/bluefin-hpo/bluefin/sampler/internal/sobol"
	"github.com/bluefin-hpo/bluefin/space"
)

// A Sequence is one that QMC draws from.
type Sequence uint8

const (
	// Sobol is best where the number of trials is a power of 2.
	Sobol Sequence = iota
	// Halton is for comparison; with more than about ten parameters its points are
	// less even.
	Halton
)

// String returns Optuna's name of the sequence.
func (s Sequence) String() string {
	if s == Halton {
		return "halton"
	}
	return "sobol"
}

// QMC draws quasi-random points, which fill the space more evenly than random ones. It
// learns nothing from the history. A trial takes the point whose index is its number,
// and its k-th parameter takes coordinate k, so any number of workers share one sequence
// without communication. For the points to be even, objectives must suggest their
// parameters in the same order in every trial. QMC does not use Request.Rand.
//
// The zero value is the scrambled Sobol sequence. See Bousquet et al., "Critical
// Hyper-Parameters: No Random, No Cry" (arXiv:1706.03200, 2017), and docs/samplers.md.
type QMC struct {
	Sequence Sequence

	// Plain leaves the sequence unscrambled, as Optuna does by default: the first
	// trial has the lowest value of every parameter.
	Plain bool

	// Seed chooses one of many scrambled sequences. All workers of a study must use
	// the same.
	Seed uint64
}

// Sample returns a value of d in internal form. It fails if the trial has more
// parameters than the sequence has dimensions, 1111, or if Sequence is unknown.
func (s QMC) Sample(r Request, name string, d space.Dist) (float64, error) {
	dim, index := len(r.Trial.Params), uint64(r.Trial.Number)
	if limit := min(sobol.MaxDim, halton.MaxDim); dim >= limit {
		return 0, fmt.Errorf("QMC draws %q as parameter %d, want at most %d", name, dim+1, limit)
	}
	switch s.Sequence {
	case Sobol:
		var scramble *sobol.Scramble
		if !s.Plain {
			scramble = &sobol.Scramble{Seed: s.Seed}
		}
		return d.Value(sobol.At(index, dim, scramble)), nil
	case Halton:
		var scramble *halton.Scramble
		if !s.Plain {
			scramble = &halton.Scramble{Seed: s.Seed}
		}
		return d.Value(halton.At(index, dim, scramble)), nil
	}
	return 0, fmt.Errorf("QMC.Sequence is %d, want Sobol (%d) or Halton (%d)", s.Sequence, Sobol, Halton)
}
