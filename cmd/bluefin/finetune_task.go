package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/fashion"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/tabular"
	"github.com/bluefin-hpo/bluefin/objective/finetune/text"
)

// A task is an objective, and how its networks are saved.
type task struct {
	*finetune.Task
	save func(dir string, net *nn.Network) error
}

// load reads the data and the network.
func (f *finetuneCommand) load(con console) (*task, error) {
	if err := f.data.check(f.given); err != nil {
		return nil, err
	}
	for flag, dir := range map[string]string{"model": f.data.model, "pretrained": f.data.pretrained} {
		if dir != "" {
			if err := settleFolder(dir); err != nil {
				return nil, fmt.Errorf("--%s: %w", flag, err)
			}
		}
	}
	t, err := f.data.load(con, f.sampler.seed)
	if err != nil {
		return nil, err
	}
	return t, f.practice.apply(t.Task)
}

// load reads the data and the network; seed divides the data.
func (f *dataFlags) load(con console, seed uint64) (*task, error) {
	switch f.name() {
	case "text":
		return f.text(con, seed)
	case "csv":
		return f.table(con, seed)
	case "fashion":
		t, err := fashion.Task()
		return &task{t, saveWeights}, err
	}
	t, err := finetune.Digits()
	return &task{t, saveWeights}, err
}

// text returns the task for a file of texts.
func (f *dataFlags) text(con console, seed uint64) (*task, error) {
	if f.maxLength < 3 {
		return nil, usagef("--max-length is %d, want at least 3", f.maxLength)
	}
	test, share, err := f.parseTest()
	if err != nil {
		return nil, err
	}
	t, err := text.New(text.Config{
		Model: f.model, Train: f.train, Valid: f.valid, Test: test, TestShare: share,
		TextColumn: f.textColumn, LabelColumn: f.labelColumn, Regression: f.regression, Balanced: f.balanced,
		Encoding: f.encoding, DropMissing: f.dropMissing,
		Pooling: f.pooling, MaxLength: f.maxLength, Seed: seed,
	})
	if err != nil {
		return nil, dataError(err)
	}
	f.describe(con, t.Task, "texts", t.Classes)
	warn(con, t.Dropped, t.Warnings)
	return &task{t.Task, t.Save}, nil
}

// table returns the task for a file of other columns.
func (f *dataFlags) table(con console, seed uint64) (*task, error) {
	ignored, err := parseColumns(f.ignoreColumns.Value())
	if err != nil {
		return nil, err
	}
	test, share, err := f.parseTest()
	if err != nil {
		return nil, err
	}
	t, err := tabular.New(tabular.Config{
		Train: f.train, Valid: f.valid, Test: test, TestShare: share,
		LabelColumn: f.labelColumn, IgnoreColumns: ignored,
		Regression: f.regression, Balanced: f.balanced, Encoding: f.encoding, DropMissing: f.dropMissing,
		Pretrained: f.pretrained, Seed: seed,
	})
	if err != nil {
		return nil, dataError(err)
	}
	f.describe(con, t.Task, "rows", t.Classes)
	warn(con, t.Dropped, t.Warnings)
	return &task{t.Task, t.Save}, nil
}

// describe shows the sizes and classes of the data.
func (f *dataFlags) describe(con console, t *finetune.Task, things string, classes []string) {
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
	con.logf("%d %s for training, %d for validation, %d for testing: %s.", t.Training.Len(), things, t.Validation.Len(),
		t.Test.Len(), what)
	if classes == nil || f.balanced {
		return
	}
	count := make([]int, len(classes))
	for _, label := range t.Training.Labels {
		count[label]++
	}
	rarest, commonest := slices.Index(count, slices.Min(count)), slices.Index(count, slices.Max(count))
	if count[commonest] >= imbalance*count[rarest] {
		con.logf("Class %s has %d examples, class %s only %d: --balanced weights them equally in the loss; "+
			"--metric f1_macro or auroc (two classes) counts the rare ones too.",
			classes[commonest], count[commonest], classes[rarest], count[rarest])
	}
}

// imbalance is the ratio of the largest class to the smallest from which the user is warned.
const imbalance = 4

// saveWeights writes the weights of a network to a folder.
func saveWeights(dir string, net *nn.Network) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	return finetune.SaveWeights(filepath.Join(dir, "model.safetensors"), net.Params())
}
