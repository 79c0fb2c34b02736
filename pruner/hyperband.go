package pruner

import (
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"strconv"

	"github.com/bluefin-hpo/bluefin/trial"
)

// Hyperband runs several SuccessiveHalvings side by side, from one that judges
// trials early to one that lets them run long, since nobody knows beforehand
// how early reports can be trusted: Li et al., Hyperband: A Novel Bandit-Based
// Approach to Hyperparameter Optimization (JMLR 18, 2018), in Optuna's form,
// decision by decision. A trial belongs to one bracket for good and competes
// only with trials of the same bracket.
//
// There are ⌊log_ReductionFactor(MaxResource/MinResource)⌋ + 1 brackets. (They
// are counted exactly; Optuna's logarithms of some whole powers, such as that
// of 243 to base 3, are rounded to just below, and it has one bracket fewer.)
// Bracket i = 0, 1, … is a SuccessiveHalving whose MinEarlyStoppingRate is i.
// Its share of the trials is proportional to
//
//	⌈brackets · ReductionFactor^s / (s+1)⌉ with s = brackets - 1 - i,
//
// and the trial's number decides, by a hash, so that all workers agree. As soon
// as MaxResource is known, a sampler draws for a trial from the history of its
// bracket alone: values that trials of one bracket were stopped with cannot be
// compared with those of another. (Optuna means to do so, but its own samplers
// read the whole history.)
type Hyperband struct {
	// StudyName goes into the hash. With the name of the study, the brackets
	// are those that Optuna's workers on the same study choose; any other name
	// gives another assignment with the same shares.
	StudyName string

	MinResource int // the least number of steps of any trial, ≥ 1; 0: 1

	// MaxResource is the number of steps of a whole trial, ≥ MinResource. 0
	// derives it from the history: 1 more than the last step of the trial that
	// was the first to finish as Complete with reports; before there is one
	// nothing is pruned. (Optuna takes the longest Complete trial at the moment
	// it is first asked, in every process anew. The first one never changes.)
	MaxResource int

	ReductionFactor int // one in so many trials goes on at each rung, ≥ 2; 0: 3

	// BootstrapCount is the number of trials to stop at each rung before any
	// may pass it, ≥ 0, in each bracket.
	BootstrapCount int
}

// Prune says whether to stop t after its newest report, and which rungs of its
// bracket it has completed by it. It is an error if a field is out of its range
// or the study has several objectives.
func (p Hyperband) Prune(h trial.History, t *trial.Trial) (Verdict, error) {
	d, err := direction(h, p.check())
	if err != nil {
		return Verdict{}, err
	}
	p = p.At(h)
	if p.MaxResource == 0 {
		return Verdict{}, nil
	}
	bracketOf := p.assignment()
	own := bracketOf(t.Number)
	halving := SuccessiveHalving{
		ReductionFactor:      p.factor(),
		MinEarlyStoppingRate: own,
		BootstrapCount:       p.BootstrapCount,
	}
	return halving.judge(h, t, d, or(p.MinResource, 1), func(number int) bool { return bracketOf(number) == own }), nil
}

// At returns p with the MaxResource that it has in the given history: the same,
// unless it was to be derived and there is a trial to derive it from.
func (p Hyperband) At(h trial.History) Hyperband {
	if p.MaxResource == 0 {
		if last, ok := firstLastStep(h); ok {
			p.MaxResource = max(last+1, or(p.MinResource, 1))
		}
	}
	return p
}

// Bracketing returns how the trials of a study are parted, so that a sampler
// sees the history of the bracket it draws for: by p.At(h), or nil while there
// is one bracket.
func (p Hyperband) Bracketing(h trial.History) Bracketing {
	if p = p.At(h); p.check() != nil || p.Brackets() == 1 {
		return nil
	}
	return p
}

// Brackets returns the number of brackets, 1 as long as MaxResource is 0. All
// fields must be in range.
func (p Hyperband) Brackets() int { return len(p.shares()) }

// Bracket returns the bracket of the trial with the given number, from 0 for
// the one that judges earliest, and 0 as long as MaxResource is 0. All fields
// must be in range.
func (p Hyperband) Bracket(number int) int { return p.assignment()(number) }

// assignment returns the function from a trial's number to its bracket.
func (p Hyperband) assignment() func(number int) int {
	shares := p.shares()
	total := uint64(0)
	for _, share := range shares {
		total += share
	}
	prefix := crc32.ChecksumIEEE([]byte(p.StudyName + "_"))
	var digits [20]byte
	return func(number int) int {
		text := strconv.AppendInt(digits[:0], int64(number), 10)
		rest := uint64(crc32.Update(prefix, crc32.IEEETable, text)) % total
		bracket := 0
		for ; rest >= shares[bracket]; bracket++ {
			rest -= shares[bracket]
		}
		return bracket
	}
}

// shares returns each bracket's share of the trials.
func (p Hyperband) shares() []uint64 {
	if p.MaxResource == 0 {
		return []uint64{1}
	}
	brackets, factor := 1, p.factor()
	for r := or(p.MinResource, 1); r <= p.MaxResource/factor; r *= factor {
		brackets++
	}
	shares := make([]uint64, brackets)
	for i := range shares {
		s := float64(brackets - 1 - i)
		shares[i] = uint64(math.Ceil(float64(brackets) * math.Pow(float64(factor), s) / (s + 1)))
	}
	return shares
}

func (p Hyperband) factor() int { return or(p.ReductionFactor, 3) }

func (p Hyperband) check() error {
	err := errors.Join(
		atLeast("Hyperband.MinResource", p.MinResource, 0),
		atLeast("Hyperband.MaxResource", p.MaxResource, 0),
		atLeast("Hyperband.ReductionFactor", p.factor(), 2),
		atLeast("Hyperband.BootstrapCount", p.BootstrapCount, 0),
	)
	if least := or(p.MinResource, 1); err == nil && p.MaxResource != 0 && p.MaxResource < least {
		err = fmt.Errorf("Hyperband.MaxResource is %d, want at least MinResource, which is %d, or 0", p.MaxResource, least)
	}
	return err
}
