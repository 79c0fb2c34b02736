// Package bert reads BERT-like text encoders from the folder of a Hugging Face model, makes
// networks of them for fine-tuning, and writes them back.
//
// J. Devlin, M.-W. Chang, K. Lee, K. Toutanova, "BERT: Pre-training of Deep Bidirectional
// Transformers for Language Understanding", 2019. Sentence models such as MiniLM are of this kind.
package bert

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/safetensors"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/wordpiece"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// A Model is a pretrained encoder. It is immutable, so goroutines may share it; fine-tuning works
// on a Network of it.
type Model struct {
	Config Config

	// Tokenizer makes at most Config.MaxPositions tokens. It may be replaced by one with a lower limit: see
	// Tokenizer.Limit.
	Tokenizer *wordpiece.Tokenizer
	Pooling   Pooling // of the folder, PoolMean or PoolCLS

	dir     string
	tensors map[string]safetensors.Tensor // by parameter name
}

// Load reads the model in a folder: config.json, model.safetensors, the tokenizer and the pooling.
func Load(dir string) (*Model, error) {
	m := &Model{dir: dir}
	var err error
	if m.Config, err = loadConfig(dir); err != nil {
		return nil, err
	}
	if m.Pooling, err = loadPooling(dir); err != nil {
		return nil, err
	}
	if m.Tokenizer, err = wordpiece.Load(dir); err != nil {
		return nil, err
	}
	// A token beyond the table of embeddings would be a panic in the middle of a training.
	if n := m.Tokenizer.Size(); n > m.Config.VocabSize {
		return nil, fmt.Errorf("%s: the tokenizer has %d tokens, want at most vocab_size of config.json, which is %d", dir, n,
			m.Config.VocabSize)
	}
	// A position beyond the table has no embedding.
	m.Tokenizer = m.Tokenizer.Limit(m.Config.MaxPositions)
	if err := m.loadTensors(filepath.Join(dir, "model.safetensors")); err != nil {
		return nil, err
	}
	return m, nil
}

// loadTensors reads the parameters of the encoder and, if present, of the pooler. It accepts the
// prefix of models with a head and the older names of layer norms.
func (m *Model) loadTensors(path string) error {
	r, err := safetensors.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		// Old models have weights only in other formats; say so instead of "not found".
		for _, other := range []string{"pytorch_model.bin", "tf_model.h5", "model.safetensors.index.json"} {
			if _, err := os.Stat(filepath.Join(m.dir, other)); err == nil {
				return fmt.Errorf("%s has %s but no model.safetensors: load it with transformers and save it with save_pretrained",
					m.dir, other)
			}
		}
		return fmt.Errorf("%s has no model.safetensors: %w", m.dir, err)
	}
	if err != nil {
		return err
	}
	defer r.Close()
	// Models with a head keep the encoder under bert.
	prefix := ""
	if _, ok := r.Shape("bert.embeddings.word_embeddings.weight"); ok {
		prefix = "bert."
	}
	m.tensors = make(map[string]safetensors.Tensor)
	for name, want := range m.Config.shapes() {
		stored := prefix + name
		if _, ok := r.Shape(stored); !ok {
			// TensorFlow's names, which old conversions kept.
			old := strings.NewReplacer("LayerNorm.weight", "LayerNorm.gamma", "LayerNorm.bias", "LayerNorm.beta").Replace(stored)
			if _, ok := r.Shape(old); ok {
				stored = old
			}
		}
		shape, ok := r.Shape(stored)
		switch {
		// Sentence models come without a pooler; Network then draws one.
		case !ok && strings.HasPrefix(name, "pooler."):
			continue
		case ok && !slices.Equal(shape, want):
			return fmt.Errorf("%s: tensor %q has shape %v, want %v according to config.json", path, stored, shape, want)
		}
		// A missing tensor is this error too.
		if m.tensors[name], err = r.Tensor(stored); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// Batch returns the tokens of texts as the input of a network.
func (m *Model) Batch(texts []string) nn.Batch {
	b := nn.Batch{Lens: make([]int, len(texts))}
	for i, text := range texts {
		ids := m.Tokenizer.Encode(text)
		b.IDs = append(b.IDs, ids...)
		b.Lens[i] = len(ids)
	}
	return b
}
