package bert

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/safetensors"
)

// variant is a copy of the tiny model with other files; "" removes one.
func variant(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := copyOf(t, "testdata/tiny", func(*safetensors.File) {})
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		err := os.WriteFile(path, []byte(text), 0o666)
		if text == "" {
			err = os.Remove(path)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// tinyConfig is config.json of the tiny model with other values in fields.
func tinyConfig(t testing.TB, fields map[string]any) string {
	t.Helper()
	b, err := os.ReadFile("testdata/tiny/config.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	for name, value := range fields {
		all[name] = value
		if value == nil {
			delete(all, name)
		}
	}
	if b, err = json.Marshal(all); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestConfig(t *testing.T) {
	m := loadTiny(t)
	want := Config{
		HiddenSize: 32, Layers: 2, Heads: 4, IntermediateSize: 48, Activation: "gelu", VocabSize: 28, MaxPositions: 20, Segments: 2,
		LayerNormEps: 1e-12, InitializerRange: 0.02, HiddenDropout: 0.1, AttentionDropout: 0.1, ClassifierDropout: m.Config.ClassifierDropout,
	}
	if m.Config != want {
		t.Errorf("config is %+v, want %+v", m.Config, want)
	}
	if got, want := m.Config.Dropout(), (Dropout{Hidden: 0.1, Attention: 0.1, Head: 0.25}); got != want {
		t.Errorf("dropout is %+v, want %+v", got, want)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"model_type": "bert"}`), 0o666); err != nil {
		t.Fatal(err)
	}
	c, err := loadConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	base := Config{
		HiddenSize: 768, Layers: 12, Heads: 12, IntermediateSize: 3072, Activation: "gelu", VocabSize: 30522, MaxPositions: 512, Segments: 2,
		LayerNormEps: 1e-12, InitializerRange: 0.02, HiddenDropout: 0.1, AttentionDropout: 0.1,
	}
	if c != base {
		t.Errorf("where config.json says nothing, it is %+v, want %+v", c, base)
	}
	if got, want := c.Dropout(), (Dropout{Hidden: 0.1, Attention: 0.1, Head: 0.1}); got != want {
		t.Errorf("without classifier_dropout dropout is %+v, want %+v", got, want)
	}
}

func TestPooling(t *testing.T) {
	for text, want := range map[string]Pooling{
		`{"pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": false}`: PoolMean,
		`{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}`:                                   PoolCLS,
		`{"embedding_dimension": 32, "pooling_mode": "mean", "include_prompt": true}`:                           PoolMean,
		`{"embedding_dimension": 32, "pooling_mode": "cls"}`:                                                    PoolCLS,
	} {
		m, err := Load(variant(t, map[string]string{"1_Pooling/config.json": text}))
		if err != nil {
			t.Fatal(err)
		}
		if m.Pooling != want {
			t.Errorf("pooling is %v, want %v for %s", m.Pooling, want, text)
		}
	}
	if m := loadTiny(t); m.Pooling != PoolCLS {
		t.Errorf("pooling is %v, want cls where the folder says nothing", m.Pooling)
	}
	for _, p := range []Pooling{PoolDefault, PoolMean, PoolCLS} {
		if got, err := ParsePooling(p.String()); err != nil || got != p {
			t.Errorf("%v is read as %v (%v)", p, got, err)
		}
	}
	if _, err := ParsePooling("max"); err == nil || !strings.Contains(err.Error(), `pooling is "max", want default, mean or cls`) {
		t.Errorf("error is %v", err)
	}
}

func TestLoadRefuses(t *testing.T) {
	config := func(name string, value any) map[string]string {
		return map[string]string{"config.json": tinyConfig(t, map[string]any{name: value})}
	}
	for want, files := range map[string]map[string]string{
		"has no config.json, want the folder of a Hugging Face model":                                         {"config.json": ""},
		"config.json: unexpected end of JSON":                                                                 {"config.json": "{"},
		`model_type is "roberta", want "bert": other models`:                                                  config("model_type", "roberta"),
		`model_type is "", want "bert"`:                                                                       config("model_type", nil),
		`position_embedding_type is "relative_key", want "absolute"`:                                          config("position_embedding_type", "relative_key"),
		"is_decoder or add_cross_attention is true, want an encoder":                                          config("is_decoder", true),
		"hidden_size is 0, want 1 to 16777216":                                                                config("hidden_size", 0),
		"hidden_size is 32, want a multiple of num_attention_heads, which ":                                   config("num_attention_heads", 5),
		"num_hidden_layers is -1, want 1 to":                                                                  config("num_hidden_layers", -1),
		"intermediate_size is 16777217, want 1 to":                                                            config("intermediate_size", 1<<24+1),
		"max_position_embeddings is 1, want 2 to":                                                             config("max_position_embeddings", 1),
		"layer_norm_eps is 0, want it in (0, 1)":                                                              config("layer_norm_eps", 0),
		"initializer_range is -1, want it in [0, 10)":                                                         config("initializer_range", -1),
		"attention dropout is 1, want it in [0, 1)":                                                           config("attention_probs_dropout_prob", 1),
		`hidden_act is "swish", want gelu, gelu_new`:                                                          config("hidden_act", "swish"),
		"cannot unmarshal string into Go struct field":                                                        config("vocab_size", "many"),
		"the tokenizer has 25 tokens, want at most vocab_size":                                                config("vocab_size", 24),
		`tensor "embeddings.word_embeddings.weight" has shape [28 32], want [30 32] according to config.json`: config("vocab_size", 30),
		`tensor "encoder.layer.2.`:                                                                            config("num_hidden_layers", 3),
		"has no model.safetensors":                                                                            {"model.safetensors": ""},
		"has pytorch_model.bin but no model.safetensors":                                                      {"model.safetensors": "", "pytorch_model.bin": "x"},
		"has neither tokenizer.json nor vocab.txt":                                                            {"vocab.txt": ""},
		`the pooling is ["max"], want mean or cls`:                                                            {"1_Pooling/config.json": `{"pooling_mode_max_tokens": true}`},
		"the pooling is [], want mean or cls":                                                                 {"1_Pooling/config.json": `{}`},
		"1_Pooling/config.json: unexpected end of JSON in":                                                    {"1_Pooling/config.json": `{`},
	} {
		if _, err := Load(variant(t, files)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
}

// FuzzConfig loads the tiny model under any config.json: it is an error, or the
// network runs.
func FuzzConfig(f *testing.F) {
	f.Add(tinyConfig(f, nil))
	f.Add(tinyConfig(f, map[string]any{"num_attention_heads": 8, "hidden_act": "relu"}))
	f.Add(tinyConfig(f, map[string]any{"hidden_size": 1 << 24, "num_hidden_layers": 1 << 24}))
	dir := variant(f, nil)
	f.Fuzz(func(t *testing.T, config string) {
		if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o666); err != nil {
			t.Fatal(err)
		}
		m, err := Load(dir)
		if err != nil {
			return
		}
		net, err := m.Network(Options{Outputs: 2})
		if err != nil {
			t.Fatal(err)
		}
		if got := net.Forward(m.Batch(tinyTexts), nil).X; got.Rows != 5 || got.Cols != 2 {
			t.Fatalf("logits are %d×%d, want 5×2", got.Rows, got.Cols)
		}
	})
}
