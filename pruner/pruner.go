// Package pruner stops trials that will not become good. A pruner is asked
// after every report of a running trial, sees the history of the study and the
// trial with its reports, and answers with a trial.Verdict.
//
// Pruners are plain values without state: what one has to remember goes
// through Verdict.Attrs into the record of the trial, so that a restarted
// process, or another one on the same study, decides alike. They are safe for
// concurrent use. The zero value of each is Optuna's default; to prune nothing,
// have no pruner.
package pruner

import (
	"fmt"

	"github.com/bluefin-hpo/bluefin/trial"
)

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
