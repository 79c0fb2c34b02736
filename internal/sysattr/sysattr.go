// Package sysattr names the system attributes, of trials unless they say otherwise, that several packages use.
package sysattr

import "strings"

const (
	// Failure says why a trial failed: a JSON string.
	Failure = "bluefin:failure"

	// Infeasible is the name of the constraint, no attribute, of a trial whose parameters cannot run.
	Infeasible = "infeasible"

	// FixedParams holds the parameters of a queued trial, as in Optuna: a JSON object of external
	// values.
	FixedParams = "fixed_params"

	// RungPrefix is the prefix of the attributes with a trial's value at each rung of successive
	// halving, as in Optuna.
	RungPrefix = "completed_rung_"

	// ReportPrefix is the prefix of the attributes with what a trial of several objectives reports, by
	// step: a JSON list with the value of each objective. They are no reports of Optuna's, since its TPE
	// fails on pruned trials of several objectives that have some.
	ReportPrefix = "bluefin:report_"

	// Verdict is the pruner's verdict on the last report of a detached trial: a JSON object.
	Verdict = "bluefin:verdict"

	// Lease is how long a report of a detached trial extends its lease, in seconds: a JSON number.
	Lease = "bluefin:lease"

	// Paused is the step at which a Waiting trial paused: a JSON number. A queued trial has none, and
	// on a trial in another state it means nothing.
	Paused = "bluefin:paused"

	// Seconds is how long a trial had trained when it last paused: a JSON number.
	Seconds = "bluefin:seconds"

	// Until is the step at which a trial of a scheduler pauses next: a JSON number.
	Until = "bluefin:until"

	// Repeat is the trial that a trial repeats, and which of its repetitions this is: a JSON object.
	Repeat = "bluefin:repeat"

	// Repeats, of a study, says that it has trials with Repeat: a JSON true.
	Repeats = "bluefin:repeats"

	// Stop, of a study, is when all its workers were last asked to stop: a JSON string that is
	// different each time.
	Stop = "bluefin:stop"

	// Plan, of a study, is how its trials run, for workers: a JSON string with the text of a study.yaml.
	Plan = "bluefin:plan"

	// Beliefs, of a study, is where good values of its parameters probably are: a JSON object by
	// parameter, see package study.
	Beliefs = "bluefin:beliefs"

	// Earlier, of a study, holds copies of the earlier studies that teach it: a JSON object.
	Earlier = "bluefin:earlier"
)

// Reported reports whether an attribute has reports of a trial or was computed from them, and so must
// be removed when the trial starts over.
func Reported(key string) bool {
	return strings.HasPrefix(key, RungPrefix) || strings.HasPrefix(key, ReportPrefix) || key == Verdict
}
