package bert

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/file"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/safetensors"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/weights"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// Saved returns the network that Save wrote to the folder of m, for predicting, and the names of
// its classes, nil for a regression. With PoolCLS it also reads single-label classifiers and
// regressions that transformers saved.
func (m *Model) Saved() (net *nn.Network, labels []string, err error) {
	if net, labels, err = m.saved(); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", m.dir, err)
	}
	return net, labels, nil
}

func (m *Model) saved() (*nn.Network, []string, error) {
	// Where Save puts the last layer depends on the pooling.
	file, prefix := "model.safetensors", "classifier"
	if m.Pooling == PoolMean {
		file, prefix = filepath.Join("2_Dense", "model.safetensors"), "linear"
	}
	tensors, err := headTensors(filepath.Join(m.dir, file), prefix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, errors.New("the encoder has no head for a task: fine-tune it first")
	}
	if err != nil {
		return nil, nil, err
	}
	// A tensor of another shape fails further down, with a message that names it.
	outputs := 0
	if shape := tensors["classifier.weight"].Shape; len(shape) > 0 {
		outputs = shape[0]
	}
	labels, err := m.savedLabels(outputs)
	if err != nil {
		return nil, nil, err
	}
	// All frozen: nothing trains, and the encoder shares the Model's memory.
	net, err := m.Network(Options{Outputs: outputs, Freeze: func(net *nn.Network) error {
		for _, p := range net.Params() {
			p.Frozen = true
		}
		return nil
	}})
	if err != nil {
		return nil, nil, err
	}
	head := net.Head.(nn.Sequential) // as Network builds it
	// Only the last layer: the pooler and the encoder are among the Model's tensors.
	if err := weights.Load(head[len(head)-1].Params(), tensors); err != nil {
		return nil, nil, err
	}
	return net, labels, nil
}

// headTensors returns the tensors of the last layer by parameter name, from a file in which the
// layer has another name.
func headTensors(path, name string) (map[string]safetensors.Tensor, error) {
	r, err := safetensors.Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	all := make(map[string]safetensors.Tensor)
	for _, part := range []string{".weight", ".bias"} {
		if _, ok := r.Shape(name + part); !ok {
			// A pretrained encoder without a head; the caller explains what to do.
			return nil, fs.ErrNotExist
		}
		if all["classifier"+part], err = r.Tensor(name + part); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return all, nil
}

// savedLabels reads the names of the classes from config.json.
func (m *Model) savedLabels(outputs int) ([]string, error) {
	b, err := file.Read(filepath.Join(m.dir, "config.json"))
	if err != nil {
		return nil, err
	}
	var c struct {
		Problem string            `json:"problem_type"`
		Labels  map[string]string `json:"id2label"`
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return nil, fmt.Errorf("config.json: %w", err)
	}
	switch {
	// Transformers guesses in the same way when problem_type is missing.
	case c.Problem == "regression" || c.Problem == "" && outputs == 1:
		return nil, nil
	case c.Problem != "" && c.Problem != "single_label_classification":
		return nil, fmt.Errorf("config.json: problem_type is %q, want single_label_classification or regression", c.Problem)
	}
	labels := make([]string, outputs)
	for i := range labels {
		name, ok := c.Labels[strconv.Itoa(i)]
		// Fewer names would leave classes without one, more would be another model's.
		if !ok || len(c.Labels) != outputs {
			return nil, fmt.Errorf("config.json: id2label names %d classes, want the %d of the network, numbered from 0",
				len(c.Labels), outputs)
		}
		labels[i] = name
	}
	return labels, nil
}
