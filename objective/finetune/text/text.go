// Package text makes fine-tuning tasks from texts in a CSV file: a pretrained BERT encoder, from
// the folder of a Hugging Face model, learns to classify them or to predict a number from each.
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

// defaultMaxLength is the default of Config.MaxLength.
const defaultMaxLength = 128

// Config describes a task. The first line of each CSV file names its columns.
type Config struct {
	Model string // folder of the encoder: config.json, model.safetensors and the tokenizer

	Train string // file of training examples
	Valid string // file of validation examples; "": a random, stratified ValidShare of Train
	Test  string // file of test examples; "": a random, stratified TestShare of Train

	ValidShare float64 // in (0, 1); 0 means 0.2
	TestShare  float64 // in (0, 1); 0: none

	TextColumn  string // "" means text
	LabelColumn string // class or, in a regression, number; "" means label
	Regression  bool
	Balanced    bool // all classes have the same total weight in the loss

	Encoding    string // of the files, see finetune.Encodings; "" means utf-8
	DropMissing bool   // leave out rows without text or label instead of failing

	Pooling   string // of a text's tokens: mean, cls, or default, which the model defines; "" means default
	MaxLength int    // texts are cut at this many tokens; 0 means 128, or the model's limit if that is lower

	Seed uint64 // of the splits
}

// A Task is a finetune.Task on texts.
type Task struct {
	*finetune.Task
	Classes []string // by their labels; nil in a regression

	Dropped  int     // rows left out
	Warnings []error // oddities of the data

	model *bert.Model
}

// New reads the model and the data.
func New(c Config) (*Task, error) {
	if c.Model == "" {
		return nil, errors.New("Model is \"\", want the folder of an encoder")
	}
	// Two tokens are [CLS] and [SEP].
	if c.MaxLength < 0 || c.MaxLength == 1 || c.MaxLength == 2 {
		return nil, fmt.Errorf("MaxLength is %d, want at least 3, or 0 for %d", c.MaxLength, defaultMaxLength)
	}
	pooling, err := bert.ParsePooling(cmp.Or(c.Pooling, "default"))
	if err != nil {
		return nil, err
	}
	// The data first: it is read faster, and mistakes are more likely there.
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
	// Attention grows with the square of the length, and most texts are short.
	model.Tokenizer = model.Tokenizer.Limit(cmp.Or(c.MaxLength, defaultMaxLength))
	// The embeddings are a block too.
	blocks := model.Config.Layers + 1
	t := &Task{model: model, Classes: data.Classes, Task: &finetune.Task{
		Name:     "text",
		Layers:   blocks,
		Defaults: defaults(),
		Space:    searchSpace(blocks),
		// Encoders overfit within a few epochs.
		Patience: 2,
		// A sample of the training texts is enough to see overfitting.
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
			// One rate for all three, so only one is searched.
			Dropout: bert.Dropout{Hidden: s.Dropout, Attention: s.Dropout, Head: s.Dropout},
			Seed:    rng.Uint64(),
			Freeze:  func(net *nn.Network) error { return s.Freeze(net, rng) },
		})
	}
	return t, nil
}

// read sets the data.
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
			// Spaces make no difference to the tokens.
			texts[i] = strings.TrimSpace(s)
		}
		return texts, err
	})
	t.Dropped, t.Warnings = data.Dropped, data.Warnings
	return err
}

// Save writes a network of the task as the folder of a Hugging Face model. A regression predicts in
// the units of the file.
func (t *Task) Save(dir string, net *nn.Network) error {
	defer t.Rescale(net)()
	return t.model.Save(dir, net, t.Classes)
}

// defaults returns the usual settings for fine-tuning such encoders, with frozen embeddings, which
// are half of a small model's weights.
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

// searchSpace returns the ranges for an encoder with that many blocks, including embeddings. They
// include the defaults.
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
		Beliefs:          finetune.DefaultBeliefs(),
	}
}
