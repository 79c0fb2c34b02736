// Package storage says what a study needs from the place where it is kept, and
// has the reference implementation, Memory. Subpackage sqlite keeps studies in
// a file; subpackage storagetest is the suite that every implementation passes.
package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/space/pyjson"
	"github.com/bluefin-hpo/bluefin/trial"
)

// The errors of the contract. Implementations wrap them; test with errors.Is.
var (
	ErrExist    = errors.New("already exists")
	ErrNotExist = errors.New("does not exist")
	ErrFinished = errors.New("the trial has finished and cannot change any more")
	ErrLost     = errors.New("the trial does not belong to this worker")
	ErrBudget   = errors.New("the study has all the trials of its budget")
	ErrInvalid  = errors.New("invalid")
	ErrReadOnly = errors.New("the storage is read-only")
)

// A BudgetError is the error of Begin when the budget is used up. It matches
// ErrBudget.
type BudgetError struct {
	Study  string
	Budget int
	Leased int // how many trials are running under a lease
}

// Error implements error.
func (e *BudgetError) Error() string {
	return fmt.Sprintf("study %q: %v: %d", e.Study, ErrBudget, e.Budget)
}

// Unwrap returns ErrBudget.
func (e *BudgetError) Unwrap() error { return ErrBudget }

// A Study is what a storage knows of a study besides its trials.
type Study struct {
	ID          int64 // never the ID of another study, also after this one is deleted
	Name        string
	Directions  []trial.Direction // one for each objective, at least one
	UserAttrs   map[string]json.RawMessage
	SystemAttrs map[string]json.RawMessage
}

// A Storage keeps studies and their trials. Its methods are safe for
// concurrent use. What a method has done is durable and seen by every later
// call when the method returns nil; if it returns an error, nothing happened.
// An error of ctx ends a wait. A storage never shares memory that it or a
// caller may change; the trials it returns are the caller's to read only. Its
// numbers are float64 without -0, which becomes 0.
//
// The suite in package storagetest checks these rules.
type Storage interface {
	// Create adds a study. It fails with ErrExist if the name is taken and
	// with ErrInvalid if the name is empty or longer than 512 bytes, or there
	// is no direction.
	Create(ctx context.Context, name string, directions []trial.Direction) (Study, error)

	// Load returns the study called name, or fails with ErrNotExist.
	Load(ctx context.Context, name string) (Study, error)

	// Studies returns all studies by ID.
	Studies(ctx context.Context) ([]Study, error)

	// Delete removes the study and everything that belongs to it.
	Delete(ctx context.Context, study int64) error

	// SetUserAttr sets a user attribute of the study to JSON text.
	SetUserAttr(ctx context.Context, study int64, key string, value json.RawMessage) error

	// Add adds a trial that is not Running and returns its number. If
	// t.Number is negative that is the next one; otherwise t.Number must be
	// the next one, or Add fails with ErrExist. Seen, Start and End of t are
	// not used: a finished trial starts and ends now.
	Add(ctx context.Context, study int64, t *trial.Trial) (number int, err error)

	// Begin gives the caller a trial to run, in one atomic step: an orphan (a
	// Running trial whose lease is over, see Orphans); else a Waiting trial;
	// else a new one; of several the one with the lowest number. A Waiting
	// trial is begun and a new one is made only if fewer than c.Budget trials
	// have been begun; else Begin fails with a *BudgetError. Orphans that are not to
	// be begun again fail in any case.
	//
	// A trial that is begun again is put back to its checkpoint: reports of
	// later steps go, and the attributes that reports led to (trial.Reported)
	// are as they were then. Without a checkpoint all of them go, and the
	// constraints too. Parameters and other attributes stay.
	Begin(ctx context.Context, study int64, c Claim) (*trial.Trial, error)

	// Write changes a Running trial in one atomic step. It fails with
	// ErrFinished if the trial has finished, with ErrLost if it is Waiting or
	// if u.Owner is set and does not hold the lease, and with ErrInvalid if
	// the update breaks a rule of type Update.
	Write(ctx context.Context, study int64, number int, u Update) error

	// Checkpoint returns the last checkpoint of a trial, or fails with
	// ErrNotExist. A checkpoint goes when its trial finishes, unless it says
	// that it is to be kept.
	Checkpoint(ctx context.Context, study int64, number int) (Checkpoint, error)

	// Since returns the trials that have changed since the study had the
	// given revision, and perhaps some that have not; 0 gives all of them. Those
	// under a lease of one of the given owners are left out: whoever runs a trial
	// knows it, and reading it again after each report would cost the square of
	// their number. Since costs as much as it returns, not as much as the study
	// is long.
	Since(ctx context.Context, study, revision int64, except ...string) (Changes, error)

	// Trial returns one trial, or fails with ErrNotExist. What it costs does not
	// depend on how many others there are.
	Trial(ctx context.Context, study int64, number int) (*trial.Trial, error)

	// Extent returns how many trials the study has and when the first one
	// began, the zero time if none did. It reads no trial whole.
	Extent(ctx context.Context, study int64) (trials int, start time.Time, err error)

	// Best returns the trial that trial.History.Best would: the best Complete
	// and feasible one by the first objective. It fails with ErrNotExist if
	// there is none.
	Best(ctx context.Context, study int64) (*trial.Trial, error)

	// Close ends the use of the storage.
	Close() error
}

// A Claim is what Begin is asked.
type Claim struct {
	Lease
	Budget  int // how many trials the study may begin in all; 0: any number
	Seen    int // how many finished trials the caller will draw from; an orphan keeps its own
	Orphans Orphans
}

// A Policy says what becomes of an orphan.
type Policy uint8

const (
	// Resume begins it again under its number, from its checkpoint if it has
	// one, else from the start.
	Resume Policy = iota

	// Retry fails it and queues a copy, as Optuna does, which is a trial of its
	// own and counts in a budget like any other: with its parameters
	// and attributes, and with the system attributes failed_trial (the number
	// of the first one) and retry_history (the numbers of all before).
	Retry

	// Fail fails it.
	Fail
)

// DefaultLimit is the Limit of Orphans that have none set.
const DefaultLimit = 10

// Orphans says what Begin does with Running trials whose lease is over.
type Orphans struct {
	Policy Policy

	// Limit is how many times one trial may be begun again after its worker
	// has gone, before it fails: its parameters may be what kills the worker.
	// A checkpoint of a later step starts the count anew. 0: DefaultLimit; negative: any
	// number.
	Limit int

	// Grace is how old the heartbeat of a trial that Optuna runs may be. By
	// Optuna's rules such a trial then fails, and with Retry a copy is queued;
	// one without a heartbeat is never judged. 0: DefaultGrace.
	Grace time.Duration
}

// DefaultGrace is twice the interval of heartbeats that Optuna recommends.
const DefaultGrace = 2 * time.Minute

// Allow reports whether a trial that was begun again that many times already
// may be begun once more.
func (o Orphans) Allow(again int) bool {
	limit := o.Limit
	if limit == 0 {
		limit = DefaultLimit
	}
	return limit < 0 || again < limit
}

// A Checkpoint is the state of a training that another worker can go on from.
type Checkpoint struct {
	Step int    // the last step whose report belongs to it, at least 0
	Data []byte // at most MaxCheckpoint bytes
	Keep bool   // keep it when the trial has finished
}

// MaxCheckpoint is the largest size of a checkpoint's data, in bytes.
const MaxCheckpoint = 512 << 20

// A Lease says whose a Running trial is, and until when. It is over when its
// time has run out on the clock of the storage, or when its process is known
// to be gone.
type Lease struct {
	Owner    string        // a name that no other claim has; not empty
	Duration time.Duration // how long it lasts unless it is renewed
	Process  bool          // it also ends with the calling process
}

// An Update is a change to a Running trial. The zero value of each field
// changes nothing.
type Update struct {
	Owner       string                     // fail with ErrLost unless this owner holds the lease; "": do not ask
	Renew       time.Duration              // let the lease last this long from now
	Params      []trial.Param              // added; a name that is there already keeps its value
	Reports     []trial.Report             // added; a step that is there already keeps its value; Step ≥ 0
	Constraints map[string]float64         // added; a name that is there already keeps its value; not NaN
	UserAttrs   map[string]json.RawMessage // set, the last value stays
	SystemAttrs map[string]json.RawMessage // set, the last value stays

	Checkpoint *Checkpoint // set, in place of an earlier one

	// State ends the trial (Complete, Pruned, Failed) or gives it back to the
	// queue (Waiting), which puts it back to its checkpoint as Begin does.
	// Running is the zero value: the trial goes on.
	State  trial.State
	Values []float64 // as Values of a trial in that state; no NaN
}

// Changes are the answer of Since.
type Changes struct {
	Revision int64          // to give to the next call
	Trials   []*trial.Trial // the finished ones in finishing order, then the others by number
}

// CheckName returns an error that matches ErrInvalid unless name may be the
// name of a study, a parameter or an attribute. what says which, for the
// message.
func CheckName(what, name string) error {
	if name == "" {
		return fmt.Errorf("%w: the %s is empty, want 1 to 512 bytes", ErrInvalid, what)
	}
	if len(name) > 512 {
		return fmt.Errorf("%w: the %s %.20q… has %d bytes, want at most 512", ErrInvalid, what, name, len(name))
	}
	if !utf8.ValidString(name) {
		return fmt.Errorf("%w: the %s %q is not UTF-8", ErrInvalid, what, name)
	}
	return nil
}

// CheckAttr returns an error that matches ErrInvalid unless value is JSON, as
// Python writes it, and key may be its key.
func CheckAttr(key string, value json.RawMessage) error {
	if err := CheckName("attribute key", key); err != nil {
		return err
	}
	if _, err := pyjson.Unmarshal(value); err != nil {
		return fmt.Errorf("%w: attribute %q: %w", ErrInvalid, key, err)
	}
	return nil
}

// checkParam returns an error unless any program can read the parameter. That
// the value lies in the range is for the engine to see to: Optuna allows it
// not to.
func checkParam(p trial.Param) error {
	if p.Dist == nil {
		return errors.New("it has no distribution")
	}
	if d, ok := p.Dist.(space.Categorical); ok { // whose choices may be of any type
		if _, err := space.Marshal(d); err != nil {
			return err
		}
	}
	if _, ok := p.Dist.(space.Categorical); math.IsNaN(p.Value) || math.IsInf(p.Value, 0) || ok && !p.Dist.Contains(p.Value) {
		return fmt.Errorf("its value is %v, want %v", p.Value, p.Dist)
	}
	return nil
}

// CheckStudy returns an error that matches ErrInvalid unless a study may be
// created so.
func CheckStudy(name string, directions []trial.Direction) error {
	if len(directions) == 0 {
		return fmt.Errorf("%w: the study %q has no direction, want at least one", ErrInvalid, name)
	}
	return CheckName("study name", name)
}

// Check returns an error that matches ErrInvalid unless the update keeps the
// rules for a study with the given number of objectives.
func (u Update) Check(objectives int) error {
	for _, r := range u.Reports {
		if r.Step < 0 {
			return fmt.Errorf("%w: step is %d, want at least 0", ErrInvalid, r.Step)
		}
	}
	if c := u.Checkpoint; c != nil && (c.Step < 0 || len(c.Data) > MaxCheckpoint) {
		return fmt.Errorf("%w: a checkpoint of %d bytes at step %d, want at most %d bytes and a step of at least 0", ErrInvalid, len(c.Data), c.Step, MaxCheckpoint)
	}
	for name, c := range u.Constraints {
		if math.IsNaN(c) {
			return fmt.Errorf("%w: constraint %q is NaN, want a number", ErrInvalid, name)
		}
	}
	for _, p := range u.Params {
		if err := CheckName("parameter name", p.Name); err != nil {
			return err
		}
		if err := checkParam(p); err != nil {
			return fmt.Errorf("%w: parameter %q: %w", ErrInvalid, p.Name, err)
		}
	}
	for _, attrs := range []map[string]json.RawMessage{u.UserAttrs, u.SystemAttrs} {
		for key, value := range attrs {
			if err := CheckAttr(key, value); err != nil {
				return err
			}
		}
	}
	return checkValues(u.State, u.Values, objectives)
}

// CheckTrial returns an error that matches ErrInvalid unless Add may add t to
// a study with the given number of objectives.
func CheckTrial(t *trial.Trial, objectives int) error {
	if t.State == trial.Running {
		return fmt.Errorf("%w: the state of an added trial is %v, want another", ErrInvalid, t.State)
	}
	return Update{Params: t.Params, Reports: t.Reports, Constraints: t.Constraints, UserAttrs: t.UserAttrs,
		SystemAttrs: t.SystemAttrs, State: t.State, Values: t.Values}.Check(objectives)
}

func checkValues(s trial.State, values []float64, objectives int) error {
	switch {
	case slices.ContainsFunc(values, math.IsNaN):
		return fmt.Errorf("%w: a value is NaN, want a number", ErrInvalid)
	case s > trial.Waiting:
		return fmt.Errorf("%w: %v is no state", ErrInvalid, s)
	case s == trial.Complete && len(values) != objectives:
		return fmt.Errorf("%w: a %v trial has %d values, want %d", ErrInvalid, s, len(values), objectives)
	case s == trial.Pruned && len(values) > 1, (s == trial.Failed || !s.Finished()) && len(values) > 0:
		return fmt.Errorf("%w: a %v trial has %d values, want none", ErrInvalid, s, len(values))
	}
	return nil
}
