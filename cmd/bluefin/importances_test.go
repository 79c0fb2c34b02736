package main

import (
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/trial"
)

// Tables show three decimals, the other formats all digits; names of others do no harm.
func TestImportancesOfAMixedStudy(t *testing.T) {
	file := mixedStudy(t, 300, trial.Minimize, trial.Maximize)
	for _, args := range [][]string{nil, {"--objective", "1"}, {"--method", "fanova"}} {
		args = append([]string{"importances", "--storage", string(file), "-q", "--resamples", "20"}, args...)
		table, csv := bluefin(t, args...), bluefin(t, append(args, "-f", "csv")...)
		if lines := strings.Count(table, "\n"); lines != 7 {
			t.Errorf("%v: the table has %d lines, want 3 parameters\n%s", args, lines, table)
		}
		if !strings.Contains(csv, "\n\"lr, \"\"q\"\"\",") || strings.Count(csv, "\n") != 4 {
			t.Errorf("%v: %s", args, csv)
		}
	}
}
