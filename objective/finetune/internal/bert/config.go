package bert

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/file"
)

// Config is the size and shape of an encoder, with the field names of config.json.
type Config struct {
	HiddenSize       int     `json:"hidden_size"`             // width of a row
	Layers           int     `json:"num_hidden_layers"`       // encoder layers
	Heads            int     `json:"num_attention_heads"`     // of each layer; divides HiddenSize
	IntermediateSize int     `json:"intermediate_size"`       // width between the two dense sublayers of a layer
	Activation       string  `json:"hidden_act"`              // between them: gelu, gelu_new, gelu_pytorch_tanh or relu
	VocabSize        int     `json:"vocab_size"`              // tokens
	MaxPositions     int     `json:"max_position_embeddings"` // rows of the longest example
	Segments         int     `json:"type_vocab_size"`         // of which texts use the first
	LayerNormEps     float64 `json:"layer_norm_eps"`
	InitializerRange float64 `json:"initializer_range"` // standard deviation of the weights of new layers

	HiddenDropout     float64  `json:"hidden_dropout_prob"`          // after embeddings and dense sublayers
	AttentionDropout  float64  `json:"attention_probs_dropout_prob"` // of the attention weights
	ClassifierDropout *float64 `json:"classifier_dropout"`           // before the last layer; nil means HiddenDropout
}

// defaultConfig has the values for fields missing in config.json: those of BERT base.
func defaultConfig() Config {
	return Config{
		HiddenSize: 768, Layers: 12, Heads: 12, IntermediateSize: 3072, Activation: "gelu",
		VocabSize: 30522, MaxPositions: 512, Segments: 2,
		LayerNormEps: 1e-12, InitializerRange: 0.02, HiddenDropout: 0.1, AttentionDropout: 0.1,
	}
}

// loadConfig reads config.json. A model that is not a BERT encoder is an error that says why.
func loadConfig(dir string) (Config, error) {
	path := filepath.Join(dir, "config.json")
	b, err := file.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, fmt.Errorf("%s has no config.json, want the folder of a Hugging Face model: %w", dir, err)
	}
	if err != nil {
		return Config{}, err
	}
	// Fields that decide whether this is an encoder we can build; their defaults are BERT's.
	kind := struct {
		ModelType string `json:"model_type"`
		Position  string `json:"position_embedding_type"`
		Decoder   bool   `json:"is_decoder"`
		Cross     bool   `json:"add_cross_attention"`
	}{Position: "absolute"}
	// json leaves what is missing as it is.
	c := defaultConfig()
	if err := cmp.Or(json.Unmarshal(b, &kind), json.Unmarshal(b, &c)); err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	switch {
	case kind.ModelType != "bert":
		err = fmt.Errorf("model_type is %q, want \"bert\": other models, such as distilbert and roberta, "+
			"have different layers or tokenizers", kind.ModelType)
	case kind.Position != "absolute":
		err = fmt.Errorf("position_embedding_type is %q, want \"absolute\"", kind.Position)
	case kind.Decoder || kind.Cross:
		err = errors.New("is_decoder or add_cross_attention is true, want an encoder")
	// Sizes last: of another architecture they would mean nothing.
	default:
		err = c.check()
	}
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// check returns an error if a field is out of its range.
func (c Config) check() error {
	const most = 1 << 24 // larger sizes are typing errors, and their squares overflow
	for _, f := range []struct {
		name  string
		value int
		low   int
	}{
		{"hidden_size", c.HiddenSize, 1}, {"num_hidden_layers", c.Layers, 1}, {"num_attention_heads", c.Heads, 1},
		// Two positions at least, for [CLS] and [SEP].
		{"intermediate_size", c.IntermediateSize, 1}, {"vocab_size", c.VocabSize, 1},
		{"max_position_embeddings", c.MaxPositions, 2},
		{"type_vocab_size", c.Segments, 1},
	} {
		if f.value < f.low || f.value > most {
			return fmt.Errorf("%s is %d, want %d to %d", f.name, f.value, f.low, most)
		}
	}
	if c.HiddenSize%c.Heads != 0 {
		return fmt.Errorf("hidden_size is %d, want a multiple of num_attention_heads, which is %d", c.HiddenSize, c.Heads)
	}
	// Negated, so NaN is refused too.
	if !(c.LayerNormEps > 0 && c.LayerNormEps < 1) {
		return fmt.Errorf("layer_norm_eps is %v, want it in (0, 1)", c.LayerNormEps)
	}
	// 10 is far above any use; it keeps infinities out of the weights.
	if !(c.InitializerRange >= 0 && c.InitializerRange < 10) {
		return fmt.Errorf("initializer_range is %v, want it in [0, 10)", c.InitializerRange)
	}
	if _, err := c.activation(); err != nil {
		return err
	}
	return c.Dropout().check()
}

// Dropout returns the probabilities the model was trained with.
func (c Config) Dropout() Dropout {
	d := Dropout{Hidden: c.HiddenDropout, Attention: c.AttentionDropout, Head: c.HiddenDropout}
	if c.ClassifierDropout != nil {
		d.Head = *c.ClassifierDropout
	}
	return d
}

// Dropout is the probabilities of dropout, each in [0, 1). The zero value is none.
type Dropout struct {
	Hidden    float64 // after the embeddings, the attention and the dense sublayers
	Attention float64 // of the attention weights
	Head      float64 // before the last layer
}

// check returns an error if a rate is out of range. A rate of 1 would drop everything and
// scale by infinity.
func (d Dropout) check() error {
	for _, f := range []struct {
		name string
		rate float64
	}{{"hidden", d.Hidden}, {"attention", d.Attention}, {"head", d.Head}} {
		if !(f.rate >= 0 && f.rate < 1) {
			return fmt.Errorf("%s dropout is %v, want it in [0, 1)", f.name, f.rate)
		}
	}
	return nil
}

// Pooling reduces the rows of a text to one.
type Pooling int

// Ways to pool.
const (
	PoolDefault Pooling = iota // as defined by the model's folder
	PoolMean                   // the mean of all rows
	PoolCLS                    // the first row, then a dense layer and tanh, as in BERT
)

// String returns mean, cls or default.
func (p Pooling) String() string { return [...]string{"default", "mean", "cls"}[p] }

// ParsePooling is the inverse of String.
func ParsePooling(name string) (Pooling, error) {
	for _, p := range []Pooling{PoolDefault, PoolMean, PoolCLS} {
		if name == p.String() {
			return p, nil
		}
	}
	return 0, fmt.Errorf("pooling is %q, want default, mean or cls", name)
}

// loadPooling reads 1_Pooling/config.json of sentence models. Without that file it is PoolCLS.
func loadPooling(dir string) (Pooling, error) {
	path := filepath.Join(dir, "1_Pooling", "config.json")
	b, err := file.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return PoolCLS, nil
	}
	if err != nil {
		return 0, err
	}
	// One key for each way, true or false; in newer files one text.
	var modes map[string]any
	if err := json.Unmarshal(b, &modes); err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	var on []string
	for name, value := range modes {
		switch {
		case name == "pooling_mode": // in newer files
			on = append(on, fmt.Sprint(value))
		case strings.HasPrefix(name, "pooling_mode_") && value == true:
			on = append(on, strings.TrimSuffix(strings.TrimPrefix(name, "pooling_mode_"), "_tokens"))
		}
	}
	switch {
	case len(on) == 1 && on[0] == "mean":
		return PoolMean, nil
	case len(on) == 1 && (on[0] == "cls" || on[0] == "cls_token"):
		return PoolCLS, nil
	}
	// Several at once, which sentence-transformers concatenates, would need another head.
	return 0, fmt.Errorf("%s: the pooling is %q, want mean or cls", path, on)
}
