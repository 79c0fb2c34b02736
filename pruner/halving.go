package pruner

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/trial"
)

// SuccessiveHalving lets the best 1/ReductionFactor of the trials go on at each
// of a ladder of rungs, ReductionFactor times as many steps apart: Li et al., A
// System for Massively Parallel Hyperparameter Tuning, 2020 (ASHA), in Optuna's
// form, decision by decision. A trial is judged when it arrives, against those
// who came before it, and either goes on or stops for good; none is paused and
// promoted later. So the first to arrive always goes on.
//
// Rung r = 0, 1, … is due at the first report whose step is at least
//
//	MinResource · ReductionFactor^(MinEarlyStoppingRate + r)
//
// There the value of the report is put into the trial's system attribute
// completed_rung_<r>, and the trial goes on if its value is among the best
// ⌊n/ReductionFactor⌋, at least one, of the n values that trials in any state
// have at that rung, its own included; equal values go on together. A report
// may complete several rungs. A NaN report at a due rung stops the trial.
type SuccessiveHalving struct {
	// MinResource is the least number of steps of any trial, ≥ 1. 0 derives it
	// from the history: a hundredth of the last step of the trial that was the
	// first to finish as Complete with reports, at least 1; before there is
	// one nothing is pruned. (Optuna takes the longest Complete trial at the
	// moment it is first asked, which is the same trial unless several finish
	// in between, and guesses anew in every process. The first one never
	// changes, so that a resumed study keeps its rungs.)
	MinResource int

	ReductionFactor      int // one in so many trials goes on at each rung, ≥ 2; 0: 4
	MinEarlyStoppingRate int // leave out so many rungs at the lower end, ≥ 0

	// BootstrapCount is the number of trials to stop at each rung before any
	// may pass it, ≥ 0. It needs a MinResource.
	BootstrapCount int
}

// rungKey names the system attribute that holds a trial's value at a rung.
func rungKey(rung int) string { return sysattr.RungPrefix + strconv.Itoa(rung) }

// Prune says whether to stop t after its newest report, and which rungs it has
// completed by it. It is an error if a field is out of its range or the study
// has several objectives.
func (s SuccessiveHalving) Prune(h trial.History, t *trial.Trial) (Verdict, error) {
	d, err := direction(h, s.check())
	if err != nil {
		return Verdict{}, err
	}
	resource, ok := s.MinResource, true
	if resource == 0 {
		resource, ok = firstResource(h)
	}
	if !ok {
		return Verdict{}, nil
	}
	return s.judge(h, t, d, resource, everyone), nil
}

// judge is Prune for a known resource, among the trials that compete.
func (s SuccessiveHalving) judge(h trial.History, t *trial.Trial, d trial.Direction, resource int, competes func(number int) bool) Verdict {
	var v Verdict
	last, ok := t.LastReport()
	if !ok {
		return v
	}
	rung := 0
	for t.SystemAttrs[rungKey(rung)] != nil {
		rung++
	}
	for ; s.due(resource, rung, last.Step); rung++ {
		if math.IsNaN(last.Value) {
			v.Prune = true
			return v
		}
		if v.Attrs == nil {
			v.Attrs = map[string]json.RawMessage{}
		}
		v.Attrs[rungKey(rung)] = json.RawMessage(pyjson.Float(last.Value))
		if !s.passes(last.Value, rivals(h, t, rungKey(rung), competes), d) {
			v.Prune = true
			return v
		}
	}
	return v
}

func everyone(int) bool { return true }

func (s SuccessiveHalving) check() error {
	if s.BootstrapCount > 0 && s.MinResource == 0 {
		return fmt.Errorf("SuccessiveHalving.BootstrapCount is %d, want 0 when MinResource is 0 (derived from the history)", s.BootstrapCount)
	}
	return errors.Join(
		atLeast("SuccessiveHalving.MinResource", s.MinResource, 0),
		atLeast("SuccessiveHalving.ReductionFactor", s.factor(), 2),
		atLeast("SuccessiveHalving.MinEarlyStoppingRate", s.MinEarlyStoppingRate, 0),
		atLeast("SuccessiveHalving.BootstrapCount", s.BootstrapCount, 0),
	)
}

func (s SuccessiveHalving) factor() int { return or(s.ReductionFactor, 4) }

// due reports whether step ≥ resource·factor^(rate+rung), without computing
// the power, which may overflow.
func (s SuccessiveHalving) due(resource, rung, step int) bool {
	for range s.MinEarlyStoppingRate + rung {
		if resource > step/s.factor() {
			return false
		}
		resource *= s.factor()
	}
	return step >= resource
}

// passes reports whether a trial with the given value goes on past a rung that
// the others reached before it.
func (s SuccessiveHalving) passes(value float64, others []float64, d trial.Direction) bool {
	n := len(others) + 1
	if n <= s.BootstrapCount {
		return false
	}
	better := 0
	for _, o := range others {
		if d.Better(o, value) {
			better++
		}
	}
	return better < max(n/s.factor(), 1)
}

// rivals returns the values under key of the trials other than t that compete.
// Whatever is no number does not.
func rivals(h trial.History, t *trial.Trial, key string, competes func(number int) bool) []float64 {
	var values []float64
	for _, trials := range [][]*trial.Trial{h.Finished(), h.Running()} {
		for _, u := range trials {
			text, ok := u.SystemAttrs[key]
			if !ok || u.Number == t.Number || !competes(u.Number) {
				continue
			}
			if x, ok := number(text); ok {
				values = append(values, x)
			}
		}
	}
	return values
}

// number reads a JSON number as Python writes it, Infinity included; NaN
// compares with nothing and is none.
func number(text json.RawMessage) (float64, bool) {
	x, err := strconv.ParseFloat(string(text), 64)
	return x, (err == nil || errors.Is(err, strconv.ErrRange)) && !math.IsNaN(x)
}

// firstResource returns a hundredth of the steps of the first trial that
// finished as Complete with reports, at least 1, if there is one.
func firstResource(h trial.History) (int, bool) {
	last, ok := firstLastStep(h)
	return max(last/100, 1), ok
}

// firstLastStep returns the last step of the first trial that finished as
// Complete with reports, if there is one.
func firstLastStep(h trial.History) (int, bool) {
	t, ok := h.FirstReported()
	if !ok {
		return 0, false
	}
	last, _ := t.LastReport()
	return last.Step, true
}
