// Package text is fine-tuning tasks on texts: a pretrained encoder of BERT's
// kind, in the folder of a Hugging Face model, learns to tell the classes of
// texts apart, or to predict a number from each, from examples in a CSV file.
package text

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/bert"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/parts"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
	"github.com/bluefin-hpo/bluefin/space"
)

// defaultMaxLength is the MaxLength of a Config that has none set.
const defaultMaxLength = 128

// Config says what a task is. Files are read as package table does.
type Config struct {
	Model string // folder of the encoder: see bert.Load

	Train string // file with the examples to learn from
	Valid string // those to choose by; "": ValidShare of Train, at random, the same share of each class
	Test  string // those to judge the choice by; "": TestShare of Train, chosen likewise

	ValidShare float64 // in (0, 1); 0 means 0.2
	TestShare  float64 // in (0, 1); 0: none

	TextColumn  string // "" means text
	LabelColumn string // class or, in a regression, number; "" means label
	Regression  bool
	Balanced    bool // the loss gives all classes the same weight, whatever their sizes

	Encoding    string // of the files, one of table.Encodings; "" means utf-8
	DropMissing bool   // leave out rows without text or label; else they are an error

	Pooling   string // how the rows of a text become one: mean, cls or default; "" means default, as the model says
	MaxLength int    // tokens of a text at most, the rest is cut off; 0 means defaultMaxLength, at most what the model bears

	Seed uint64 // of the splits
}

// A Task is a finetune.Task on texts.
type Task struct {
	*finetune.Task
	Classes []string // by their labels; nil in a regression

	Dropped  int     // rows left out
	Warnings []error // what is odd about the data

	model *bert.Model
}

// New reads model and data.
func New(c Config) (*Task, error) {
	if c.Model == "" {
		return nil, errors.New("Model is \"\", want the folder of an encoder")
	}
	if c.MaxLength < 0 || c.MaxLength == 1 || c.MaxLength == 2 {
		return nil, fmt.Errorf("MaxLength is %d, want at least 3, or 0 for %d", c.MaxLength, defaultMaxLength)
	}
	pooling, err := bert.ParsePooling(cmp.Or(c.Pooling, "default"))
	if err != nil {
		return nil, err
	}
	data, err := parts.Files{
		Train: c.Train, Valid: c.Valid, Test: c.Test, ValidShare: c.ValidShare, TestShare: c.TestShare,
		LabelColumn: c.LabelColumn, TextColumn: cmp.Or(c.TextColumn, "text"), Regression: c.Regression,
		Encoding: c.Encoding, DropMissing: c.DropMissing, Seed: c.Seed,
	}.Read()
	if err != nil {
		return nil, err
	}
	model, err := bert.Load(c.Model)
	if err != nil {
		return nil, err
	}
	model.Tokenizer = model.Tokenizer.Limit(cmp.Or(c.MaxLength, defaultMaxLength))
	blocks := model.Config.Layers + 1
	t := &Task{model: model, Classes: data.Classes, Task: &finetune.Task{
		Name:           "text",
		Layers:         blocks,
		Defaults:       defaults(),
		Space:          searchSpace(blocks),
		Patience:       2,
		EvaluateAtMost: 500,
	}}
	if err := t.read(data, cmp.Or(c.TextColumn, "text")); err != nil {
		return nil, err
	}
	if c.Balanced && t.Classes != nil {
		t.ClassWeights = t.Training.BalancedWeights(len(t.Classes))
	}
	t.Standardize()
	outputs := max(len(t.Classes), 1)
	t.Network = func(s finetune.Settings, rng *rand.Rand) (*nn.Network, error) {
		return model.Network(bert.Options{
			Outputs: outputs,
			Pooling: pooling,
			Dropout: bert.Dropout{Hidden: s.Dropout, Attention: s.Dropout, Head: s.Dropout},
			Seed:    rng.Uint64(),
			Freeze:  func(net *nn.Network) error { return s.Freeze(net, rng) },
		})
	}
	return t, nil
}

// read sets the parts of the data.
func (t *Task) read(data parts.Parts, column string) error {
	for _, part := range []struct {
		from parts.Part
		to   *train.Set
	}{{data.Training, &t.Training}, {data.Validation, &t.Validation}, {data.Test, &t.Test}} {
		texts, err := part.from.Texts(column)
		if err != nil {
			return err
		}
		if *part.to = part.from.Set; len(texts) > 0 {
			part.to.Batch = t.model.Batch(texts)
		}
	}
	err := data.Shared("texts", func(p parts.Part) ([]string, error) {
		texts, err := p.Texts(column)
		for i, s := range texts {
			texts[i] = strings.TrimSpace(s)
		}
		return texts, err
	})
	t.Dropped, t.Warnings = data.Dropped, data.Warnings
	return err
}

// Save writes a network that the task trained as the folder of a Hugging Face
// model: see bert.model.Save. What it predicts in a regression is in the units
// of the file.
func (t *Task) Save(dir string, net *nn.Network) error {
	defer t.Rescale(net)()
	return t.model.Save(dir, net, t.Classes)
}

// defaults returns the settings that we recommend: those with which encoders
// of this kind are commonly fine-tuned, and frozen embeddings, which are half of
// a small model's weights.
func defaults() finetune.Settings {
	return finetune.Settings{
		LearningRate:     5e-5,
		BatchSize:        16,
		NumTrainEpochs:   3,
		Dropout:          0.1,
		WeightDecay:      0.01,
		LRSchedulerType:  string(train.Linear),
		WarmupRatio:      0.1,
		FrozenLayers:     1,
		MaxGradNorm:      1,
		Tuning:           finetune.Full,
		LoRARank:         8,
		LoRAAlpha:        16,
		LayerwiseLRDecay: 1,
	}
}

// searchSpace returns the ranges that an encoder of so many blocks, embeddings
// included, is searched in. They hold the defaults.
func searchSpace(blocks int) finetune.Space {
	return finetune.Space{
		LearningRate:     space.Float{Low: 1e-5, High: 1e-2, Log: true},
		BatchSize:        space.Int{Low: 8, High: 32, Log: true},
		NumTrainEpochs:   space.Int{Low: 2, High: 6},
		Dropout:          space.Float{Low: 0, High: 0.3},
		WeightDecay:      space.Float{Low: 1e-4, High: 0.3, Log: true},
		LRSchedulerType:  space.Choose(string(train.Constant), string(train.Linear), string(train.Cosine)),
		WarmupRatio:      space.Float{Low: 0, High: 0.2},
		FrozenLayers:     space.Int{Low: 0, High: blocks},
		Tuning:           space.Choose(finetune.Full, finetune.BitFit, finetune.LoRA),
		LoRARank:         space.Int{Low: 2, High: 32, Log: true},
		LoRAAlpha:        space.Float{Low: 4, High: 64, Log: true},
		LayerwiseLRDecay: space.Float{Low: 0.6, High: 1},
	}
}
