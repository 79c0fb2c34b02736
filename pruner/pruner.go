// Package pruner stops trials that will not become good. A pruner is asked
// after every report of a running trial, sees the history of the study and the
// trial with its reports, and answers with a Verdict.
//
// Pruners are plain values without state: what one has to remember goes
// through Verdict.Attrs into the record of the trial, so that a restarted
// process, or another one on the same study, decides alike. They are safe for
// concurrent use. The zero value of each is Optuna's default; to prune nothing,
// have no pruner.
package pruner

import (
	"encoding/json"
	"fmt"

	"github.com/bluefin-hpo/bluefin/trial"
)

// A Pruner says after each report whether the trial t should stop. The newest
// report is part of t; h may hold an older record of t among its running trials.
// The verdict is a function of the arguments. Prune is safe for concurrent use.
// Package prunertest has the suite that every pruner passes.
//
// An error ends the study's search, so it is for wrong settings only.
type Pruner interface {
	Prune(h trial.History, t *trial.Trial) (Verdict, error)
}

// A Verdict is a pruner's answer about a running trial.
type Verdict struct {
	Prune bool                       // stop the trial
	Attrs map[string]json.RawMessage // system attributes to save with the trial, for later verdicts
}

// A BracketPruner is a Pruner whose trials compete in brackets. The study then
// draws each trial from the history of its bracket.
type BracketPruner interface {
	Pruner

	// Bracketing returns how trials are split, nil if they are not. It must
	// change seldom as the history grows: every change gathers all brackets anew.
	Bracketing(h trial.History) Bracketing
}

// A Bracketing splits the trials of a study by number, as Hyperband does.
// Bracketings are compared with ==: equal ones split the same way.
type Bracketing interface {
	// Bracket returns the bracket of a trial, from 0.
	Bracket(number int) int
}

// direction returns the direction of the only objective, or an error if the
// settings have one. Reports are values of one objective, so there is no pruning
// for several.
func direction(h trial.History, settings error) (trial.Direction, error) {
	if n := len(h.Directions()); n != 1 {
		return 0, fmt.Errorf("the study has %d objectives, want 1: reports cannot be compared by several", n)
	}
	return h.Directions()[0], settings
}

// atLeast is the error for a field that is below its lowest value.
func atLeast(field string, value, low int) error {
	if value >= low {
		return nil
	}
	return fmt.Errorf("%s is %d, want at least %d", field, value, low)
}

// or returns x, or the default if x is 0.
func or(x, byDefault int) int {
	if x == 0 {
		return byDefault
	}
	return x
}
