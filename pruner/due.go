package pruner

import "github.com/bluefin-hpo/bluefin/trial"

// due reports whether the last of the reports, of which there is one, is past
// the warm-up and the first in its interval of steps, counted from there; an
// interval of 0 is 1.
func due(reports []trial.Report, warmup, interval int) bool {
	i := len(reports) - 1
	past := reports[i].Step - warmup
	if past < 0 {
		return false
	}
	start := reports[i].Step - past%or(interval, 1)
	return i == 0 || reports[i-1].Step < start
}
