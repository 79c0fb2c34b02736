package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// dataFlags select the task, its data, and where the best network is saved.
type dataFlags struct {
	task                    string // "": see name
	model, pretrained       string
	train, valid, test      string
	textColumn, labelColumn string
	regression, balanced    bool
	pooling                 string // "": that of the model
	maxLength               int
	encoding                string
	dropMissing             bool
	ignoreColumns           cli.StringSlice
	output                  string
	force                   bool
}

func (f *dataFlags) flags() []cli.Flag {
	task := choiceFlag(&f.task, "task", "the `TASK`: digits, fashion, text or csv",
		"digits", "fashion", "text", "csv")
	f.task, task.DefaultText = "", "text with --model, csv with --train alone, else digits"
	pooling := choiceFlag(&f.pooling, "pooling", "the `POOLING` of token vectors: mean or cls (text)",
		"default", "mean", "cls")
	f.pooling, pooling.DefaultText = "", "that of the model"
	return []cli.Flag{
		task,
		&cli.StringFlag{Name: "model", Destination: &f.model,
			Usage: "the `FOLDER` of the encoder, as Hugging Face's save_pretrained writes it (text)"},
		&cli.StringFlag{Name: "train", Destination: &f.train,
			Usage: "the `FILE` of training examples, CSV or TSV with names in the first line (text, csv)"},
		&cli.StringFlag{Name: "valid", Destination: &f.valid, DefaultText: "a fifth of --train",
			Usage: "the `FILE` of validation examples, used to select epochs and trials (text, csv)"},
		&cli.StringFlag{Name: "test", Destination: &f.test, DefaultText: "none",
			Usage: "the `FILE` of test examples, used to score the best network, or a share of --train, " +
				"like 0.2 (text, csv)"},
		&cli.StringFlag{Name: "text-column", Destination: &f.textColumn, Value: "text",
			Usage: "the `NAME` of the column with the texts (text)"},
		&cli.StringFlag{Name: "label-column", Destination: &f.labelColumn, Value: "label",
			Usage: "the `NAME` of the column with the classes or numbers (text, csv)"},
		&cli.BoolFlag{Name: "regression", Destination: &f.regression,
			Usage: "the labels are numbers to predict (text, csv)"},
		pooling,
		&cli.IntFlag{Name: "max-length", Destination: &f.maxLength, Value: 128,
			Usage: "cut texts at a `NUMBER` of tokens (text)"},
		&cli.StringFlag{Name: "pretrained", Destination: &f.pretrained,
			Usage: "start with the network in a `FOLDER` that --output wrote (csv)"},
		&cli.BoolFlag{Name: "balanced", Destination: &f.balanced,
			Usage: "give all classes the same weight in the training loss, whatever their sizes (csv, text)"},
		&cli.StringFlag{Name: "output", Destination: &f.output,
			Usage: "save the network of the best trial in a `FOLDER`, " +
				"for texts in the format of transformers. With --folds it is that of the last fold"},
		&cli.BoolFlag{Name: "force", Destination: &f.force,
			Usage: "let --output overwrite files of another study or program"},
		encodingFlag(&f.encoding),
		&cli.BoolFlag{Name: "drop-missing", Destination: &f.dropMissing,
			Usage: "leave out rows without a text or a label, and report how many (text, csv)"},
		&cli.StringSliceFlag{Name: "ignore-columns", Destination: &f.ignoreColumns,
			Usage: "learn nothing from the columns with these `NAMES`, separated by commas (csv)"},
	}
}

// flagTasks lists the tasks of flags that are not for all.
var flagTasks = map[string][]string{
	"model": {"text"}, "text-column": {"text"}, "pooling": {"text"}, "max-length": {"text"}, "pretrained": {"csv"},
	"train": {"text", "csv"}, "valid": {"text", "csv"}, "test": {"text", "csv"}, "label-column": {"text", "csv"},
	"encoding": {"text", "csv"}, "drop-missing": {"text", "csv"}, "ignore-columns": {"csv"},
	"regression": {"text", "csv"}, "balanced": {"text", "csv"},
}

// name returns the task that the flags select.
func (f *dataFlags) name() string {
	switch {
	case f.task != "":
		return f.task
	case f.model != "":
		return "text"
	case f.train != "":
		return "csv"
	}
	return "digits"
}

// check refuses flags that do not fit together. given holds those on the command line.
func (f *dataFlags) check(given map[string]string) error {
	name := f.name()
	for _, flag := range slices.Sorted(maps.Keys(given)) {
		if tasks, ok := flagTasks[flag]; ok && !slices.Contains(tasks, name) {
			return usagef("--%s is for --task %s, and this is %s", flag, strings.Join(tasks, " or "), name)
		}
	}
	switch {
	case name == "text" && f.model == "":
		return usagef("--model is missing, which --task text needs")
	case (name == "text" || name == "csv") && f.train == "":
		return usagef("--train is missing, which --task %s needs", name)
	case f.balanced && f.regression:
		return usagef("--balanced is for classes, which --regression does not have")
	}
	if _, err := strconv.ParseFloat(f.valid, 64); err == nil {
		if _, err := os.Stat(f.valid); err != nil {
			return usagef("--valid is %s, want a file: only --test takes a share, and without --valid a fifth of "+
				"--train is used", f.valid)
		}
	}
	return f.checkOutput()
}

// checkOutput makes sure, before hours of trials, that the best network can be saved.
func (f *dataFlags) checkOutput() error {
	if f.output == "" {
		return nil
	}
	err := os.MkdirAll(f.output, 0o777)
	if err == nil {
		var file *os.File
		if file, err = os.CreateTemp(f.output, ".bluefin"); err == nil {
			err = errors.Join(file.Close(), os.Remove(file.Name()))
		}
	}
	if err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	for flag, dir := range map[string]string{"model": f.model, "pretrained": f.pretrained} {
		if sameFile(dir, f.output) {
			return usagef("--output is %s, where the network of --%s is, want another folder", f.output, flag)
		}
	}
	return nil
}

// parseTest returns the file that --test names, or a share of the training file.
func (f *dataFlags) parseTest() (file string, share float64, err error) {
	share, err = strconv.ParseFloat(f.test, 64)
	switch {
	case err != nil:
		return f.test, 0, nil
	case !(share > 0 && share < 1):
		return "", 0, usagef("--test is %s, want a file, or a share above 0 and below 1", f.test)
	}
	return "", share, nil
}

// practiceFlags are good habits.
type practiceFlags struct {
	rehearse   whether
	similarity bool
	metric     string
	fidelity   string
	beliefs    string
	budget     float64 // epochs; +Inf: no limit
	folds      int     // 0: none
	cacheMB    int
	cacheDir   string
}

func (f *practiceFlags) flags() []cli.Flag {
	return []cli.Flag{
		&cli.GenericFlag{Name: "rehearse", Value: &f.rehearse,
			Usage: "first train for one epoch on a twentieth of the data, " +
				"and report how much time and memory a trial takes; `[=only]` stops after that"},
		&cli.BoolFlag{Name: "similarity", Destination: &f.similarity, Value: true,
			Usage: "measure how well frozen features separate the classes, " +
				"and freeze that many blocks in the first trials; --similarity=false skips it"},
		choiceFlag(&f.metric, "metric", "the `METRIC` to optimize: loss, accuracy, f1_macro, auroc "+
			"(two classes), rmse or r2 (regression)", names(train.MetricNames())...),
		choiceFlag(&f.beliefs, "beliefs", "`HOW` much to believe that good settings are near the recommended ones: recommended, "+
			"vague or none. Trials that contradict it end it", "recommended", "vague", "none"),
		choiceFlag(&f.fidelity, "fidelity", "the `STAGES` at which pruners judge a trial: epochs, data (trainings on a "+
			"ninth, a third and all of the data) or freezing (trainings with all blocks frozen, with half, and with as "+
			"many as the trial selects)", "epochs", "data", "freezing"),
		&cli.Float64Flag{Name: "budget", Destination: &f.budget, Value: math.Inf(1), DefaultText: "none",
			Usage: "give each trial the same compute: a `NUMBER` of epochs of the whole network; frozen blocks buy " +
				"more epochs"},
		&cli.IntFlag{Name: "folds", Destination: &f.folds, DefaultText: "none",
			Usage: "cross-validate each trial with a `NUMBER` of folds, for small data"},
		&cli.IntFlag{Name: "cache-mb", Destination: &f.cacheMB, Value: 1024,
			Usage: "`MEGABYTES` of memory for frozen-layer features, 0 for none"},
		&cli.StringFlag{Name: "cache-dir", Destination: &f.cacheDir,
			Usage: "also keep frozen-layer features in a `FOLDER`, for other processes and later studies"},
	}
}

// apply sets the fields of a task.
func (f *practiceFlags) apply(t *finetune.Task) error {
	switch {
	case !(f.budget > 0):
		return usagef("--budget is %v, want a finite number above 0", f.budget)
	case f.folds < 0 || f.folds == 1:
		return usagef("--folds is %d, want at least 2", f.folds)
	case f.folds > 0 && f.fidelity != "epochs":
		return usagef("--folds is %d and --fidelity is %s, want at most one of them", f.folds, f.fidelity)
	case f.cacheMB < 0:
		return usagef("--cache-mb is %d, want at least 0", f.cacheMB)
	}
	t.Metric, t.Stages.Folds = train.Metric(f.metric), f.folds
	if f.fidelity != "epochs" {
		t.Stages.Fidelity = f.fidelity
	}
	if !math.IsInf(f.budget, 1) {
		t.Budget = f.budget
	}
	switch f.beliefs {
	case "vague":
		t.Space.Beliefs = finetune.VagueBeliefs()
	case "none":
		t.Space.Beliefs = nil
	}
	t.CacheBytes, t.CacheDir = int64(f.cacheMB)<<20, f.cacheDir
	if f.cacheMB == 0 {
		t.CacheBytes = -1 // 0 is the default
	}
	return nil
}

// names returns named strings as strings.
func names[T ~string](list []T) []string {
	all := make([]string, len(list))
	for i, s := range list {
		all[i] = string(s)
	}
	return all
}

// stagesText writes stages as flags.
func stagesText(s finetune.Stages) string {
	if s.Folds > 0 {
		return fmt.Sprintf("--folds %d", s.Folds)
	}
	return "--fidelity " + cmp.Or(s.Fidelity, "epochs")
}
