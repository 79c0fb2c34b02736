package pruner

import (
	"encoding/json"

	"github.com/bluefin-hpo/bluefin/trial"
)

// A Pruner decides after each report of the running trial t whether it should stop. The verdict is
// a function of the arguments. Prune is safe for concurrent use. The package documentation lists
// the rules and what the engine guarantees.
type Pruner interface {
	Prune(h trial.History, t *trial.Trial) (Verdict, error)
}

// A Verdict is a pruner's decision about a running trial.
type Verdict struct {
	Prune bool                       // stop the trial
	Attrs map[string]json.RawMessage // system attributes to save with the trial, for later verdicts
}

// A BracketPruner is a Pruner whose trials compete in brackets. The study then draws each trial
// from the history of its bracket.
type BracketPruner interface {
	Pruner

	// Bracketing returns how the trials are split, nil if they are not. It should rarely change as
	// the history grows: after each change all trials are split again.
	Bracketing(h trial.History) Bracketing
}

// A Bracketing splits the trials of a study by number, as Hyperband does. Bracketings are compared
// with ==: equal ones split in the same way.
type Bracketing interface {
	// Bracket returns the bracket of a trial, from 0.
	Bracket(number int) int
}
