package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/objective/bert"
	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/fashion"
	"github.com/bluefin-hpo/bluefin/objective/finetune/tabular"
	"github.com/bluefin-hpo/bluefin/objective/finetune/text"
	"github.com/bluefin-hpo/bluefin/objective/nn"
	"github.com/bluefin-hpo/bluefin/objective/prefix"
	"github.com/bluefin-hpo/bluefin/objective/safetensors"
	"github.com/bluefin-hpo/bluefin/objective/train"
)

// A task is what is fine-tuned, and how its networks are saved.
type task struct {
	*finetune.Task
	save func(dir string, net *nn.Network) error
}

// taskFlags say what is fine-tuned on what.
func taskFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "task", DefaultText: "digits, or text with --model", Usage: "what is fine-tuned, `NAME` is digits, fashion, text or csv"},
		&cli.StringFlag{Name: "model", Usage: "the `FOLDER` of the encoder, as Hugging Face's save_pretrained writes it (text)"},
		&cli.StringFlag{Name: "train", Usage: "the `FILE` with the examples to learn from, CSV or TSV with names in the first line (text, csv)"},
		&cli.StringFlag{Name: "valid", DefaultText: "a fifth of --train", Usage: "the `FILE` with the examples that epochs and trials are chosen by (text, csv)"},
		&cli.StringFlag{Name: "test", DefaultText: "none", Usage: "the `FILE` with the examples that judge the choice, or with a number below 1 that share of --train (csv), like 0.2"},
		&cli.StringFlag{Name: "text-column", Value: "text", Usage: "the `NAME` of the column with the texts (text)"},
		&cli.StringFlag{Name: "label-column", Value: "label", Usage: "the `NAME` of the column with the classes, or the numbers (text, csv)"},
		&cli.BoolFlag{Name: "regression", Usage: "the labels are numbers to predict (text, csv)"},
		&cli.StringFlag{Name: "pooling", DefaultText: "that of the model", Usage: "how the tokens of a text become one, `NAME` is mean or cls (text)"},
		&cli.IntFlag{Name: "max-length", Value: text.DefaultMaxLength, Usage: "the `NUMBER` of tokens at which texts are cut (text)"},
		&cli.StringFlag{Name: "pretrained", Usage: "a `FOLDER` that --output wrote, whose network is the start (csv)"},
		&cli.BoolFlag{Name: "balanced", Usage: "give all classes the same weight in the training loss, whatever their sizes (csv, text)"},
		&cli.StringFlag{Name: "output", Usage: "keep the network of the best trial in a `FOLDER`: for texts one that transformers reads"},
	}
}

// of says which tasks a flag is for; the others have no use for it.
var flagTasks = map[string][]string{
	"model": {"text"}, "text-column": {"text"}, "pooling": {"text"}, "max-length": {"text"}, "pretrained": {"csv"},
	"train": {"text", "csv"}, "valid": {"text", "csv"}, "test": {"text", "csv"}, "label-column": {"text", "csv"},
	"regression": {"text", "csv"}, "balanced": {"text", "csv"},
}

// taskOf returns the task that the flags describe.
func taskOf(c *cli.Context) (*task, error) {
	name := c.String("task")
	if name == "" {
		if name = "digits"; c.String("model") != "" {
			name = "text"
		}
	}
	name, err := oneOf("task", name, "digits", "fashion", "text", "csv")
	if err != nil {
		return nil, err
	}
	for _, flag := range c.LocalFlagNames() {
		if tasks, ok := flagTasks[flag]; ok && c.IsSet(flag) && !contains(tasks, name) {
			return nil, usagef("--%s is for --task %s, and this is %s", flag, words(tasks), name)
		}
	}
	for _, flag := range []string{"model", "train"} {
		if contains(flagTasks[flag], name) && c.String(flag) == "" {
			return nil, usagef("--%s is missing, which --task %s needs", flag, name)
		}
	}
	t, err := newTask(c, name)
	if err != nil {
		return nil, err
	}
	return t, practice(c, t)
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func newTask(c *cli.Context, name string) (*task, error) {
	switch name {
	case "text":
		pooling := bert.PoolDefault
		if c.IsSet("pooling") {
			var err error
			if pooling, err = bert.ParsePooling(c.String("pooling")); err != nil {
				return nil, usagef("--pooling: %v", err)
			}
		}
		if n := c.Int("max-length"); n < 3 {
			return nil, usagef("--max-length is %d, want at least 3", n)
		}
		t, err := text.New(text.Config{
			Model: c.String("model"), Train: c.String("train"), Valid: c.String("valid"), Test: c.String("test"),
			TextColumn: c.String("text-column"), LabelColumn: c.String("label-column"), Regression: c.Bool("regression"),
			Pooling: pooling, MaxLength: c.Int("max-length"), Seed: c.Uint64("seed"),
		})
		if err != nil {
			return nil, err
		}
		if c.Bool("balanced") && t.Classes != nil {
			t.ClassWeights = train.BalancedWeights(t.Training.Labels, len(t.Classes))
		}
		logf(c, "%d texts to learn from, %d to choose by, %d to judge by, of %s.", t.Training.Len(), t.Validation.Len(), t.Test.Len(), classText(t.Classes))
		if t.Repeated > 0 {
			logf(c, "%d texts of the last two parts are among those to learn from, too: their results flatter.", t.Repeated)
		}
		return &task{t.Task, t.Save}, nil
	case "csv":
		cfg := tabular.Config{
			Train: c.String("train"), Valid: c.String("valid"), Test: c.String("test"), LabelColumn: c.String("label-column"),
			Regression: c.Bool("regression"), Balanced: c.Bool("balanced"), Pretrained: c.String("pretrained"), Seed: c.Uint64("seed"),
		}
		if n, err := fmt.Sscanf(cfg.Test, "0.%d", new(int)); n == 1 && err == nil {
			cfg.Test, cfg.TestShare = "", c.Float64("test")
			if _, err := fmt.Sscan(c.String("test"), &cfg.TestShare); err != nil {
				return nil, usagef("--test is %q, want a file or a number below 1", c.String("test"))
			}
		}
		t, err := tabular.New(cfg)
		if err != nil {
			return nil, err
		}
		logf(c, "%d rows to learn from, %d to choose by, %d to judge by, with %d features, of %s.", t.Training.Len(), t.Validation.Len(), t.Test.Len(), t.Training.X.Cols, classText(t.Classes))
		return &task{t.Task, t.Save}, nil
	case "fashion":
		t, err := fashion.Task()
		return &task{t, saveWeights}, err
	}
	t, err := finetune.Digits()
	return &task{t, saveWeights}, err
}

func classText(classes []string) string {
	if classes == nil {
		return "numbers"
	}
	return fmt.Sprintf("%d classes: %s", len(classes), words(classes[:min(len(classes), 8)]))
}

// practiceFlags are good habits.
func practiceFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "rehearse", Usage: "first train for one epoch on a twentieth of the data, and say what a trial takes in time and memory"},
		&cli.BoolFlag{Name: "similarity", Value: true, Usage: "measure how much the frozen network knows of the new classes, and start with trials that freeze as much; --similarity=false goes without"},
		&cli.StringFlag{Name: "metric", Value: string(train.MetricLoss), Usage: "what trials are compared by, `NAME` is loss, accuracy, f1_macro, auroc (two classes), rmse or r2 (regression)"},
		&cli.StringFlag{Name: "fidelity", Value: "epochs", Usage: "what pruners judge a trial by, `NAME` is epochs, data (trainings on a ninth, a third and all of the data) or freezing (trainings with all, with half and with as many blocks frozen as the trial says)"},
		&cli.IntFlag{Name: "folds", DefaultText: "none", Usage: "cross-validate each trial with a `NUMBER` of folds, for small data"},
		&cli.IntFlag{Name: "cache-mb", Value: 1024, Usage: "`MEGABYTES` of memory for what frozen blocks make of the data, 0 for none"},
		&cli.StringFlag{Name: "cache-dir", Usage: "keep that in a `FOLDER` for other processes and later studies, too"},
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
		t.Stages.Fidelity = finetune.Fidelity(fidelity)
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
	t.Features = &prefix.Cache{MaxBytes: int64(mb) << 20, Dir: c.String("cache-dir")}
	if mb == 0 {
		t.Features.MaxBytes = -1
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
		return "--fidelity " + string(s.Fidelity)
	}
	return "--fidelity epochs"
}

// saveWeights writes a network as a folder with its weights.
func saveWeights(dir string, net *nn.Network) error {
	b, err := safetensors.Marshal(safetensors.File{Metadata: map[string]string{"format": "pt"}, Tensors: nn.Tensors(net.Params())})
	return errors.Join(err, os.MkdirAll(dir, 0o777), os.WriteFile(filepath.Join(dir, "model.safetensors"), b, 0o666))
}
