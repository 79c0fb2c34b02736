package sampler

import (
	"fmt"

	"github.com/bluefin-hpo/bluefin/sampler/internal/halton"
	"github.com/bluefin-hpo/bluefin/sampler/internal/sobol"
	"github.com/bluefin-hpo/bluefin/space"
)

// A Sequence is one of the sequences that QMC draws from.
type Sequence uint8

const (
	// Sobol is best where the number of trials is a power of 2.
	Sobol Sequence = iota
	// Halton is for comparison; with more than about ten parameters its points
	// are less even.
	Halton
)

// String returns the name that Optuna gives the sequence.
func (s Sequence) String() string {
	if s == Halton {
		return "halton"
	}
	return "sobol"
}

// QMC draws points that fill the space more evenly than random ones do: quasi
// Monte Carlo. It learns nothing from the history. See Bousquet et al.,
// "Critical Hyper-Parameters: No Random, No Cry" (arXiv:1706.03200, 2017).
//
// The point of a trial is the one whose index is the trial's number, and the
// parameter that a trial suggests as its k-th takes coordinate k. So any number
// of workers share one sequence without talking to each other, from the first
// trial on, and a draw depends on nothing but the number of the trial and the
// place of the parameter; r.Rand is not used. (Optuna counts in the study, where
// parallel workers may get the same point, and draws its first trials at
// random.) For this to be even, objectives must suggest their parameters in the
// same order in every trial. Where some are conditional it stays even among the
// trials that have them, since a part of the unit cube holds an even part of
// the sequence.
//
// The zero value is the scrambled Sobol sequence.
type QMC struct {
	Sequence Sequence

	// Plain leaves the sequence unscrambled, as Optuna does by default: the
	// first trial has the lowest value of every parameter.
	Plain bool

	// Seed chooses one of many scrambled sequences. All workers of a study must
	// have the same.
	Seed uint64
}

// Sample returns a value of d in internal form. It is an error if the trial has
// more parameters than the sequence has dimensions, 1111, or if Sequence is
// unknown.
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
