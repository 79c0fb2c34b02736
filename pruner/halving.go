package pruner

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/trial"
)

// SuccessiveHalving lets the best 1/ReductionFactor of the trials pass each of a ladder of rungs,
// which are ReductionFactor times as many steps apart each time: Li et al., "A System for Massively
// Parallel Hyperparameter Tuning" (2020, ASHA), decision by decision as in Optuna. A trial is
// judged when it arrives, against those that came before it, and continues or stops for good; so
// the first to arrive always passes. Rung r = 0, 1, … is due at the first report whose step is at
// least
//
//	MinResource · ReductionFactor^(MinEarlyStoppingRate + r)
//
// The system attribute completed_rung_<r> keeps the report's value. The trial passes if its value
// is among the best ⌊n/ReductionFactor⌋, at least one, of the n values that trials in any state
// have at that rung; equal values pass together. A NaN report at a rung stops the trial.
type SuccessiveHalving struct {
	// MinResource is the least number of steps of any trial, ≥ 1. 0 derives it from the first
	// trial to finish as Complete with reports: a hundredth of its last step, at least 1. Before
	// there is one, nothing is pruned.
	MinResource int

	ReductionFactor      int // one in this many trials passes each rung, ≥ 2; 0: 4
	MinEarlyStoppingRate int // leave out this many of the lowest rungs, ≥ 0

	// BootstrapCount is the number of trials to stop at each rung before any may pass it, ≥ 0. It
	// needs a MinResource.
	BootstrapCount int
}

// Prune decides whether to stop t after its newest report, and notes the rungs that this report
// completes. It is an error if a field is out of range or the study has several objectives.
func (s SuccessiveHalving) Prune(h trial.History, t *trial.Trial) (Verdict, error) {
	d, err := direction(h, s.check())
	if err != nil {
		return Verdict{}, err
	}
	if s.MinResource == 0 {
		last, ok := firstLastStep(h)
		if !ok {
			return Verdict{}, nil
		}
		s.MinResource = max(last/100, 1)
	}
	return s.judge(h, t, d, func(int) bool { return true }), nil
}

// judge is Prune with a known MinResource, among the trials that compete.
func (s SuccessiveHalving) judge(
	h trial.History, t *trial.Trial, d trial.Direction, competes func(number int) bool,
) (v Verdict) {
	last, ok := t.LastReport()
	if !ok {
		return v
	}
	rung := 0
	for t.SystemAttrs[rungKey(rung)] != nil {
		rung++
	}
	for ; s.due(rung, last.Step); rung++ {
		if math.IsNaN(last.Value) {
			v.Prune = true
			return v
		}
		if v.Attrs == nil {
			v.Attrs = map[string]json.RawMessage{}
		}
		v.Attrs[rungKey(rung)] = json.RawMessage(pyjson.Float(last.Value))
		n, better := 1, 0 // of the values at this rung
		for x := range rivals(h, t, rungKey(rung), competes) {
			n++
			if d.Better(x, last.Value) {
				better++
			}
		}
		if n <= s.BootstrapCount || better >= max(n/s.factor(), 1) {
			v.Prune = true
			return v
		}
	}
	return v
}

func (s SuccessiveHalving) check() error {
	if s.BootstrapCount > 0 && s.MinResource == 0 {
		return fmt.Errorf("SuccessiveHalving.BootstrapCount is %d, "+
			"want 0 when MinResource is 0 (derived from the history)", s.BootstrapCount)
	}
	return errors.Join(
		atLeast("SuccessiveHalving.MinResource", s.MinResource, 0),
		atLeast("SuccessiveHalving.ReductionFactor", s.factor(), 2),
		atLeast("SuccessiveHalving.MinEarlyStoppingRate", s.MinEarlyStoppingRate, 0),
		atLeast("SuccessiveHalving.BootstrapCount", s.BootstrapCount, 0),
	)
}

func (s SuccessiveHalving) factor() int { return cmp.Or(s.ReductionFactor, 4) }

// due reports whether step ≥ MinResource·factor^(rate+rung), without computing the power, which may
// overflow.
func (s SuccessiveHalving) due(rung, step int) bool {
	resource := s.MinResource
	for range s.MinEarlyStoppingRate + rung {
		if resource > step/s.factor() {
			return false
		}
		resource *= s.factor()
	}
	return step >= resource
}

// rungKey names the system attribute that holds a trial's value at a rung.
func rungKey(rung int) string { return sysattr.RungPrefix + strconv.Itoa(rung) }

// rivals yields the numbers under key of the trials other than t that compete. They are written as
// Python does, Infinity included; NaN compares with nothing and is left out.
func rivals(h trial.History, t *trial.Trial, key string, competes func(number int) bool) iter.Seq[float64] {
	return func(yield func(float64) bool) {
		for _, trials := range [][]*trial.Trial{h.Finished(), h.Running()} {
			for _, u := range trials {
				text, ok := u.SystemAttrs[key]
				if !ok || u.Number == t.Number || !competes(u.Number) {
					continue
				}
				x, err := strconv.ParseFloat(string(text), 64)
				if (err == nil || errors.Is(err, strconv.ErrRange)) && !math.IsNaN(x) && !yield(x) {
					return
				}
			}
		}
	}
}

// firstLastStep returns the last step of the first trial that finished as Complete with reports.
// That trial never changes, so a resumed study keeps its rungs.
func firstLastStep(h trial.History) (int, bool) {
	t, ok := h.FirstReported()
	if !ok {
		return 0, false
	}
	last, _ := t.LastReport()
	return last.Step, true
}
