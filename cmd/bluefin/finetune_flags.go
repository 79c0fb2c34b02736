package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// taskFlags say what is fine-tuned on what.
func taskFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "task", DefaultText: "text with --model, csv with --train alone, else digits", Usage: "what is fine-tuned, `NAME` is digits, fashion, text or csv"},
		&cli.StringFlag{Name: "model", Usage: "the `FOLDER` of the encoder, as Hugging Face's save_pretrained writes it (text)"},
		&cli.StringFlag{Name: "train", Usage: "the `FILE` of training examples, CSV or TSV with names in the first line (text, csv)"},
		&cli.StringFlag{Name: "valid", DefaultText: "a fifth of --train", Usage: "the `FILE` of validation examples, which choose epochs and trials (text, csv)"},
		&cli.StringFlag{Name: "test", DefaultText: "none", Usage: "the `FILE` of test examples, which judge the choice, or a share of --train, like 0.2 (text, csv)"},
		&cli.StringFlag{Name: "text-column", Value: "text", Usage: "the `NAME` of the column with the texts (text)"},
		&cli.StringFlag{Name: "label-column", Value: "label", Usage: "the `NAME` of the column with the classes, or the numbers (text, csv)"},
		&cli.BoolFlag{Name: "regression", Usage: "the labels are numbers to predict (text, csv)"},
		&cli.StringFlag{Name: "pooling", DefaultText: "that of the model", Usage: "how the tokens of a text become one, `NAME` is mean or cls (text)"},
		&cli.IntFlag{Name: "max-length", Value: 128, Usage: "cut texts at a `NUMBER` of tokens (text)"},
		&cli.StringFlag{Name: "pretrained", Usage: "a `FOLDER` that --output wrote, whose network is the start (csv)"},
		&cli.BoolFlag{Name: "balanced", Usage: "give all classes the same weight in the training loss, whatever their sizes (csv, text)"},
		&cli.StringFlag{Name: "output", Usage: "keep the network of the best trial in a `FOLDER`: for texts one that transformers reads. With --folds it is that of the last fold"},
		&cli.BoolFlag{Name: "force", Usage: "let --output replace what its folder holds of another study or program"},
	}
}

// flagTasks says which tasks a flag is for, if it is not for all.
var flagTasks = map[string][]string{
	"model": {"text"}, "text-column": {"text"}, "pooling": {"text"}, "max-length": {"text"}, "pretrained": {"csv"},
	"train": {"text", "csv"}, "valid": {"text", "csv"}, "test": {"text", "csv"}, "label-column": {"text", "csv"},
	"encoding": {"text", "csv"}, "drop-missing": {"text", "csv"}, "ignore-columns": {"csv"},
	"regression": {"text", "csv"}, "balanced": {"text", "csv"},
}

// taskName returns the task that the flags are for.
func taskName(c *cli.Context) (string, error) {
	name := c.String("task")
	switch {
	case name != "":
	case c.String("model") != "":
		name = "text"
	case c.String("train") != "":
		name = "csv"
	default:
		name = "digits"
	}
	name, err := oneOf("task", name, "digits", "fashion", "text", "csv")
	if err != nil {
		return "", err
	}
	for _, flag := range c.LocalFlagNames() {
		if tasks, ok := flagTasks[flag]; ok && !slices.Contains(tasks, name) {
			return "", usagef("--%s is for --task %s, and this is %s", flag, strings.Join(tasks, " or "), name)
		}
	}
	for _, flag := range []string{"model", "train"} {
		if slices.Contains(flagTasks[flag], name) && c.String(flag) == "" {
			return "", usagef("--%s is missing, which --task %s needs", flag, name)
		}
	}
	if _, err := strconv.ParseFloat(c.String("valid"), 64); err == nil {
		if _, err := os.Stat(c.String("valid")); err != nil {
			return "", usagef("--valid is %s, want a file: only --test takes a share, and without --valid a fifth of --train is used", c.String("valid"))
		}
	}
	if c.Bool("balanced") && c.Bool("regression") {
		return "", usagef("--balanced is for classes, and with --regression there are none")
	}
	if err := checkEncoding(c); err != nil {
		return "", err
	}
	return name, checkOutput(c)
}

// checkOutput sees to it, before hours of trials, that the best of them can be
// kept.
func checkOutput(c *cli.Context) error {
	dir := c.String("output")
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	f, err := os.CreateTemp(dir, ".bluefin")
	if err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	for _, flag := range []string{"model", "pretrained"} {
		from, err := os.Stat(c.String(flag))
		if to, err2 := os.Stat(dir); err == nil && err2 == nil && os.SameFile(from, to) {
			return usagef("--output is %s, where the network of --%s is, want another folder", dir, flag)
		}
	}
	return nil
}

// testOf reads the flag --test: a file, or a share of the one to learn from.
func testOf(c *cli.Context) (file string, share float64, err error) {
	file = c.String("test")
	share, err = strconv.ParseFloat(file, 64)
	switch {
	case err != nil:
		return file, 0, nil
	case !(share > 0 && share < 1):
		return "", 0, usagef("--test is %s, want a file, or a share above 0 and below 1", file)
	}
	return "", share, nil
}

// practiceFlags are good habits.
func practiceFlags() []cli.Flag {
	return []cli.Flag{
		&cli.GenericFlag{Name: "rehearse", Value: new(whether), Usage: "first train for one epoch on a twentieth of the data, and say what a trial takes in time and memory; `[=only]` stops after that"},
		&cli.BoolFlag{Name: "similarity", Value: true, Usage: "measure how well frozen features separate the classes, and start with trials that freeze as much; --similarity=false skips it"},
		&cli.StringFlag{Name: "metric", Value: string(train.MetricLoss), Usage: "what trials are compared by, `NAME` is loss, accuracy, f1_macro, auroc (two classes), rmse or r2 (regression)"},
		&cli.StringFlag{Name: "fidelity", Value: "epochs", Usage: "what pruners judge a trial by, `NAME` is epochs, data (trainings on a ninth, a third and all of the data) or freezing (trainings with all, with half and with as many blocks frozen as the trial says)"},
		&cli.Float64Flag{Name: "budget", DefaultText: "none", Usage: "give each trial the same compute: a `NUMBER` of epochs of the whole network; frozen blocks buy more epochs"},
		&cli.IntFlag{Name: "folds", DefaultText: "none", Usage: "cross-validate each trial with a `NUMBER` of folds, for small data"},
		&cli.IntFlag{Name: "cache-mb", Value: 1024, Usage: "`MEGABYTES` of memory for frozen-layer features, 0 for none"},
		&cli.StringFlag{Name: "cache-dir", Usage: "also keep frozen-layer features in a `FOLDER`, for other processes and later studies"},
	}
}

// practice sets what practiceFlags say.
func practice(c *cli.Context, t *task) error {
	metric, err := oneOf("metric", c.String("metric"), names(train.MetricNames())...)
	if err != nil {
		return err
	}
	t.Metric = train.Metric(metric)
	fidelity, err := oneOf("fidelity", c.String("fidelity"), "epochs", "data", "freezing")
	if err != nil {
		return err
	}
	if fidelity != "epochs" {
		t.Stages.Fidelity = fidelity
	}
	if c.IsSet("budget") {
		if t.Budget = c.Float64("budget"); !(t.Budget > 0) || math.IsInf(t.Budget, 0) {
			return usagef("--budget is %v, want a finite number above 0", t.Budget)
		}
	}
	if n := c.Int("folds"); n != 0 || c.IsSet("folds") {
		if n < 2 {
			return usagef("--folds is %d, want at least 2", n)
		}
		if fidelity != "epochs" {
			return usagef("--folds is %d and --fidelity is %s, want at most one of them", n, fidelity)
		}
		t.Stages.Folds = n
	}
	mb := c.Int("cache-mb")
	if mb < 0 {
		return usagef("--cache-mb is %d, want at least 0", mb)
	}
	t.CacheBytes, t.CacheDir = int64(mb)<<20, c.String("cache-dir")
	if mb == 0 {
		t.CacheBytes = -1
	}
	return nil
}

func names[T ~string](list []T) []string {
	all := make([]string, len(list))
	for i, s := range list {
		all[i] = string(s)
	}
	return all
}

// stagesText says in flags what stages are.
func stagesText(s finetune.Stages) string {
	switch {
	case s.Folds > 0:
		return fmt.Sprintf("--folds %d", s.Folds)
	case s.Fidelity != finetune.Epochs:
		return "--fidelity " + s.Fidelity
	}
	return "--fidelity epochs"
}
