package bert

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/file"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/safetensors"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/wordpiece"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// Save writes a Network of m as the folder of a Hugging Face model. It creates the folder if
// missing and replaces files of the same names. Labels are the class names in the order of the
// outputs, nil for a regression. Low-rank terms are merged into the weights, also in net.
//
// With PoolCLS, transformers reads it as AutoModelForSequenceClassification. With PoolMean,
// AutoModel reads the encoder, and sentence-transformers reads all of it: a SentenceTransformer
// encodes a text to the outputs, because the dense layer in 2_Dense follows the mean of the rows.
func (m *Model) Save(dir string, net *nn.Network, labels []string) error {
	if err := m.save(dir, net, labels); err != nil {
		return fmt.Errorf("saving to %s: %w", dir, err)
	}
	return nil
}

func (m *Model) save(dir string, net *nn.Network, labels []string) error {
	// Files are replaced one by one: a failure would leave neither model.
	if same(dir, m.dir) {
		return errors.New("the folder holds the pretrained model, want another one")
	}
	// Hugging Face knows no low-rank terms inside BertModel.
	nn.Walk(net, func(l nn.Layer) {
		if d, ok := l.(*nn.Dense); ok {
			d.MergeLoRA()
		}
	})
	head := net.Head.(nn.Sequential) // as Network builds it
	_, mean := head[0].(*nn.MeanPool)
	classifier := head[len(head)-1].(*nn.Dense)
	outputs := len(classifier.B.Value)
	// All checks before the first file is written.
	if labels != nil && len(labels) != outputs {
		return fmt.Errorf("there are %d labels, want one for each of the %d outputs", len(labels), outputs)
	}
	// label2id could hold only one of two equal names.
	for i, label := range labels {
		if j := slices.Index(labels, label); j < i {
			return fmt.Errorf("labels %d and %d are both %q, want a name for each class", j, i, label)
		}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	tensors := maps.Clone(m.tensors) // includes the pooler even if net has none
	for _, p := range net.Params() {
		tensors[p.Name] = safetensors.Tensor{Shape: p.Shape, Data: p.Value}
	}
	var err error
	if mean {
		err = saveSentence(dir, tensors, classifier)
		for _, p := range classifier.Params() {
			delete(tensors, p.Name)
		}
	} else {
		tensors = prefixed(tensors)
	}
	return errors.Join(err,
		writeTensors(filepath.Join(dir, "model.safetensors"), tensors),
		m.saveConfig(dir, labels, outputs, mean),
		m.saveTokenizer(dir),
	)
}

// prefixed adds the prefix of models with a head to the names, except those of the last layer.
func prefixed(tensors map[string]safetensors.Tensor) map[string]safetensors.Tensor {
	all := make(map[string]safetensors.Tensor, len(tensors))
	for name, t := range tensors {
		if name != "classifier.weight" && name != "classifier.bias" {
			name = "bert." + name
		}
		all[name] = t
	}
	return all
}

// saveSentence writes the files that sentence-transformers needs in addition to the encoder.
func saveSentence(dir string, tensors map[string]safetensors.Tensor, classifier *nn.Dense) error {
	width := classifier.W.Shape[1]
	// sentence-transformers imports the class by this name.
	module := func(i int, path, kind string) map[string]any {
		return map[string]any{"idx": i, "name": strconv.Itoa(i), "path": path, "type": "sentence_transformers.models." + kind}
	}
	for _, sub := range []string{"1_Pooling", "2_Dense"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o777); err != nil {
			return err
		}
	}
	return errors.Join(
		writeJSON(filepath.Join(dir, "modules.json"), []any{module(0, "", "Transformer"), module(1, "1_Pooling", "Pooling"),
			module(2, "2_Dense", "Dense")}),
		writeJSON(filepath.Join(dir, "1_Pooling", "config.json"), map[string]any{
			"word_embedding_dimension": width, "pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true,
			"pooling_mode_max_tokens": false, "pooling_mode_mean_sqrt_len_tokens": false,
		}),
		writeJSON(filepath.Join(dir, "2_Dense", "config.json"), map[string]any{
			// Identity, because our head has no activation after its last layer.
			"in_features": width, "out_features": classifier.W.Shape[0], "bias": true,
			"activation_function": "torch.nn.modules.linear.Identity",
		}),
		writeTensors(filepath.Join(dir, "2_Dense", "model.safetensors"), map[string]safetensors.Tensor{
			"linear.weight": tensors["classifier.weight"], "linear.bias": tensors["classifier.bias"],
		}),
	)
}

// saveConfig writes config.json: the model's own, with the new head.
func (m *Model) saveConfig(dir string, labels []string, outputs int, mean bool) error {
	// transformers chooses class and loss by these fields.
	architecture, problem := "BertForSequenceClassification", "single_label_classification"
	if mean {
		architecture = "BertModel"
	}
	if labels == nil {
		// transformers wants a name for each output of a regression too.
		problem = "regression"
		for i := range outputs {
			labels = append(labels, "LABEL_"+strconv.Itoa(i))
		}
	}
	byID, byLabel := make(map[string]string), make(map[string]int)
	for i, label := range labels {
		byID[strconv.Itoa(i)] = label
		byLabel[label] = i
	}
	return m.changed(dir, "config.json", map[string]any{
		"architectures": []string{architecture}, "problem_type": problem, "id2label": byID, "label2id": byLabel,
		// Older and newer versions read different names.
		"torch_dtype": "float32", "dtype": "float32",
	})
}

// saveTokenizer copies the tokenizer, with m's limit.
func (m *Model) saveTokenizer(dir string) error {
	// Texts must be cut as in training when others use the model.
	limit := m.Tokenizer.MaxTokens()
	for _, name := range wordpiece.Files() {
		b, err := file.Read(filepath.Join(m.dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			// A model has either the slow or the fast tokenizer's files.
			continue
		}
		if err == nil {
			err = file.Write(filepath.Join(dir, name), "", 0o644, func(w io.Writer) error { _, err := w.Write(b); return err })
		}
		if err != nil {
			return err
		}
	}
	return errors.Join(
		m.changed(dir, "tokenizer_config.json", map[string]any{"tokenizer_class": "BertTokenizer",
			"model_max_length": limit}),
		m.changed(dir, "sentence_bert_config.json", map[string]any{"max_seq_length": limit}),
	)
}

// changed writes a JSON file of the model with some fields replaced.
func (m *Model) changed(dir, name string, fields map[string]any) error {
	// Unknown fields of the pretrained model survive.
	all := make(map[string]any)
	b, err := file.Read(filepath.Join(m.dir, name))
	if err == nil {
		err = json.Unmarshal(b, &all)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	maps.Copy(all, fields)
	return writeJSON(filepath.Join(dir, name), all)
}

// writeJSON writes a file whole or not at all.
func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return file.Write(path, "", 0o644, func(w io.Writer) error { _, err := w.Write(append(b, '\n')); return err })
}

// writeTensors writes a file with the metadata that transformers requires.
func writeTensors(path string, tensors map[string]safetensors.Tensor) error {
	return file.Write(path, "", 0o644, func(w io.Writer) error {
		return safetensors.Write(w, safetensors.File{Metadata: map[string]string{"format": "pt"}, Tensors: tensors})
	})
}

// same reports whether two paths name the same folder.
func same(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	// A folder that does not exist yet is another one.
	return errX == nil && errY == nil && os.SameFile(x, y)
}
