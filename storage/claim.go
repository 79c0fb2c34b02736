package storage

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A Claim is a worker's request for a trial.
type Claim struct {
	Lease
	Budget  int // how many trials of the study may begin, over all workers; 0: any number
	Seen    int // how many finished trials the caller will draw from; an orphan keeps its own number
	Orphans Orphans
	Slice   *Slice // what a scheduler has chosen; nil: the caller has none
}

// A Slice is the part of a training that a claim is for. Its end is kept in the system attribute
// bluefin:until.
type Slice struct {
	Number int // of the paused trial to resume; negative: a queued or a new one
	Until  int // the step at which the trial pauses; 0: it runs to its end
}

// Attrs returns which system attributes of t, which is Waiting, the claim sets and removes as it
// begins the trial. A queued trial that was interrupted in its slice keeps the end of it.
func (c Claim) Attrs(t *trial.Trial) (set map[string]json.RawMessage, remove []string) {
	if c.Slice == nil && len(t.SystemAttrs) == 0 {
		return nil, nil
	}
	_, cut := t.SystemAttrs[sysattr.Until]
	remove = []string{sysattr.Paused}
	switch {
	case c.Slice != nil && cut && !t.Paused():
	case c.Slice != nil && c.Slice.Until > 0:
		set = map[string]json.RawMessage{sysattr.Until: fmt.Append(nil, c.Slice.Until)}
	default:
		remove = append(remove, sysattr.Until)
	}
	return set, remove
}

// A Lease says who runs a trial, and until when. It is over when its time is up
// on the clock of the storage, or when its process is known to be gone.
type Lease struct {
	Owner    string        // a name that no other claim has; not empty
	Duration time.Duration // how long it lasts unless renewed
	Process  string        // the name of a process (internal/process) with which it also ends; "": none
}

// A Policy is a way to handle orphans.
type Policy uint8

const (
	// Resume restarts the trial under its number, from its checkpoint if it
	// has one.
	Resume Policy = iota

	// Retry fails the trial and queues a copy, as Optuna does. The copy is a
	// trial of its own and counts in a budget. It has the parameters and
	// attributes, and two more system attributes: failed_trial, the number of
	// the first trial, and retry_history, the numbers of all earlier ones.
	Retry

	// Fail fails the trial.
	Fail
)

// Orphans says what Begin does with Running trials whose lease is over.
type Orphans struct {
	Policy Policy

	// Limit is how often one trial is restarted after losing its worker before
	// it fails: its parameters may be what kills the worker. A checkpoint of a
	// later step resets the count. 0: ten times; negative: no limit.
	Limit int

	// Grace is how old the heartbeat of a trial that Optuna runs may be. Such a
	// trial then fails by Optuna's rules, and Retry queues a copy. A trial
	// without a heartbeat is left alone. 0: two minutes, twice the interval
	// that Optuna recommends.
	Grace time.Duration
}

// Allow reports whether a trial that was restarted that many times already may
// be restarted once more.
func (o Orphans) Allow(restarts int) bool {
	limit := o.Limit
	if limit == 0 {
		limit = 10
	}
	return limit < 0 || restarts < limit
}

// The system attributes in which Optuna keeps what a trial is a retry of.
const (
	failedTrial  = "failed_trial"  // the number of the first one
	retryHistory = "retry_history" // the numbers of all earlier ones
)

// Abandon returns the update that fails an orphan which was restarted that many
// times, and the copy to queue, which is nil if the policy wants none.
func (o Orphans) Abandon(t *trial.Trial, restarts int) (failed Update, retry *trial.Trial) {
	reason := "it lost its worker"
	if restarts > 0 {
		reason = fmt.Sprintf("it lost its worker %d times", restarts+1)
	}
	text, _ := json.Marshal(reason) // strings always marshal
	failed = Update{State: trial.Failed, SystemAttrs: map[string]json.RawMessage{sysattr.Failure: text}}

	var history []any
	if v, err := pyjson.Unmarshal(t.SystemAttrs[retryHistory]); err == nil {
		history, _ = v.([]any)
	}
	if o.Policy != Retry || !o.Allow(len(history)) {
		return failed, nil
	}
	attrs := map[string]json.RawMessage{failedTrial: fmt.Append(nil, t.Number)}
	maps.Copy(attrs, t.SystemAttrs) // a retry of a retry names the first trial
	maps.DeleteFunc(attrs, func(key string, _ json.RawMessage) bool {
		return sysattr.Reported(key) || key == sysattr.Failure || key == sysattr.Lease ||
			key == sysattr.Paused || key == sysattr.Until
	})
	attrs[retryHistory], _ = pyjson.Marshal(append(history, t.Number)) // numbers always marshal
	return failed, &trial.Trial{Number: -1, State: trial.Waiting,
		Params: slices.Clone(t.Params), UserAttrs: maps.Clone(t.UserAttrs), SystemAttrs: attrs}
}
