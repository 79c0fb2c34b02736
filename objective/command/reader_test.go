//go:build unix

package command_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/command"
	"github.com/bluefin-hpo/bluefin/trial"
)

// log returns a logger and what it has logged, a line for each message.
func log() (*slog.Logger, *bytes.Buffer) {
	var text bytes.Buffer
	return slog.New(slog.NewTextHandler(&text, nil)), &text
}

// The source of the metric is that of earlier searches, if it is still there.
func TestTheSourceIsRemembered(t *testing.T) {
	folder := t.TempDir()
	const state = `echo '{"log_history": [{"loss": 0.25, "step": 4}]}' > "$BLUEFIN_TRIAL_DIR/trainer_state.json"; `
	for _, c := range []struct {
		script, reader, want, steps string
	}{
		{`echo loss=0.5`, "", "msg=\"found the metric\" metric=loss source=text", "0:0.5"},
		{state + `echo loss=0.5; echo loss=0.25`, "", `msg="found the metric where earlier trials had it" metric=loss source=text`, "0:0.5 1:0.25"},
		{state + `true`, "", `msg="the metric is not where earlier trials had it" metric=loss source=trainer_state before=text`, "4:0.25"},
		{`echo loss=0.5`, "", `msg="found the metric where earlier trials had it" metric=loss source=text`, "0:0.5"},
		{state + `echo loss=0.5`, "trainer_state", `msg="the metric is not where earlier trials had it" metric=loss source=trainer_state before=text`, "4:0.25"},
		{state + `echo loss=0.5`, "", `msg="found the metric where earlier trials had it" metric=loss source=trainer_state`, "4:0.25"},
	} {
		logger, text := log()
		tr := run(t, command.Config{Folder: folder, Logger: logger, Reader: c.reader}, c.script)
		if got := steps(tr); got != c.steps || strings.Count(text.String(), c.want) != 1 {
			t.Errorf("%s with %q: got %s and %s, want %s and %s once", c.script, c.reader, got, text, c.steps, c.want)
		}
	}
}

// The reason of a failure lists the names that were seen, like ones first, in one line.
func TestAMissingMetricListsOthers(t *testing.T) {
	many := "for i in $(seq 1000 1200); do echo name$i=1; done; echo val_loss=2 step=3"
	for script, want := range map[string]string{
		`echo '{"eval/loss": 0.5, "step": 1, "_runtime": 3}'`: `the program reported no "eval_loss", but eval/loss`,
		`echo '{"step": 1}'`:                             `the program reported no "eval_loss", and nothing that looks like a metric`,
		"echo train=1; echo '{\"eval\": {\"loss\": 1}}'": `the program reported no "eval_loss", but eval.loss, train`,
		many: `the program reported no "eval_loss", but val_loss, name1000, name1001, name1002, name1003, name1004, name1005, name1006 and 194 more`,
		`printf 'step,eval-loss\n1,2\n' > "$BLUEFIN_TRIAL_DIR/metrics.csv"`: `the program reported no "eval_loss", but eval-loss`,
	} {
		tr := run(t, command.Config{Folder: t.TempDir(), Metrics: []command.Metric{{Name: "eval_loss"}}}, script)
		first, _, _ := strings.Cut(tr.Failure(), "\n")
		if tr.State != trial.Failed || !strings.HasPrefix(first, want) {
			t.Errorf("%s: got %v, %s, want %s", script, tr.State, first, want)
		}
	}
}
