//go:build unix

package command_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

// The sources are documented in their order, and each is preferred to those below it.
func TestSourcesInOrder(t *testing.T) {
	guide, err := os.ReadFile("../../docs/tune.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	_, list, _ := strings.Cut(string(guide), "| `--metrics` | is |\n|---|---|\n")
	for line := range strings.Lines(list) {
		name, found := strings.CutPrefix(line, "| `")
		if !found {
			break
		}
		name, _, _ = strings.Cut(name, "`")
		documented = append(documented, name)
	}
	names := command.Readers()
	if !slices.Equal(names, documented) {
		t.Fatalf("docs/tune.md lists %v, want %v", documented, names)
	}
	testdata, err := filepath.Abs("internal/metrics/testdata")
	if err != nil {
		t.Fatal(err)
	}
	file := func(path, text string) string {
		return "mkdir -p $(dirname " + path + "); printf '" + text + "' > " + path
	}
	mlflow := strings.Repeat("a", 32) + "/metrics/eval"
	scripts := map[string]string{
		"reports":       `echo '{"eval/loss": 2}' >> "$BLUEFIN_REPORTS"`,
		"pattern":       "echo evaluated 3",
		"trainer_state": file("checkpoint-1/trainer_state.json", `{"log_history": [{"eval/loss": 4, "step": 1}]}`),
		"jsonl":         file("logs/log.jsonl", `{"eval/loss": 5}`),
		"csv":           file("version_0/metrics.csv", `step,eval/loss\n1,6\n`),
		"wandb":         "mkdir -p wandb; cp " + testdata + "/wandb/many/run* wandb",
		"mlflow":        "mkdir -p " + mlflow + "; echo 0 8 1 > " + mlflow + "/loss",
		"dvclive":       file("plots/metrics/eval/loss.tsv", `step\tloss\n1\t9\n`),
		"metrics_json":  file("dvclive/metrics.json", `{"eval": {"loss": 10}}`),
		"tagged":        `echo '[tune-metric]: {"eval/loss": 11}'`,
		"json":          `echo 'INFO {"eval/loss": 12}'`,
		"tfevents":      "cp " + testdata + "/tensorboard/writer/events* .",
		"dict":          `echo "{'eval/loss': 14}"`,
		"text":          "echo eval/loss: 15",
	}
	for i, name := range names {
		lines := []string{`cd "$BLUEFIN_TRIAL_DIR"`}
		for _, other := range names[i:] {
			lines = append(lines, scripts[other])
		}
		cfg := command.Config{Folder: t.TempDir(), Metrics: []command.Metric{{Name: "eval/loss"}}}
		if i <= slices.Index(names, "pattern") {
			cfg.Pattern = regexp.MustCompile(`evaluated (\d+)`)
		}
		logger, text := log()
		cfg.Logger = logger
		tr := run(t, cfg, strings.Join(lines, "\n"))
		if tr.State != trial.Complete || !strings.Contains(text.String(), " source="+name+"\n") {
			t.Errorf("%s: %v, %s%s", name, tr.State, text, tr.Failure())
		}
	}
}

// A program that is retried without a checkpoint starts over: its value is never one of the failed run.
func TestAFailedRunLeavesNoValue(t *testing.T) {
	const fails = `cd "$BLUEFIN_TRIAL_DIR"; if [ ! -e failed ]; then touch failed; printf 'step,loss\n1,9\n2,8\n' > metrics.csv; exit 7; fi; `
	retry := []command.Failure{{Do: command.Retry}}
	for script, want := range map[string]string{
		"true":                               "no value",
		`printf '1,5\n2,4\n' >> metrics.csv`: "4",
		`printf 'step,loss\n1,5\n' > metrics.csv`:       "5",
		`mkdir b; printf '{"loss": 3}\n' > b/log.jsonl`: "3",
	} {
		tr := run(t, command.Config{Folder: t.TempDir(), Failures: retry}, fails+script)
		got := "no value"
		if tr.State == trial.Complete {
			got = fmt.Sprint(tr.Values[0])
		}
		if got != want {
			t.Errorf("%s: got %v, %s, %s, want %s", script, tr.State, got, tr.Failure(), want)
		}
	}
}
