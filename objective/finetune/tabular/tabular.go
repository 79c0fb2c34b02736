// Package tabular is fine-tuning tasks on tables: a multilayer perceptron learns
// to predict one column of a CSV file from the others, from fresh weights or
// from those of a network that was trained on another file with the same
// columns.
package tabular

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
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
	Classes []string       // by their labels; nil in a regression
	Scale   finetune.Scale // of the targets of a regression
}

// New reads the data.
func New(c Config) (*Task, error) {
	if c.Train == "" {
		return nil, fmt.Errorf("tabular: Train is %q, want a file", c.Train)
	}
	for name, share := range map[string]float64{"ValidShare": c.ValidShare, "TestShare": c.TestShare} {
		if !(share >= 0 && share < 1) {
			return nil, fmt.Errorf("tabular: %s is %v, want at least 0 and below 1", name, share)
		}
	}
	c.LabelColumn = cmp.Or(c.LabelColumn, "label")
	t := &Task{Task: &finetune.Task{Name: "csv", Layers: Blocks, Defaults: finetune.Defaults(), Space: finetune.DefaultSpace(Blocks)}}
	var start map[string]safetensors.Tensor
	if c.Pretrained != "" {
		var err error
		if start, err = t.load(c.Pretrained); err != nil {
			return nil, err
		}
	} else {
		t.Space.FrozenLayers.High = 0 // nobody freezes what is random
	}
	if err := t.read(c); err != nil {
		return nil, err
	}
	if c.Balanced && t.Classes != nil {
		t.ClassWeights = train.BalancedWeights(t.Training.Labels, len(t.Classes))
	}
	t.Scale = finetune.Standardize(&t.Training, &t.Validation, &t.Test)
	in, outputs := t.Training.X.Cols, max(len(t.Classes), 1)
	t.Network = func(s finetune.Settings, rng *rand.Rand) (*nn.Network, error) {
		net := network(in, outputs, s.Dropout, rand.New(rand.NewPCG(c.Seed, 1)), rng)
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

// network returns a multilayer perceptron with fresh weights: normal with
// variance 2/in before a ReLU (K. He, X. Zhang, S. Ren, J. Sun, "Delving Deep
// into Rectifiers", 2015) and 1/in in the head.
func network(in, outputs int, dropout float64, blocks, head *rand.Rand) *nn.Network {
	var n nn.Network
	for i, out := range widths {
		d := nn.NewDense(fmt.Sprintf("hidden.%d", i), in, out)
		d.Init(math.Sqrt(2/float64(in)), blocks)
		n.Blocks = append(n.Blocks, nn.Sequential{d, &nn.ReLU{}, &nn.Dropout{Rate: dropout}})
		in = out
	}
	d := nn.NewDense("head", in, outputs)
	d.Init(math.Sqrt(1/float64(in)), head)
	n.Head = d
	return &n
}

// read returns the parts of the data, encoded by what the training part holds.
func (t *Task) read(c Config) error {
	data, err := table.Read(c.Train, 0)
	if err != nil {
		return err
	}
	whole, err := t.labels(c, data)
	if err != nil {
		return err
	}
	rows := make([]int, data.Len())
	for i := range rows {
		rows[i] = i
	}
	// split takes a share of the rows that are left.
	split := func(share float64, seed uint64) (taken []int, err error) {
		f, err := train.StratifiedSplit(len(rows), at(whole.Labels, rows), share, seed)
		if err != nil {
			return nil, fmt.Errorf("tabular: %s: %w", c.Train, err)
		}
		taken, rows = at(rows, f.Validation), at(rows, f.Training)
		return taken, nil
	}
	var valid, test []int
	if c.Test == "" && c.TestShare > 0 {
		if test, err = split(c.TestShare, c.Seed); err != nil {
			return err
		}
	}
	if c.Valid == "" {
		if valid, err = split(cmp.Or(c.ValidShare, 0.2), c.Seed+1); err != nil {
			return err
		}
	}
	if t.Encoder == nil {
		if t.Encoder, err = table.NewEncoder(data, rows, c.LabelColumn); err != nil {
			return err
		}
	}
	if t.Training, err = t.part(data, whole, rows); err != nil {
		return err
	}
	for _, p := range []struct {
		path string
		rows []int
		set  *train.Set
	}{{c.Valid, valid, &t.Validation}, {c.Test, test, &t.Test}} {
		from, targets := data, whole
		if p.path != "" {
			if from, err = table.Read(p.path, 0); err != nil {
				return err
			}
			if targets, err = t.labels(c, from); err != nil {
				return err
			}
		} else if p.rows == nil {
			continue
		}
		if *p.set, err = t.part(from, targets, p.rows); err != nil {
			return err
		}
	}
	return nil
}

// labels returns what is to be predicted in each row, and no features.
func (t *Task) labels(c Config, data *table.Table) (s train.Set, err error) {
	switch {
	case c.Regression:
		s.Targets, err = data.Numbers(c.LabelColumn)
	case t.Classes == nil:
		t.Classes, s.Labels, err = data.Classes(c.LabelColumn)
	default:
		s.Labels, err = data.ClassesOf(c.LabelColumn, t.Classes)
	}
	return s, err
}

// part returns the given rows as examples, all for nil.
func (t *Task) part(data *table.Table, whole train.Set, rows []int) (s train.Set, err error) {
	if s.X, err = t.Encoder.Encode(data, rows); err != nil {
		return s, err
	}
	s.Labels, s.Targets = whole.Labels, whole.Targets
	if rows != nil {
		s.Labels, s.Targets = at(whole.Labels, rows), at(whole.Targets, rows)
	}
	return s, nil
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

// The files of a saved network.
const (
	weightsFile  = "model.safetensors"
	featuresFile = "features.json"
)

// Save writes a network of the task to a folder, which is made if it is not
// there: the weights, and how rows become its features. What it predicts in a
// regression is in the units of the file.
func (t *Task) Save(dir string, net *nn.Network) error {
	t.Scale.Rescale(net, false)
	defer t.Scale.Rescale(net, true)
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
	for name, b := range map[string][]byte{featuresFile: append(features, '\n'), weightsFile: weights} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
			return fmt.Errorf("tabular: %w", err)
		}
	}
	return nil
}

// load reads what Save wrote, and sets t.Encoder.
func (t *Task) load(dir string) (map[string]safetensors.Tensor, error) {
	b, err := os.ReadFile(filepath.Join(dir, featuresFile))
	if err != nil {
		return nil, fmt.Errorf("tabular: pretrained: %w", err)
	}
	var saved struct {
		Inputs []table.Input `json:"inputs"`
	}
	if err := json.Unmarshal(b, &saved); err != nil {
		return nil, fmt.Errorf("tabular: pretrained: %s: %w", filepath.Join(dir, featuresFile), err)
	}
	t.Encoder = &table.Encoder{Inputs: saved.Inputs}
	if b, err = os.ReadFile(filepath.Join(dir, weightsFile)); err != nil {
		return nil, fmt.Errorf("tabular: pretrained: %w", err)
	}
	file, err := safetensors.Unmarshal(b)
	if err != nil {
		return nil, fmt.Errorf("tabular: pretrained: %s: %w", filepath.Join(dir, weightsFile), err)
	}
	return file.Tensors, nil
}
