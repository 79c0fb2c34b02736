package tabular

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/batch"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/file"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/mlp"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/parts"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/safetensors"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/table"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/weights"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// The files of a saved network.
const (
	weightsFile  = "model.safetensors"
	featuresFile = "features.json"
)

// saved is the content of featuresFile.
type saved struct {
	Inputs      []table.Input `json:"inputs"`
	Classes     []string      `json:"classes"`
	LabelColumn string        `json:"label_column,omitempty"`
}

// Save writes a network to a folder, which is created if missing: the weights, and how to compute
// features from rows. A regression predicts in the units of the file.
func (t *Task) Save(dir string, net *nn.Network) error {
	// The network learned standardized targets; the file gets the units of the data, and net
	// its own weights back.
	defer t.Rescale(net)()
	features, err := json.MarshalIndent(saved{t.encoder.Inputs, t.Classes, t.labelColumn}, "", "  ")
	if err != nil {
		return err
	}
	b, err := weights.Marshal(net.Params())
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, featuresFile), append(features, '\n'), 0o666),
		os.WriteFile(filepath.Join(dir, weightsFile), b, 0o666),
	)
}

// A Model is a network that Task.Save wrote, for predicting. Only one goroutine at a time may use
// it.
type Model struct {
	Classes     []string // by column of Predict; nil in a regression
	LabelColumn string   // the column it predicts; "" if unknown

	encoder *table.Encoder
	net     *nn.Network
}

// Load reads the network in a folder. The error matches fs.ErrNotExist if there is none.
func Load(dir string) (*Model, error) {
	from, tensors, err := load(dir)
	if err != nil {
		return nil, err
	}
	m := &Model{encoder: &table.Encoder{Inputs: from.Inputs}, Classes: from.Classes, LabelColumn: from.LabelColumn}
	rng := rand.New(rand.NewPCG(0, 0)) // for values that Load replaces
	// The shape follows from features and classes, so the file need not have it.
	m.net = mlp.Of(widths[:], len(m.encoder.Features()), max(len(m.Classes), 1), 0, rng, rng)
	if err := weights.Load(m.net.Params(), tensors); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return m, nil
}

// Columns returns the names of the columns that Predict needs.
func (m *Model) Columns() []string {
	names := make([]string, len(m.encoder.Inputs))
	for i, in := range m.encoder.Inputs {
		names[i] = in.Column
	}
	return names
}

// Predict returns a row for each of rows: the probability of each class, or the number of a
// regression, with the same bits however many rows there are. It finds columns by name and ignores
// others.
func (m *Model) Predict(rows *finetune.Rows) (blas32.General, error) {
	y, err := m.outputs(rows)
	if err == nil && m.Classes != nil {
		parts.Softmax(y)
	}
	return y, err
}

// outputs returns the logits, or the number of a regression.
func (m *Model) outputs(rows *table.Table) (blas32.General, error) {
	x, err := m.encoder.Encode(rows, nil)
	if err != nil {
		return blas32.General{}, err
	}
	return batch.Predict(m.net, nn.Batch{X: x}), nil
}

// load reads what Save wrote.
func load(dir string) (from saved, tensors map[string]safetensors.Tensor, err error) {
	path := filepath.Join(dir, featuresFile)
	b, err := file.Read(path)
	if err != nil {
		return from, nil, err
	}
	if err := json.Unmarshal(b, &from); err != nil {
		return from, nil, fmt.Errorf("%s: %w", path, err)
	}
	// JSON without any of our fields parses too.
	if len(from.Inputs) == 0 {
		return from, nil, fmt.Errorf("%s: there are no inputs, want the columns the network was trained on", path)
	}
	file, err := safetensors.ReadFile(filepath.Join(dir, weightsFile))
	return from, file.Tensors, err
}
