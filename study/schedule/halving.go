package schedule

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/trial"
)

// Halving is successive halving that pauses trials instead of stopping them: Li et al., "A System
// for Massively Parallel Hyperparameter Tuning" (2020, ASHA), with its rule of promotion. All trials
// climb one ladder of rungs, at the steps
//
//	MinResource · ReductionFactor^r, r = 0, 1, …
//
// and pause at each. A trial has the value of its first report at or after a rung. A free worker
// resumes a paused trial that is among the best ⌊n/ReductionFactor⌋ of the n trials that have a value
// at its rung, the highest rung first and the best trial first; if there is none, a new trial starts.
// No worker waits for others. A trial that looked poor may be resumed later, when enough others have
// turned out to be worse; pruner.SuccessiveHalving stops it for good.
//
// Once the budget allows no new trial, at least the best one of each rung is resumed, so one trial
// runs to its end. When nothing is left to resume, the search ends and the others stay paused.
type Halving struct {
	MinResource     int // the step of the first rung, ≥ 1; 0: 1
	ReductionFactor int // one in this many trials is resumed, ≥ 2; 0: 4

	// Brackets is from how many rungs trials start, ≥ 1: the first slice of a trial ends at rung 0, or
	// 1, … below Brackets, with the shares of Hyperband (Li et al., JMLR 18, 2018). So some trials are
	// not judged by their first steps. They compete on the same ladder, where Hyperband trains each
	// bracket by itself. At most MaxBrackets; 0: one.
	Brackets int
}

// Next returns the best trial to resume, or a new one. It is an error if a field is out of range or
// the study has several objectives.
func (s Halving) Next(v View) (Slice, error) {
	if err := s.check(); err != nil {
		return Slice{}, err
	}
	if n := len(v.History.Directions()); n != 1 {
		return Slice{}, fmt.Errorf("Halving is for studies with one objective, this one has %d", n)
	}
	if t, rung := s.promoted(v); t != nil {
		return Slice{Number: t.Number, Until: s.until(rung+1, v.Most)}, nil
	}
	if !v.New {
		return Slice{Number: Wait}, nil
	}
	return Slice{Number: Start, Until: s.until(s.bracket(v), v.Most)}, nil
}

// promoted returns the paused trial to resume and the last rung that it has reached, -1 for none; or
// nil.
func (s Halving) promoted(v View) (*trial.Trial, int) {
	d := v.History.Directions()[0]
	var rungs []rung
	paused := map[*trial.Trial]bool{}
	for _, t := range v.Paused {
		paused[t] = true
	}
	for _, t := range slices.Concat(v.History.Finished(), v.History.Running(), v.Paused) {
		s.climb(t, paused[t], &rungs)
	}
	first, _ := s.step(0)
	for _, t := range v.Paused { // such as one that another scheduler has paused
		if last, _ := t.LastReport(); last.Step < first {
			return t, -1
		}
	}
	for r := len(rungs) - 1; r >= 0; r-- {
		most := len(rungs[r].all) / s.factor()
		if !v.New {
			most = max(most, 1)
		}
		best := slices.SortedFunc(slices.Values(rungs[r].all), func(a, b placed) int {
			switch {
			case d.Better(a.value, b.value):
				return -1
			case d.Better(b.value, a.value):
				return 1
			}
			return a.trial.Number - b.trial.Number
		})
		for _, p := range best[:min(most, len(best))] {
			if p.waits && !math.IsNaN(p.value) {
				return p.trial, r
			}
		}
	}
	return nil, 0
}

// A rung holds the trials that have reached it.
type rung struct{ all []placed }

// A placed is a trial on a rung.
type placed struct {
	trial *trial.Trial
	value float64
	waits bool // paused, and on no higher rung
}

// climb adds a trial to the rungs that it has reached.
func (s Halving) climb(t *trial.Trial, paused bool, rungs *[]rung) {
	i := 0
	for r := 0; ; r++ {
		step, ok := s.step(r)
		for i < len(t.Reports) && t.Reports[i].Step < step {
			i++
		}
		if !ok || i == len(t.Reports) {
			if paused && r > 0 {
				all := (*rungs)[r-1].all
				all[len(all)-1].waits = true
			}
			return
		}
		if r == len(*rungs) {
			*rungs = append(*rungs, rung{})
		}
		(*rungs)[r].all = append((*rungs)[r].all, placed{trial: t, value: t.Reports[i].Value})
	}
}

// until returns the step of a rung as the end of a slice.
func (s Halving) until(rung, most int) int {
	step, ok := s.step(rung)
	if !ok || most > 0 && step >= most {
		return 0
	}
	return step
}

// step returns the step of a rung, and false if no int is that large.
func (s Halving) step(rung int) (int, bool) {
	step := max(s.MinResource, 1)
	for range rung {
		if step > math.MaxInt/s.factor() {
			return 0, false
		}
		step *= s.factor()
	}
	return step, true
}

// bracket draws the rung at which the first slice of a new trial ends.
func (s Halving) bracket(v View) int {
	n := max(s.Brackets, 1)
	if n == 1 {
		return 0
	}
	shares := make([]float64, n) // as those of pruner.Hyperband
	total := 0.0
	for i := range shares {
		rest := float64(n - 1 - i)
		shares[i] = math.Ceil(float64(n) * math.Pow(float64(s.factor()), rest) / (rest + 1))
		total += shares[i]
	}
	x := v.Rand.Float64() * total
	for i, share := range shares {
		if x -= share; x < 0 {
			return i
		}
	}
	return n - 1
}

func (s Halving) factor() int { return cmp.Or(s.ReductionFactor, 4) }

// MaxBrackets is the most that Halving.Brackets may be, so that the shares stay finite.
const MaxBrackets = 30

func (s Halving) check() error {
	var errs []error
	if s.MinResource < 0 {
		errs = append(errs, fmt.Errorf("Halving.MinResource is %d, want at least 0", s.MinResource))
	}
	if s.factor() < 2 {
		errs = append(errs, fmt.Errorf("Halving.ReductionFactor is %d, want at least 2", s.ReductionFactor))
	}
	if s.Brackets < 0 || s.Brackets > MaxBrackets {
		errs = append(errs, fmt.Errorf("Halving.Brackets is %d, want 0 to %d", s.Brackets, MaxBrackets))
	}
	return errors.Join(errs...)
}
