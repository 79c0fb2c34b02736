package pruner

import (
	"cmp"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"strconv"

	"github.com/bluefin-hpo/bluefin/trial"
)

// Hyperband runs several SuccessiveHalvings side by side, from one that judges trials early to one
// that lets them run long, because how far to trust early reports is unknown in advance: Li et al.,
// "Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization" (JMLR 18, 2018),
// decision by decision as in Optuna. Each trial belongs to one bracket and competes only there.
//
// There are ⌊log_ReductionFactor(MaxResource/MinResource)⌋ + 1 brackets. Bracket i = 0, 1, … is a
// SuccessiveHalving whose MinEarlyStoppingRate is i. A hash of the trial's number assigns it to a
// bracket, with probabilities proportional to
//
//	⌈brackets · ReductionFactor^s / (s+1)⌉ with s = brackets - 1 - i
//
// Once MaxResource is known, samplers see only the history of the trial's bracket: values of trials
// that were stopped in different brackets cannot be compared.
type Hyperband struct {
	// StudyName goes into the hash. With the name of the study, the brackets are those that
	// Optuna's workers on the same study choose.
	StudyName string

	MinResource int // the least number of steps of any trial, ≥ 1; 0: 1

	// MaxResource is the number of steps of a full trial, ≥ MinResource. 0 derives it from the
	// first trial to finish as Complete with reports: its last step plus 1. Before there is one,
	// nothing is pruned.
	MaxResource int

	ReductionFactor int // one in this many trials passes each rung, ≥ 2; 0: 3

	// BootstrapCount is the number of trials of each bracket to stop at each rung before any may
	// pass it, ≥ 0.
	BootstrapCount int
}

// Prune decides whether to stop t after its newest report, and notes the rungs of its bracket that
// this report completes. It is an error if a field is out of range or the study has several
// objectives.
func (p Hyperband) Prune(h trial.History, t *trial.Trial) (Verdict, error) {
	d, err := direction(h, p.check())
	if err != nil {
		return Verdict{}, err
	}
	b := p.brackets(h)
	if b.n == 0 {
		return Verdict{}, nil
	}
	own := b.Bracket(t.Number)
	halving := SuccessiveHalving{
		MinResource:          max(p.MinResource, 1),
		ReductionFactor:      p.factor(),
		MinEarlyStoppingRate: own,
		BootstrapCount:       p.BootstrapCount,
	}
	return halving.judge(h, t, d, func(number int) bool { return b.Bracket(number) == own }), nil
}

// Bracketing returns the brackets as a function of the trial's number, or nil while there is only
// one because MaxResource is unknown or small.
func (p Hyperband) Bracketing(h trial.History) Bracketing {
	if p.check() == nil {
		if b := p.brackets(h); b.n > 1 {
			return b
		}
	}
	return nil
}

// brackets are the brackets of a study.
type brackets struct {
	n      int
	name   uint32     // the checksum of the study's name, with which the hash begins
	shares [63]uint64 // of the first n brackets: their shares of the trials
	total  uint64     // the sum of the shares
}

// brackets returns the brackets, none if MaxResource is not known yet. All fields must be in range.
func (p Hyperband) brackets(h trial.History) (b brackets) {
	low, high, factor := max(p.MinResource, 1), p.MaxResource, p.factor()
	if high == 0 {
		last, ok := firstLastStep(h)
		if !ok {
			return b
		}
		high = max(last+1, low)
	}
	b.n = 1
	for r := low; r <= high/factor; r *= factor {
		b.n++
	}
	for i := range b.n {
		s := float64(b.n - 1 - i)
		b.shares[i] = uint64(math.Ceil(float64(b.n) * math.Pow(float64(factor), s) / (s + 1)))
		b.total += b.shares[i]
	}
	b.name = crc32.ChecksumIEEE([]byte(p.StudyName + "_"))
	return b
}

// Bracket returns the bracket of the trial with the given number, 0 for the one that judges
// earliest.
func (b brackets) Bracket(number int) (bracket int) {
	hash := ^b.name // continued by hand, since crc32.Update allocates
	for _, c := range strconv.AppendInt(make([]byte, 0, 20), int64(number), 10) {
		hash = crc32.IEEETable[byte(hash)^c] ^ hash>>8
	}
	rest := uint64(^hash) % b.total
	for ; rest >= b.shares[bracket]; bracket++ {
		rest -= b.shares[bracket]
	}
	return bracket
}

func (p Hyperband) factor() int { return cmp.Or(p.ReductionFactor, 3) }

func (p Hyperband) check() error {
	err := errors.Join(
		atLeast("Hyperband.MinResource", p.MinResource, 0),
		atLeast("Hyperband.MaxResource", p.MaxResource, 0),
		atLeast("Hyperband.ReductionFactor", p.factor(), 2),
		atLeast("Hyperband.BootstrapCount", p.BootstrapCount, 0),
	)
	if least := max(p.MinResource, 1); err == nil && p.MaxResource != 0 && p.MaxResource < least {
		err = fmt.Errorf("Hyperband.MaxResource is %d, want at least MinResource, which is %d, or 0",
			p.MaxResource, least)
	}
	return err
}
