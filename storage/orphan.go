package storage

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/bluefin-hpo/bluefin/space/pyjson"
	"github.com/bluefin-hpo/bluefin/trial"
)

// The system attributes in which Optuna keeps what a trial is a retry of.
const (
	failedTrial  = "failed_trial"  // the number of the first one
	retryHistory = "retry_history" // the numbers of all before
)

// AbandonedAttrs are the system attributes of an orphan that fails after it
// was begun again that many times. It is for implementations of Storage.
func AbandonedAttrs(again int) map[string]json.RawMessage {
	reason := "its worker has gone"
	if again > 0 {
		reason = fmt.Sprintf("its worker has gone, %d times in all", again+1)
	}
	text, _ := json.Marshal(reason) // a string always has JSON
	return map[string]json.RawMessage{trial.FailureKey: text}
}

// RetryOf returns the copy of an orphan that the policy wants to be queued, or
// nil if it wants none. It is for implementations of Storage.
func RetryOf(t *trial.Trial, o Orphans) *trial.Trial {
	history := retriesOf(t)
	if o.Policy != Retry || !o.Allow(len(history)) {
		return nil
	}
	history = append(history, t.Number)
	text, _ := pyjson.Marshal(history) // a list of ints always has JSON
	attrs := maps.Clone(t.SystemAttrs)
	if attrs == nil {
		attrs = map[string]json.RawMessage{}
	}
	maps.DeleteFunc(attrs, func(key string, _ json.RawMessage) bool { return trial.Reported(key) || key == trial.FailureKey })
	attrs[retryHistory] = text
	if _, ok := attrs[failedTrial]; !ok {
		attrs[failedTrial] = json.RawMessage(fmt.Sprint(t.Number))
	}
	return &trial.Trial{Number: -1, State: trial.Waiting, Params: slices.Clone(t.Params), UserAttrs: maps.Clone(t.UserAttrs), SystemAttrs: attrs}
}

// retriesOf returns the numbers of the trials that t is a retry of.
func retriesOf(t *trial.Trial) []any {
	v, err := pyjson.Unmarshal(t.SystemAttrs[retryHistory])
	if err != nil {
		return nil
	}
	history, _ := v.([]any)
	return history
}
