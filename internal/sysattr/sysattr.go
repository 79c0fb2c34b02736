// Package sysattr names the system attributes of trials that several packages read.
package sysattr

import "strings"

const (
	// Failure says why a trial failed: a JSON string.
	Failure = "bluefin:failure"

	// FixedParams holds the parameters of a queued trial, as Optuna does: a JSON
	// object of external values.
	FixedParams = "fixed_params"

	// RungPrefix begins the attributes in which successive halving keeps a
	// trial's value at each rung, as Optuna does.
	RungPrefix = "completed_rung_"
)

// Reported tells whether an attribute follows from the reports of a trial, so
// that it must go when the trial starts over.
func Reported(key string) bool { return strings.HasPrefix(key, RungPrefix) }
