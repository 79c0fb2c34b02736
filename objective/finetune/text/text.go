// Package text is fine-tuning tasks on texts: a pretrained encoder of BERT's
// kind, in the folder of a Hugging Face model, learns to tell the classes of
// texts apart, or to predict a number from each, from examples in a CSV file.
package text

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/bluefin-hpo/bluefin/objective/bert"
	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/nn"
	"github.com/bluefin-hpo/bluefin/objective/table"
	"github.com/bluefin-hpo/bluefin/objective/train"
	"github.com/bluefin-hpo/bluefin/space"
)

// DefaultMaxLength is the MaxLength of a Config that has none set.
const DefaultMaxLength = 128

// Config says what a task is. Files are read as package table does.
type Config struct {
	Model string // folder of the encoder: see bert.Load

	Train string // file with the examples to learn from
	Valid string // those to choose by; "": ValidShare of Train, at random, the same share of each class
	Test  string // those to judge the choice by; "": none

	ValidShare  float64 // in (0, 1); 0 means 0.2
	TextColumn  string  // "" means text
	LabelColumn string  // class or, in a regression, number; "" means label
	Regression  bool

	Pooling   bert.Pooling // how the rows of a text become one; PoolDefault: as the model says
	MaxLength int          // tokens of a text at most, the rest is cut off; 0 means DefaultMaxLength, at most what the model bears

	Seed uint64 // of the split
}

// A Task is a finetune.Task on texts.
type Task struct {
	*finetune.Task
	Model   *bert.Model
	Classes []string       // by their labels; nil in a regression
	Scale   finetune.Scale // of the targets of a regression

	// Repeated is how many texts of the validation or the test part are in the
	// training part, too: the more, the more these parts flatter.
	Repeated int
}

// New reads model and data.
func New(c Config) (*Task, error) {
	if c.Model == "" || c.Train == "" {
		return nil, fmt.Errorf("text: Model is %q and Train is %q, want a folder and a file", c.Model, c.Train)
	}
	if c.MaxLength < 0 || c.MaxLength == 1 || c.MaxLength == 2 {
		return nil, fmt.Errorf("text: MaxLength is %d, want at least 3, or 0 for %d", c.MaxLength, DefaultMaxLength)
	}
	c.TextColumn, c.LabelColumn = cmp.Or(c.TextColumn, "text"), cmp.Or(c.LabelColumn, "label")
	model, err := bert.Load(c.Model)
	if err != nil {
		return nil, err
	}
	model.Tokenizer = model.Tokenizer.Limit(cmp.Or(c.MaxLength, DefaultMaxLength))
	t := &Task{Model: model}
	parts, err := t.read(c)
	if err != nil {
		return nil, err
	}
	blocks := model.Config.Layers + 1
	t.Task = &finetune.Task{
		Name:           "text",
		Layers:         blocks,
		Training:       parts[0].set,
		Validation:     parts[1].set,
		Test:           parts[2].set,
		Defaults:       Defaults(),
		Space:          Space(blocks),
		Patience:       2,
		EvaluateAtMost: 500,
	}
	t.Scale = finetune.Standardize(&t.Training, &t.Validation, &t.Test)
	outputs := max(len(t.Classes), 1)
	t.Network = func(s finetune.Settings, rng *rand.Rand) (*nn.Network, error) {
		return model.Network(bert.Options{
			Outputs: outputs,
			Pooling: c.Pooling,
			Dropout: bert.Dropout{Hidden: s.Dropout, Attention: s.Dropout, Head: s.Dropout},
			Seed:    rng.Uint64(),
			Freeze:  func(net *nn.Network) error { return s.Freeze(net, rng) },
		})
	}
	return t, nil
}

// Save writes a network that the task trained as the folder of a Hugging Face
// model: see bert.Model.Save. What it predicts in a regression is in the units
// of the file.
func (t *Task) Save(dir string, net *nn.Network) error {
	t.Scale.Rescale(net, false)
	defer t.Scale.Rescale(net, true)
	return t.Model.Save(dir, net, t.Classes)
}

// Defaults returns the settings that we recommend: those with which encoders
// of this kind are commonly fine-tuned, and frozen embeddings, which are half of
// a small model's weights.
func Defaults() finetune.Settings {
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

// Space returns the ranges that an encoder of so many blocks, embeddings
// included, is searched in. They hold the Defaults.
func Space(blocks int) finetune.Space {
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

// A part is texts with what is to be learned of them.
type part struct {
	texts []string
	set   train.Set
}

// read returns the three parts of the data and sets t.Classes.
func (t *Task) read(c Config) (parts [3]part, err error) {
	for i, path := range []string{c.Train, c.Valid, c.Test} {
		if path == "" {
			continue
		}
		if parts[i], err = t.file(c, path); err != nil {
			return parts, err
		}
	}
	if c.Valid == "" {
		all := parts[0]
		share := cmp.Or(c.ValidShare, 0.2)
		f, err := train.StratifiedSplit(len(all.texts), all.set.Labels, share, c.Seed)
		if err != nil {
			return parts, fmt.Errorf("text: %s: %w", c.Train, err)
		}
		parts[0], parts[1] = all.take(f.Training), all.take(f.Validation)
	}
	seen := make(map[string]bool)
	for _, s := range parts[0].texts {
		seen[strings.TrimSpace(s)] = true
	}
	for i := range parts {
		if i > 0 {
			for _, s := range parts[i].texts {
				if seen[strings.TrimSpace(s)] {
					t.Repeated++
				}
			}
		}
		if len(parts[i].texts) > 0 {
			parts[i].set.Batch = t.Model.Batch(parts[i].texts)
		}
	}
	return parts, nil
}

func (t *Task) file(c Config, path string) (p part, err error) {
	data, err := table.Read(path, 0)
	if err != nil {
		return p, err
	}
	if p.texts, err = data.Texts(c.TextColumn); err != nil {
		return p, err
	}
	switch {
	case c.Regression:
		p.set.Targets, err = data.Numbers(c.LabelColumn)
	case t.Classes == nil:
		t.Classes, p.set.Labels, err = data.Classes(c.LabelColumn)
	default:
		p.set.Labels, err = data.ClassesOf(c.LabelColumn, t.Classes)
	}
	return p, err
}

func (p part) take(indices []int) part {
	q := part{texts: make([]string, len(indices))}
	for i, j := range indices {
		q.texts[i] = p.texts[j]
	}
	q.set.Labels = at(p.set.Labels, indices)
	q.set.Targets = at(p.set.Targets, indices)
	return q
}

// at returns the elements with the given indices, nil for none.
func at[T any](list []T, indices []int) []T {
	if list == nil {
		return nil
	}
	some := make([]T, len(indices))
	for i, j := range indices {
		some[i] = list[j]
	}
	return some
}
