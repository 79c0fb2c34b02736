package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/fashion"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/tabular"
	"github.com/bluefin-hpo/bluefin/objective/finetune/text"
)

// A task is what is fine-tuned, and how its networks are saved.
type task struct {
	*finetune.Task
	save func(dir string, net *nn.Network) error
}

// taskOf returns the task that the flags describe.
func taskOf(c *cli.Context) (*task, error) {
	name, err := taskName(c)
	if err != nil {
		return nil, err
	}
	for _, flag := range []string{"model", "pretrained"} {
		if dir := c.String(flag); dir != "" {
			if err := settleFolder(dir); err != nil {
				return nil, fmt.Errorf("--%s: %w", flag, err)
			}
		}
	}
	t, err := newTask(c, name)
	if err != nil {
		return nil, err
	}
	return t, practice(c, t)
}

func newTask(c *cli.Context, name string) (*task, error) {
	switch name {
	case "text":
		return textTask(c)
	case "csv":
		return csvTask(c)
	case "fashion":
		t, err := fashion.Task()
		return &task{t, saveWeights}, err
	}
	t, err := finetune.Digits()
	return &task{t, saveWeights}, err
}

func textTask(c *cli.Context) (*task, error) {
	cfg := text.Config{
		Model: c.String("model"), Train: c.String("train"), Valid: c.String("valid"),
		TextColumn: c.String("text-column"), LabelColumn: c.String("label-column"), Regression: c.Bool("regression"), Balanced: c.Bool("balanced"),
		Encoding: c.String("encoding"), DropMissing: c.Bool("drop-missing"), MaxLength: c.Int("max-length"), Seed: c.Uint64("seed"),
	}
	var err error
	if c.IsSet("pooling") {
		if cfg.Pooling, err = oneOf("pooling", c.String("pooling"), "default", "mean", "cls"); err != nil {
			return nil, err
		}
	}
	if n := cfg.MaxLength; n < 3 {
		return nil, usagef("--max-length is %d, want at least 3", n)
	}
	if cfg.Test, cfg.TestShare, err = testOf(c); err != nil {
		return nil, err
	}
	t, err := text.New(cfg)
	if err != nil {
		return nil, dataError(err)
	}
	describe(c, t.Task, "texts", t.Classes)
	warn(c, t.Dropped, t.Warnings)
	return &task{t.Task, t.Save}, nil
}

func csvTask(c *cli.Context) (*task, error) {
	cfg := tabular.Config{
		Train: c.String("train"), Valid: c.String("valid"), LabelColumn: c.String("label-column"),
		Regression: c.Bool("regression"), Balanced: c.Bool("balanced"), Pretrained: c.String("pretrained"), Seed: c.Uint64("seed"),
		Encoding: c.String("encoding"), DropMissing: c.Bool("drop-missing"),
	}
	var err error
	if cfg.IgnoreColumns, err = ignored(c); err != nil {
		return nil, err
	}
	if cfg.Test, cfg.TestShare, err = testOf(c); err != nil {
		return nil, err
	}
	t, err := tabular.New(cfg)
	if err != nil {
		return nil, dataError(err)
	}
	describe(c, t.Task, "rows", t.Classes)
	warn(c, t.Dropped, t.Warnings)
	return &task{t.Task, t.Save}, nil
}

// describe shows what the data of a task are.
func describe(c *cli.Context, t *finetune.Task, things string, classes []string) {
	what := "numbers"
	if classes != nil {
		what = fmt.Sprintf("%d classes: %s", len(classes), strings.Join(classes[:min(len(classes), 8)], ", "))
	}
	if len(classes) > 8 {
		what += ", …"
	}
	if n := t.Training.X.Cols; n > 0 {
		what = fmt.Sprintf("%d features, %s", n, what)
	}
	logf(c, "%d %s for training, %d for validation, %d for testing: %s.", t.Training.Len(), things, t.Validation.Len(), t.Test.Len(), what)
	if classes == nil || c.Bool("balanced") {
		return
	}
	count := make([]int, len(classes))
	for _, label := range t.Training.Labels {
		count[label]++
	}
	rarest, commonest := slices.Index(count, slices.Min(count)), slices.Index(count, slices.Max(count))
	if count[commonest] >= imbalance*count[rarest] {
		logf(c, "Class %s has %d examples, class %s only %d: --balanced weighs them alike in the loss; --metric f1_macro or auroc (two classes) counts the rare ones too.",
			classes[commonest], count[commonest], classes[rarest], count[rarest])
	}
}

// imbalance is how many times larger than the rarest class the most common one
// is where the user is told.
const imbalance = 4

// saveWeights writes a network as a folder with its weights.
func saveWeights(dir string, net *nn.Network) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	return finetune.SaveWeights(filepath.Join(dir, "model.safetensors"), net.Params())
}
