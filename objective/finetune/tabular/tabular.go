// Package tabular makes fine-tuning tasks from tables: a multilayer perceptron learns to predict
// one column of a CSV file from the others, starting from fresh weights or from a network trained
// on another file with the same columns.
package tabular

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/mlp"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/parts"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/safetensors"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/table"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/weights"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// Config describes a task. The first line of each CSV file names its columns.
type Config struct {
	Train string // file of training examples
	Valid string // file of validation examples; "": a random, stratified ValidShare of Train
	Test  string // file of test examples; "": a random, stratified TestShare of Train

	ValidShare float64 // in (0, 1); 0 means 0.2
	TestShare  float64 // in (0, 1); 0: none

	LabelColumn string // class or, in a regression, number; "" means label
	Regression  bool
	Balanced    bool // all classes have the same total weight in the loss

	IgnoreColumns []string // not used as features
	Encoding      string   // of the files, see finetune.Encodings; "" means utf-8
	DropMissing   bool     // leave out rows without a label instead of failing

	// Pretrained is a folder that Task.Save wrote: the network starts with its hidden layers and
	// uses its features. "": fresh weights.
	Pretrained string

	Seed uint64 // of the splits and of fresh hidden layers
}

// widths of the hidden layers.
var widths = [...]int{64, 64}

// blocks is the number of hidden layers.
const blocks = len(widths)

// A Task is a finetune.Task on tables.
type Task struct {
	*finetune.Task
	Classes []string // by their labels; nil in a regression

	Dropped  int     // rows left out
	Warnings []error // oddities of the data; finetune.ErrColumn matches those about a column

	encoder     *table.Encoder
	labelColumn string
}

// New reads the data.
func New(c Config) (*Task, error) {
	c.LabelColumn = cmp.Or(c.LabelColumn, "label")
	// Otherwise the mistake would show as a missing label.
	if slices.Contains(c.IgnoreColumns, c.LabelColumn) {
		return nil, fmt.Errorf("IgnoreColumns contains %q, the column to predict", c.LabelColumn)
	}
	data, err := parts.Files{
		Train: c.Train, Valid: c.Valid, Test: c.Test, ValidShare: c.ValidShare, TestShare: c.TestShare,
		LabelColumn: c.LabelColumn, Regression: c.Regression, Encoding: c.Encoding, DropMissing: c.DropMissing, Seed: c.Seed,
	}.Read()
	if err != nil {
		return nil, err
	}
	t := &Task{Classes: data.Classes, labelColumn: c.LabelColumn, Task: &finetune.Task{Name: "csv", Layers: blocks,
		Defaults: finetune.Defaults(), Space: finetune.DefaultSpace(blocks)}}
	var start map[string]safetensors.Tensor
	if c.Pretrained != "" {
		var from saved
		if from, start, err = load(c.Pretrained); err != nil {
			return nil, fmt.Errorf("pretrained network: %w", err)
		}
		// The features of the first training: its weights mean nothing for others.
		t.encoder = &table.Encoder{Inputs: from.Inputs}
	} else {
		t.Space.FrozenLayers.High = 0 // random weights are not worth freezing
		without := append([]string{c.LabelColumn}, c.IgnoreColumns...)
		// Fitted to the training rows, so nothing leaks from the others.
		if t.encoder, err = table.NewEncoder(data.Training.Table, data.Training.Rows, without...); err == nil {
			data.Warnings = append(data.Warnings, data.Training.Table.Warnings(data.Training.Rows, without...)...)
		}
	}
	if err != nil {
		return nil, err
	}
	for _, in := range t.encoder.Inputs {
		if slices.Contains(c.IgnoreColumns, in.Column) {
			return nil, fmt.Errorf("%s: the network was trained with column %q, which IgnoreColumns contains", c.Pretrained,
				in.Column)
		}
	}
	for _, part := range []struct {
		from parts.Part
		to   *train.Set
	}{{data.Training, &t.Training}, {data.Validation, &t.Validation}, {data.Test, &t.Test}} {
		// A study may have no test set.
		if *part.to = part.from.Set; part.from.Len() > 0 {
			if part.to.X, err = t.encoder.Encode(part.from.Table, part.from.Rows); err != nil {
				return nil, err
			}
		}
	}
	// Rows that are in two parts make results too good.
	if err := data.Shared("rows", t.rowTexts); err != nil {
		return nil, err
	}
	t.Dropped, t.Warnings = data.Dropped, data.Warnings
	if c.Balanced && t.Classes != nil {
		t.ClassWeights = t.Training.BalancedWeights(len(t.Classes))
	}
	// After the data are complete, as it scales the targets.
	t.Standardize()
	in, outputs := t.Training.X.Cols, max(len(t.Classes), 1)
	t.Network = func(s finetune.Settings, rng *rand.Rand) (*nn.Network, error) {
		// Hidden layers from the data's seed: all trials start alike and differ by their
		// settings.
		net := mlp.Of(widths[:], in, outputs, s.Dropout, rand.New(rand.NewPCG(c.Seed, 1)), rng)
		if start == nil {
			return net, nil
		}
		if err := weights.Load(net.Blocks.Params(), start); err != nil {
			return nil, fmt.Errorf("%s: %w", c.Pretrained, err)
		}
		return net, nil
	}
	return t, nil
}

// rowTexts returns a text per row that is equal for rows with equal features.
func (t *Task) rowTexts(p parts.Part) ([]string, error) {
	texts := make([]strings.Builder, p.Len())
	for _, in := range t.encoder.Inputs {
		values, err := p.Table.Column(in.Column)
		if err != nil {
			return nil, err
		}
		for i, row := range p.Rows {
			texts[i].WriteString(strings.TrimSpace(values[row]))
			// A separator that no text contains, as the reader refuses it.
			texts[i].WriteByte(0)
		}
	}
	all := make([]string, len(texts))
	for i := range texts {
		all[i] = texts[i].String()
	}
	return all, nil
}
