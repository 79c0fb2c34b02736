// Package trial describes what was tried: the record of one trial, and the history of a study as
// samplers and pruners see it. It has no behaviour of its own; package study runs trials.
package trial

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/space"
)

// A State is a stage of a trial's life. A Waiting trial is queued; a Running one belongs to a
// worker; the others are finished and never change.
type State uint8

// The states of a trial.
const (
	Running State = iota
	Complete
	Pruned
	Failed
	Waiting
)

var stateNames = [...]string{"RUNNING", "COMPLETE", "PRUNED", "FAIL", "WAITING"}

// String returns Optuna's name of the state, such as "COMPLETE".
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// Finished reports whether the state is Complete, Pruned or Failed.
func (s State) Finished() bool { return s == Complete || s == Pruned || s == Failed }

// ParseState is the inverse of State.String.
func ParseState(name string) (State, error) {
	if i := slices.Index(stateNames[:], name); i >= 0 {
		return State(i), nil
	}
	return 0, fmt.Errorf("state is %q, want one of %s", name, strings.Join(stateNames[:], ", "))
}

// A Direction says which values of an objective are better.
type Direction uint8

// The directions of an objective.
const (
	Minimize Direction = iota
	Maximize
)

// String returns "minimize" or "maximize".
func (d Direction) String() string {
	if d == Maximize {
		return "maximize"
	}
	return "minimize"
}

// ParseDirection is the inverse of Direction.String.
func ParseDirection(name string) (Direction, error) {
	switch name {
	case "minimize":
		return Minimize, nil
	case "maximize":
		return Maximize, nil
	}
	return 0, fmt.Errorf("direction is %q, want minimize or maximize", name)
}

// Better reports whether a is strictly better than b. Every number is better than NaN.
func (d Direction) Better(a, b float64) bool {
	if math.IsNaN(b) {
		return !math.IsNaN(a)
	}
	if d == Maximize {
		return a > b
	}
	return a < b
}

// A Param is one parameter of a trial.
type Param struct {
	Name  string
	Value float64 // internal form
	Dist  space.Dist
}

// External returns the value that the objective saw.
func (p Param) External() any { return p.Dist.External(p.Value) }

// A Report is an intermediate value of the objective.
type Report struct {
	Step  int // ≥ 0
	Value float64
}

// A Trial is the record of one trial: plain data, never modified once it is part of a History.
type Trial struct {
	Number      int // from 0, without gaps within a study
	State       State
	Params      []Param            // in the order in which they were suggested, each name once
	Values      []float64          // Complete: one per objective; Pruned: the last report, if any; else none
	Reports     []Report           // by increasing step, each step once
	Constraints map[string]float64 // the trial is feasible if none is above 0
	UserAttrs   map[string]json.RawMessage
	SystemAttrs map[string]json.RawMessage

	// Joint holds what was drawn jointly for a Running trial, by name, in internal form, including
	// values that are not among Params yet. nil: nothing, or unknown.
	Joint map[string]float64

	Seen  int       // number of trials that had finished at Start: it was drawn from Finished()[:Seen]
	Start time.Time // zero while Waiting
	End   time.Time // zero until finished
}

// Failure returns why the trial failed or is infeasible, or "" if it did not or the reason is unknown.
func (t *Trial) Failure() string {
	var reason string
	if err := json.Unmarshal(t.SystemAttrs[sysattr.Failure], &reason); err != nil {
		return ""
	}
	return reason
}

// Infeasible reports whether the objective said that the parameters cannot run, as study.ErrInfeasible
// does. A trial that violates other constraints ran.
func (t *Trial) Infeasible() bool { return t.State == Pruned && t.Constraints[sysattr.Infeasible] > 0 }

// Paused reports whether the trial waits to be resumed from a checkpoint by a scheduler. It has the
// reports up to there. A Waiting trial that is not paused is queued.
func (t *Trial) Paused() bool {
	_, ok := t.SystemAttrs[sysattr.Paused]
	return ok && t.State == Waiting
}

// Steps returns how many steps the trial has trained, as its reports tell: its last step, or one more
// if it reported a step 0.
func (t *Trial) Steps() int {
	switch last, ok := t.LastReport(); {
	case !ok:
		return 0
	case t.Reports[0].Step == 0:
		return last.Step + 1
	default:
		return last.Step
	}
}

// Param returns a parameter and whether the trial has it.
func (t *Trial) Param(name string) (Param, bool) {
	for _, p := range t.Params {
		if p.Name == name {
			return p, true
		}
	}
	return Param{}, false
}

// Drawn returns the value of a parameter, in internal form, and whether the trial has it, or has
// drawn it jointly and not suggested it yet.
func (t *Trial) Drawn(name string) (float64, bool) {
	if p, ok := t.Param(name); ok {
		return p.Value, true
	}
	x, ok := t.Joint[name]
	return x, ok
}

// Space returns the parameters of the trial with their distributions.
func (t *Trial) Space() space.Space {
	s := make(space.Space, len(t.Params))
	for i, p := range t.Params {
		s[i] = space.Dimension{Name: p.Name, Dist: p.Dist}
	}
	slices.SortFunc(s, func(a, b space.Dimension) int { return strings.Compare(a.Name, b.Name) })
	return s
}

// LastReport returns the report with the highest step, if there is one.
func (t *Trial) LastReport() (Report, bool) {
	if len(t.Reports) == 0 {
		return Report{}, false
	}
	return t.Reports[len(t.Reports)-1], true
}

// Violation returns the sum of the constraints above 0. It is 0 if and only if the trial is
// feasible.
func (t *Trial) Violation() float64 {
	sum := 0.0
	for _, c := range t.Constraints {
		sum += max(c, 0)
	}
	return sum
}

// Duration returns how long the trial took, without the time for which it was paused; 0 if it has not
// finished.
func (t *Trial) Duration() time.Duration {
	if t.Start.IsZero() || t.End.IsZero() {
		return 0
	}
	return t.Worked() + t.End.Sub(t.Start)
}

// Worked returns how long the trial had run when it last paused, 0 if it never did.
func (t *Trial) Worked() time.Duration {
	var seconds float64
	if text, ok := t.SystemAttrs[sysattr.Seconds]; !ok || json.Unmarshal(text, &seconds) != nil || !(seconds > 0) {
		return 0
	}
	return time.Duration(min(seconds, math.MaxInt64/2e9) * float64(time.Second))
}
