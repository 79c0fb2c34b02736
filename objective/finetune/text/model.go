package text

import (
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/batch"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/bert"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/parts"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// A Model is a network that Task.Save wrote, for predicting. Only one goroutine at a time may use
// it.
type Model struct {
	Classes []string // by column of Predict; nil in a regression

	encoder *bert.Model
	net     *nn.Network
}

// Load reads the network in a folder.
func Load(dir string) (*Model, error) {
	encoder, err := bert.Load(dir)
	if err != nil {
		return nil, err
	}
	m := &Model{encoder: encoder}
	// Everything frozen, so prediction shares the encoder's memory.
	m.net, m.Classes, err = encoder.Saved()
	return m, err
}

// Predict returns a row for each text: the probability of each class, or the number of a
// regression, with the same bits however many texts there are.
func (m *Model) Predict(texts []string) blas32.General {
	y := m.outputs(texts)
	if m.Classes != nil {
		parts.Softmax(y)
	}
	return y
}

// outputs returns the logits, or the number of a regression.
func (m *Model) outputs(texts []string) blas32.General {
	return batch.Predict(m.net, m.encoder.Batch(texts))
}
