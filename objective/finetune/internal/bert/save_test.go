package bert

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/pytorch"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/safetensors"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// tuned is a network with other weights than its model in every part, as
// fine-tuning makes them.
func tuned(t testing.TB, m *Model, o Options) *nn.Network {
	t.Helper()
	o.Freeze = func(net *nn.Network) error {
		rng := rand.New(rand.NewPCG(3, 3))
		d := net.Blocks[1].(nn.Sequential)[0].(*nn.Residual).F.(nn.Sequential)[0].(*nn.MultiHeadAttention).Query
		d.AddLoRA(2, 4, 0, rng)
		return freezeBlocks(2)(net)
	}
	net, err := m.Network(o)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(2, 2))
	for _, p := range net.Params() {
		if p.Grad == nil { // in the memory of the model
			continue
		}
		for i := range p.Value {
			p.Value[i] += float32(0.1 * rng.NormFloat64())
		}
	}
	return net
}

func TestSaveAndLoad(t *testing.T) {
	m := loadTiny(t)
	for _, pooling := range []Pooling{PoolCLS, PoolMean} {
		net := tuned(t, m, Options{Outputs: 3, Pooling: pooling})
		dir := filepath.Join(t.TempDir(), "new", "folder")
		for range 2 { // the second time over the first
			if err := m.Save(dir, net, []string{"late", "fine", "broken"}); err != nil {
				t.Fatal(err)
			}
		}
		want := slices.Clone(net.Forward(m.Batch(tinyTexts), nil).X.Data)
		again, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		if again.Pooling != pooling {
			t.Errorf("%v: pooling is %v when read back", pooling, again.Pooling)
		}
		other, err := again.Network(Options{Outputs: 3})
		if err != nil {
			t.Fatal(err)
		}
		file, names := "model.safetensors", []string{"classifier.weight", "classifier.bias"}
		if pooling == PoolMean {
			file, names = "2_Dense/model.safetensors", []string{"linear.weight", "linear.bias"}
		}
		head, err := safetensors.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		if head.Metadata["format"] != "pt" {
			t.Errorf("%v: metadata are %v, want the format pt", pooling, head.Metadata)
		}
		params := other.Head.Params()
		for i, p := range params[len(params)-2:] {
			copy(p.Value, head.Tensors[names[i]].Data)
		}
		if got := other.Forward(again.Batch(tinyTexts), nil).X.Data; !slices.Equal(got, want) {
			t.Errorf("%v: logits are %v when read back, want %v", pooling, got, want)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*.*.*")); len(left) > 0 {
			t.Errorf("%v: %q are left over", pooling, left)
		}
	}
}

func TestSavedFilesSayWhatTheNetworkIs(t *testing.T) {
	m := loadTiny(t)
	m.Tokenizer = m.Tokenizer.Limit(12)
	for _, c := range []struct {
		options Options
		labels  []string
		want    map[string][]string // in the files
	}{
		{Options{Outputs: 1}, nil, map[string][]string{
			"config.json": {
				`"problem_type":"regression"`, `"architectures":["BertForSequenceClassification"]`, `"id2label":{"0":"LABEL_0"}`,
				`"hidden_size":32`, `"layer_norm_eps":1e-12`, // as they were
			},
			"tokenizer_config.json":     {`"model_max_length":12`, `"do_lower_case":true`},
			"sentence_bert_config.json": {`"max_seq_length":12`},
		}},
		{Options{Outputs: 2, Pooling: PoolMean}, []string{"ham", "spam"}, map[string][]string{
			"config.json": {
				`"problem_type":"single_label_classification"`, `"architectures":["BertModel"]`, `"id2label":{"0":"ham","1":"spam"}`, `"label2id":{"ham":0,"spam":1}`,
			},
			"modules.json":          {`"path":"2_Dense","type":"sentence_transformers.models.Dense"`},
			"1_Pooling/config.json": {`"pooling_mode_mean_tokens":true`, `"pooling_mode_cls_token":false`},
			"2_Dense/config.json":   {`"in_features":32,"out_features":2`, "Identity"},
		}},
	} {
		net, err := m.Network(c.options)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if err := m.Save(dir, net, c.labels); err != nil {
			t.Fatal(err)
		}
		for name, texts := range c.want {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			var tight bytes.Buffer
			if err := json.Compact(&tight, b); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, text := range texts {
				if !strings.Contains(tight.String(), text) {
					t.Errorf("%s is %s, want %s in it", name, tight.String(), text)
				}
			}
		}
	}
}

func TestSaveRefuses(t *testing.T) {
	m := loadTiny(t)
	net, err := m.Network(Options{Outputs: 3})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Save("testdata/../testdata/tiny", net, nil); err == nil || !strings.Contains(err.Error(), "holds the pretrained model") {
		t.Errorf("to the model's own folder: error is %v", err)
	}
	if err := m.Save(t.TempDir(), net, []string{"a", "b"}); err == nil || !strings.Contains(err.Error(), "there are 2 labels, want one for each of the 3 outputs") {
		t.Errorf("too few labels: error is %v", err)
	}
	if err := m.Save(t.TempDir(), net, []string{"a", "b", "a"}); err == nil || !strings.Contains(err.Error(), `labels 0 and 2 are both "a"`) {
		t.Errorf("a label twice: error is %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := m.Save(filepath.Join(file, "dir"), net, nil); err == nil {
		t.Error("into a file: no error")
	}
}

// A fineTuned network is to be saved.
type fineTuned struct {
	name   string
	model  *Model
	net    *nn.Network
	kind   string   // cls or mean
	labels []string // nil: a regression
}

// sameInPython checks that the Hugging Face libraries compute the outputs of
// networks from the folders that they are saved to.
func sameInPython(t *testing.T, texts []string, cases ...fineTuned) {
	t.Helper()
	type question struct {
		Folder string   `json:"folder"`
		Texts  []string `json:"texts"`
		Kind   string   `json:"kind"`
	}
	var questions []question
	for _, c := range cases {
		dir := t.TempDir()
		if err := c.model.Save(dir, c.net, c.labels); err != nil {
			t.Fatal(err)
		}
		questions = append(questions, question{dir, texts, c.kind})
	}
	var answers []struct {
		Logits, Sentence    [][]float32
		Labels              []string
		Problem             string
		Missing, Unexpected []string
	}
	pytorch.Ask(t, "testdata/logits.py", questions, &answers)
	for i, c := range cases {
		answer := answers[i]
		got := c.net.Forward(c.model.Batch(texts), nil).X
		compare := func(by string, rows [][]float32) {
			far, scale := distance(got.Data, slices.Concat(rows...))
			t.Logf("%s, by %s: outputs are off by %.2g, the largest is %.2g", c.name, by, far, scale)
			if !(far <= 1e-3) {
				t.Errorf("%s, by %s: outputs are off by %.2g, want at most 1e-3", c.name, by, far)
			}
		}
		compare("transformers", answer.Logits)
		if c.kind == "mean" {
			compare("sentence-transformers", answer.Sentence)
		}
		labels, problem := c.labels, "single_label_classification"
		if labels == nil {
			labels, problem = []string{"LABEL_0"}, "regression"
		}
		if !slices.Equal(answer.Labels, labels) || answer.Problem != problem {
			t.Errorf("%s: labels are %q of a %s, want %q of a %s", c.name, answer.Labels, answer.Problem, labels, problem)
		}
		if len(answer.Missing) > 0 || len(answer.Unexpected) > 0 {
			t.Errorf("%s: %q are missing and %q too many", c.name, answer.Missing, answer.Unexpected)
		}
	}
}

func TestTransformersReadsWhatIsSaved(t *testing.T) {
	pytorch.Need(t)
	m, short := loadTiny(t), loadTiny(t)
	short.Tokenizer = short.Tokenizer.Limit(6)
	texts := append(slices.Clone(tinyTexts), "not very late & refund: "+strings.Repeat("broken ", 30))
	sameInPython(t, texts,
		fineTuned{"classes by the first row", m, tuned(t, m, Options{Outputs: 3}), "cls", []string{"late", "fine", "broken \"ü\""}},
		fineTuned{"classes by the mean", m, tuned(t, m, Options{Outputs: 3, Pooling: PoolMean}), "mean", []string{"late", "fine", "broken"}},
		fineTuned{"regression by the first row", m, tuned(t, m, Options{Outputs: 1}), "cls", nil},
		fineTuned{"regression by the mean of at most 6 tokens", short, tuned(t, short, Options{Outputs: 1, Pooling: PoolMean}), "mean", nil},
	)
}
