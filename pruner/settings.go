package pruner

import (
	"fmt"

	"github.com/bluefin-hpo/bluefin/trial"
)

// direction returns the direction of the only objective, or the error of the settings. Reports are
// values of one objective, so several are an error too.
func direction(h trial.History, settings error) (trial.Direction, error) {
	if n := len(h.Directions()); n != 1 {
		return 0, fmt.Errorf("the study has %d objectives, want 1: reports cannot be compared by several, "+
			"except with Dominance or ByObjective", n)
	}
	return h.Directions()[0], settings
}

// atLeast returns an error if a setting is too low.
func atLeast(field string, value, low int) error {
	if value >= low {
		return nil
	}
	return fmt.Errorf("%s is %d, want at least %d", field, value, low)
}

// due reports whether the last report is past the warm-up and the first in its interval. Intervals
// are counted from the end of the warm-up, and 0 steps mean 1. There must be a report.
func due(reports []trial.Report, warmup, interval int) bool {
	i := len(reports) - 1
	past := reports[i].Step - warmup
	if past < 0 {
		return false
	}
	start := reports[i].Step - past%max(interval, 1)
	return i == 0 || reports[i-1].Step < start
}
