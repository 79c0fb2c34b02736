// Package tabular is fine-tuning tasks on tables: a multilayer perceptron learns
// to predict one column of a CSV file from the others, from fresh weights or
// from those of a network that was trained on another file with the same
// columns.
package tabular

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/mlp"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/parts"
	"github.com/bluefin-hpo/bluefin/objective/nn"
	"github.com/bluefin-hpo/bluefin/objective/safetensors"
	"github.com/bluefin-hpo/bluefin/objective/table"
	"github.com/bluefin-hpo/bluefin/objective/train"
)

// Config says what a task is. Files are read as package table does.
type Config struct {
	Train string // file with the examples to learn from
	Valid string // those to choose by; "": ValidShare of Train, at random, the same share of each class
	Test  string // those to judge the choice by; "": TestShare of Train, chosen likewise

	ValidShare float64 // in (0, 1); 0 means 0.2
	TestShare  float64 // in (0, 1); 0: none

	LabelColumn string // class or, in a regression, number; "" means label
	Regression  bool
	Balanced    bool // the loss gives all classes the same weight, whatever their sizes

	IgnoreColumns []string // that nothing is learned from
	Encoding      string   // of the files, one of table.Encodings; "" means utf-8
	DropMissing   bool     // leave out rows without a label; else they are an error

	// Pretrained is a folder that Task.Save wrote: the network starts with its
	// hidden layers and takes its features. "": fresh weights.
	Pretrained string

	Seed uint64 // of the splits, and of fresh weights of hidden layers
}

// widths of the hidden layers.
var widths = [...]int{64, 64}

// Blocks is the number of hidden layers.
const Blocks = len(widths)

// A Task is a finetune.Task on tables.
type Task struct {
	*finetune.Task
	Encoder *table.Encoder
	Classes []string // by their labels; nil in a regression

	Dropped  int     // rows left out
	Warnings []error // what is odd about the data; those of columns match table.ErrColumn
}

// New reads the data.
func New(c Config) (*Task, error) {
	c.LabelColumn = cmp.Or(c.LabelColumn, "label")
	if slices.Contains(c.IgnoreColumns, c.LabelColumn) {
		return nil, fmt.Errorf("tabular: IgnoreColumns has %q, which is the column to predict", c.LabelColumn)
	}
	data, err := parts.Files{
		Train: c.Train, Valid: c.Valid, Test: c.Test, ValidShare: c.ValidShare, TestShare: c.TestShare,
		LabelColumn: c.LabelColumn, Regression: c.Regression, Encoding: c.Encoding, DropMissing: c.DropMissing, Seed: c.Seed,
	}.Read()
	if err != nil {
		return nil, err
	}
	t := &Task{Classes: data.Classes, Task: &finetune.Task{Name: "csv", Layers: Blocks, Defaults: finetune.Defaults(), Space: finetune.DefaultSpace(Blocks)}}
	var start map[string]safetensors.Tensor
	if c.Pretrained != "" {
		t.Encoder, start, err = load(c.Pretrained)
	} else {
		t.Space.FrozenLayers.High = 0 // nobody freezes what is random
		without := append([]string{c.LabelColumn}, c.IgnoreColumns...)
		if t.Encoder, err = table.NewEncoder(data.Training.Table, data.Training.Rows, without...); err == nil {
			data.Warnings = append(data.Warnings, data.Training.Table.Warnings(data.Training.Rows, without...)...)
		}
	}
	if err != nil {
		return nil, err
	}
	for _, in := range t.Encoder.Inputs {
		if slices.Contains(c.IgnoreColumns, in.Column) {
			return nil, fmt.Errorf("tabular: %s: the network was trained with column %q, which IgnoreColumns has", c.Pretrained, in.Column)
		}
	}
	for _, part := range []struct {
		from parts.Part
		to   *train.Set
	}{{data.Training, &t.Training}, {data.Validation, &t.Validation}, {data.Test, &t.Test}} {
		if *part.to = part.from.Set; part.from.Len() > 0 {
			if part.to.X, err = t.Encoder.Encode(part.from.Table, part.from.Rows); err != nil {
				return nil, err
			}
		}
	}
	if err := data.Shared("rows", t.rowTexts); err != nil {
		return nil, err
	}
	t.Dropped, t.Warnings = data.Dropped, data.Warnings
	if c.Balanced && t.Classes != nil {
		t.ClassWeights = train.BalancedWeights(t.Training.Labels, len(t.Classes))
	}
	t.Scale = finetune.Standardize(&t.Training, &t.Validation, &t.Test)
	in, outputs := t.Training.X.Cols, max(len(t.Classes), 1)
	t.Network = func(s finetune.Settings, rng *rand.Rand) (*nn.Network, error) {
		net := mlp.Of(widths[:], in, outputs, s.Dropout, rand.New(rand.NewPCG(c.Seed, 1)), rng)
		if start == nil {
			return net, nil
		}
		if err := nn.Load(net.Blocks.Params(), start); err != nil {
			return nil, fmt.Errorf("tabular: %s: %w", c.Pretrained, err)
		}
		return net, nil
	}
	return t, nil
}

// rowTexts returns a text for each row that is the same for rows with the same
// features.
func (t *Task) rowTexts(p parts.Part) ([]string, error) {
	texts := make([]strings.Builder, p.Len())
	for _, in := range t.Encoder.Inputs {
		values, err := p.Table.Column(in.Column)
		if err != nil {
			return nil, err
		}
		for i, row := range p.Rows {
			texts[i].WriteString(strings.TrimSpace(values[row]))
			texts[i].WriteByte(0)
		}
	}
	all := make([]string, len(texts))
	for i := range texts {
		all[i] = texts[i].String()
	}
	return all, nil
}

// The files of a saved network.
const (
	weightsFile  = "model.safetensors"
	featuresFile = "features.json"
)

// Save writes a network of the task to a folder, which is made if it is not
// there: the weights, and how rows become its features. What it predicts in a
// regression is in the units of the file.
func (t *Task) Save(dir string, net *nn.Network) error {
	defer t.Scale.Rescale(net)()
	features, err := json.MarshalIndent(map[string]any{"inputs": t.Encoder.Inputs, "classes": t.Classes}, "", "  ")
	if err != nil {
		return fmt.Errorf("tabular: %w", err)
	}
	weights, err := safetensors.Marshal(safetensors.File{Metadata: map[string]string{"format": "pt"}, Tensors: nn.Tensors(net.Params())})
	if err != nil {
		return fmt.Errorf("tabular: %w", err)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("tabular: %w", err)
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, featuresFile), append(features, '\n'), 0o666),
		os.WriteFile(filepath.Join(dir, weightsFile), weights, 0o666),
	)
}

// load reads what Save wrote.
func load(dir string) (*table.Encoder, map[string]safetensors.Tensor, error) {
	path := filepath.Join(dir, featuresFile)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("tabular: pretrained network: %w", err)
	}
	var saved struct {
		Inputs []table.Input `json:"inputs"`
	}
	if err := json.Unmarshal(b, &saved); err != nil {
		return nil, nil, fmt.Errorf("tabular: pretrained network: %s: %w", path, err)
	}
	if len(saved.Inputs) == 0 {
		return nil, nil, fmt.Errorf("tabular: pretrained network: %s: there are no inputs, want the columns that the network was trained on", path)
	}
	file, err := safetensors.ReadFile(filepath.Join(dir, weightsFile))
	if err != nil {
		return nil, nil, fmt.Errorf("tabular: pretrained network: %w", err)
	}
	return &table.Encoder{Inputs: saved.Inputs}, file.Tensors, nil
}
