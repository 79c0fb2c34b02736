package storage

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A Checkpoint is the state of a training from which another worker can resume.
type Checkpoint struct {
	Step int    // the last step whose report belongs to it, ≥ 0
	Data []byte // at most MaxCheckpoint bytes
	Keep bool   // keep it after the trial has finished
}

// MaxCheckpoint is the largest size of a checkpoint's data, in bytes.
const MaxCheckpoint = 512 << 20

// An Update is a change to a trial, Running unless Replace or Start is set. The
// zero value of each field changes nothing.
type Update struct {
	Owner       string                     // fail with ErrLost unless this owner holds the lease; "": do not ask
	Renew       time.Duration              // extend the lease to this long from now
	Params      []trial.Param              // added; the first value of a name stays
	Reports     []trial.Report             // added; the first value of a step stays; Step ≥ 0
	Constraints map[string]float64         // added; the first value of a name stays; not NaN
	UserAttrs   map[string]json.RawMessage // set; the last value stays
	SystemAttrs map[string]json.RawMessage // set; the last value stays; constraints in Optuna's form are Constraints
	Checkpoint  *Checkpoint                // replaces the earlier one

	// State ends the trial (Complete, Pruned, Failed) or gives it back to the
	// queue (Waiting), which rewinds it to its checkpoint as Begin does.
	// Running, the zero value, changes nothing.
	State  trial.State
	Values []float64 // as Values of a trial in that state; no NaN

	// Replace and Start are for clients that write by Optuna's rules. With
	// Replace the last value of a parameter, step or constraint stays, and the
	// trial may be Waiting: it gathers values in the queue, or ends there and
	// starts at that moment.
	Replace bool

	// Start makes a Waiting trial Running, without a lease, and changes no value
	// that it has. On any other trial Write fails with ErrLost, or with
	// ErrFinished. State must be Running.
	Start bool
}

// Allows returns ErrFinished or ErrLost if the update must not change a trial in
// the state, which that owner runs ("": nobody).
func (u Update) Allows(state trial.State, owner string) error {
	switch {
	case state.Finished():
		return ErrFinished
	case u.Owner != "" && u.Owner != owner, u.Start && state != trial.Waiting,
		state == trial.Waiting && !u.Start && !u.Replace:
		return ErrLost
	}
	return nil
}

// Check returns an error that matches ErrInvalid if the update breaks a rule
// for studies with the given number of objectives.
func (u Update) Check(objectives int) error {
	if u.Start && u.State != trial.Running {
		return invalid("the state of a trial that starts is %v, want %v", u.State, trial.Running)
	}
	for _, r := range u.Reports {
		if r.Step < 0 {
			return invalid("step is %d, want at least 0", r.Step)
		}
	}
	if c := u.Checkpoint; c != nil && (c.Step < 0 || len(c.Data) > MaxCheckpoint) {
		return invalid("a checkpoint of %d bytes at step %d, want at most %d bytes and a step of at least 0",
			len(c.Data), c.Step, MaxCheckpoint)
	}
	for name, c := range u.Constraints {
		if math.IsNaN(c) {
			return invalid("constraint %q is NaN, want a number", name)
		}
	}
	for _, p := range u.Params {
		if err := CheckName("parameter name", p.Name); err != nil {
			return err
		}
		if err := checkParam(p); err != nil {
			return err
		}
	}
	for _, attrs := range []map[string]json.RawMessage{u.UserAttrs, u.SystemAttrs} {
		for key := range attrs {
			if err := CheckName("attribute key", key); err != nil {
				return err
			}
		}
	}
	if err := checkJSON(u.UserAttrs, u.SystemAttrs); err != nil {
		return err
	}
	for key, value := range u.SystemAttrs {
		if !sysattr.IsConstraint(key) {
			continue
		}
		constraints, _ := sysattr.Constraints(key, value) // checkJSON has read it
		for name, c := range constraints {
			if math.IsNaN(c) {
				return invalid("constraint %q is NaN, want a number", name)
			}
		}
	}
	return checkValues(u.State, u.Values, objectives)
}

// A StudyUpdate is a change to a study. The zero value of each field changes
// nothing.
type StudyUpdate struct {
	UserAttrs   map[string]json.RawMessage // set; the last value stays
	SystemAttrs map[string]json.RawMessage // set; the last value stays

	// If holds system attributes that must have these texts, or be absent if
	// the text is nil: who read them and computed the update from them learns
	// that they were changed meanwhile.
	If map[string]json.RawMessage
}

// Check returns an error that matches ErrInvalid if the update breaks a rule.
func (u StudyUpdate) Check() error {
	return Update{UserAttrs: u.UserAttrs, SystemAttrs: u.SystemAttrs}.Check(0)
}

// CheckIf returns an error that matches ErrChanged unless u.If holds for the
// system attributes of a study.
func (u StudyUpdate) CheckIf(systemAttrs map[string]json.RawMessage) error {
	for key, want := range u.If {
		if got, ok := systemAttrs[key]; ok != (want != nil) || string(got) != string(want) {
			return fmt.Errorf("attribute %q %w", key, ErrChanged)
		}
	}
	return nil
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrInvalid, fmt.Errorf(format, args...))
}

// CheckName returns an error that matches ErrInvalid unless name can be the
// name of a study, a parameter or an attribute: 1 to 512 bytes of UTF-8. In
// the error, what says which.
func CheckName(what, name string) error {
	switch {
	case name == "":
		return invalid("the %s is empty, want 1 to 512 bytes", what)
	case len(name) > 512:
		return invalid("the %s %.20q… has %d bytes, want at most 512", what, name, len(name))
	case !utf8.ValidString(name):
		return invalid("the %s %q is not UTF-8", what, name)
	}
	return nil
}

// checkJSON requires JSON as Python writes it.
func checkJSON(all ...map[string]json.RawMessage) error {
	for _, attrs := range all {
		for key, value := range attrs {
			if _, err := pyjson.Unmarshal(value); err != nil {
				return invalid("attribute %q: %w", key, err)
			}
		}
	}
	return nil
}

// checkParam requires what any program can read. Whether the value is in range
// is left to the engine, because Optuna lets queued values be out of range.
func checkParam(p trial.Param) error {
	err := error(nil)
	d, categorical := p.Dist.(space.Categorical)
	switch {
	case p.Dist == nil:
		err = errors.New("it has no distribution")
	case math.IsNaN(p.Value) || math.IsInf(p.Value, 0) || categorical && !d.Contains(p.Value):
		err = fmt.Errorf("its value is %v, want %v", p.Value, p.Dist)
	case categorical: // choices may have any type
		_, err = space.Marshal(d)
	}
	if err != nil {
		return invalid("parameter %q: %w", p.Name, err)
	}
	return nil
}

func checkValues(s trial.State, values []float64, objectives int) error {
	switch {
	case slices.ContainsFunc(values, math.IsNaN):
		return invalid("a value is NaN, want a number")
	case s > trial.Waiting:
		return invalid("%v is not a state", s)
	case s == trial.Complete && len(values) != objectives:
		return invalid("a %v trial has %d values, want %d", s, len(values), objectives)
	case s == trial.Pruned && len(values) > objectives:
		return invalid("a %v trial has %d values, want at most %d", s, len(values), objectives)
	case (s == trial.Failed || !s.Finished()) && len(values) > 0:
		return invalid("a %v trial has %d values, want none", s, len(values))
	}
	return nil
}

// additions returns the update that gives a new trial what t has.
func additions(t *trial.Trial) Update {
	return Update{Params: t.Params, Reports: t.Reports, Constraints: t.Constraints,
		UserAttrs: t.UserAttrs, SystemAttrs: t.SystemAttrs, State: t.State, Values: t.Values}
}

// unsigned returns u with 0 for each -0. It does not modify what u points to.
func unsigned(u Update) Update {
	u.Params = positive(u.Params, func(p *trial.Param) *float64 { return &p.Value })
	u.Reports = positive(u.Reports, func(r *trial.Report) *float64 { return &r.Value })
	u.Values = positive(u.Values, func(v *float64) *float64 { return v })
	u.Constraints = maps.Clone(u.Constraints)
	for name, x := range u.Constraints {
		u.Constraints[name] = x + 0
	}
	return u
}

// positive returns list, or if a number in it is -0 a copy with 0 instead.
func positive[T any](list []T, number func(*T) *float64) []T {
	for i := range list {
		if x := *number(&list[i]); x == 0 && math.Signbit(x) {
			list = slices.Clone(list)
			for j := range list {
				*number(&list[j]) += 0
			}
			break
		}
	}
	return list
}
