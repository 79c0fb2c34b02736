package bert

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/safetensors"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/weights"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// tinyTexts are those of testdata/tiny.py.
var tinyTexts = []string{"The parcel came late.", "Fine, thanks!", "", strings.Repeat("it was broken, very very broken and not fine. ", 3), "a Refund"}

func loadTiny(t testing.TB) *Model {
	t.Helper()
	m, err := Load("testdata/tiny")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// distance is the largest difference between two arrays and the largest number
// in the second.
func distance(got, want []float32) (far, scale float64) {
	if len(got) != len(want) {
		return math.Inf(1), 0
	}
	for i, w := range want {
		d := math.Abs(float64(got[i]) - float64(w))
		if math.IsNaN(d) {
			d = math.Inf(1)
		}
		far, scale = max(far, d), max(scale, math.Abs(float64(w)))
	}
	return far, scale
}

// agree compares a network, step by step, with what PyTorch computed: hidden
// states, logits, and the gradients of the loss of which dlogits gives that in
// the logits. Parameters of the last layer come from there.
func agree(t *testing.T, net *nn.Network, b nn.Batch, want map[string]safetensors.Tensor, dlogits func(blas32.General) blas32.General) {
	t.Helper()
	last := net.Head.Params()[len(net.Head.Params())-2:]
	if err := weights.Load(last, want); err != nil {
		t.Fatal(err)
	}
	x, worst := b, 0.0
	for i, block := range net.Blocks {
		x = block.Forward(x, nil)
		far, scale := distance(x.X.Data, want["hidden."+string(rune('0'+i))].Data)
		worst = max(worst, far)
		if !(far <= 1e-4) {
			t.Errorf("rows behind block %d are off by %.2g, want at most 1e-4 (the largest is %.2g)", i, far, scale)
		}
	}
	t.Logf("hidden states are off by at most %.2g", worst)
	compareStep(t, net, b, want, dlogits)
}

func compareStep(t *testing.T, net *nn.Network, b nn.Batch, want map[string]safetensors.Tensor, dlogits func(blas32.General) blas32.General) {
	t.Helper()
	logits := net.Forward(b, nil).X
	if far, _ := distance(logits.Data, want["logits"].Data); !(far <= 1e-4) {
		t.Errorf("logits are off by %.2g, want at most 1e-4", far)
	}
	net.Backward(dlogits(logits), false)
	all, worst := 0.0, 0.0
	for name, g := range want {
		if strings.HasPrefix(name, "grad.") {
			_, scale := distance(g.Data, g.Data)
			all = max(all, scale)
		}
	}
	for _, p := range net.Params() {
		far, scale := distance(p.Grad, want["grad."+p.Name].Data)
		// The gradient in the biases of keys is 0, but for rounding: they add the
		// same to all scores of a query.
		relative := far / max(scale, 1e-4*all)
		worst = max(worst, relative)
		if !(relative <= 1e-3) {
			t.Errorf("gradient of %s is off by %.2g of its largest element, want at most 1e-3", p.Name, relative)
		}
	}
	t.Logf("gradients are off by at most %.2g of the largest element", worst)
}

func TestTinyAgreesWithPyTorch(t *testing.T) {
	labels, targets := []int{2, 0, 1, 2, 0}, []float32{0.5, -1, 2, 0, 1.5}
	for _, c := range []struct {
		file, activation string
		options          Options
		dlogits          func(blas32.General) blas32.General
	}{
		{"cls.safetensors", "gelu", Options{Outputs: 3}, func(y blas32.General) blas32.General {
			var loss nn.SoftmaxCrossEntropy
			loss.Forward(y, labels)
			return loss.Backward()
		}},
		{"mean.safetensors", "gelu_new", Options{Outputs: 1, Pooling: PoolMean}, func(y blas32.General) blas32.General {
			for i, want := range targets { // of the mean squared error
				y.Data[i] = 2 * (y.Data[i] - want) / float32(len(targets))
			}
			return y
		}},
	} {
		t.Run(c.file, func(t *testing.T) {
			m := loadTiny(t)
			m.Config.Activation = c.activation
			net, err := m.Network(c.options)
			if err != nil {
				t.Fatal(err)
			}
			f, err := safetensors.ReadFile(filepath.Join("testdata", c.file))
			if err != nil {
				t.Fatal(err)
			}
			agree(t, net, m.Batch(tinyTexts), f.Tensors, c.dlogits)
		})
	}
}

func TestBatch(t *testing.T) {
	m := loadTiny(t)
	b := m.Batch(tinyTexts)
	if want := []int{7, 6, 2, 20, 4}; !slices.Equal(b.Lens, want) || len(b.IDs) != 39 {
		t.Errorf("lengths are %v of %d tokens, want %v of 39", b.Lens, len(b.IDs), want)
	}
	if got := m.Tokenizer.MaxTokens(); got != 20 {
		t.Errorf("texts have at most %d tokens, want max_position_embeddings, 20", got)
	}
}

// copyOf copies a model's folder and lets change alter the tensors' file.
func copyOf(t testing.TB, dir string, change func(*safetensors.File)) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(to, "model.safetensors")
	f, err := safetensors.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	change(&f)
	b, err := safetensors.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestLoadReadsOtherNames(t *testing.T) {
	want := loadTiny(t)
	old := strings.NewReplacer("LayerNorm.weight", "LayerNorm.gamma", "LayerNorm.bias", "LayerNorm.beta")
	for name, rename := range map[string]func(string) string{
		"of a model with a head":        func(s string) string { return "bert." + s },
		"of old layer norms":            old.Replace,
		"of old layer norms and a head": func(s string) string { return "bert." + old.Replace(s) },
	} {
		got, err := Load(copyOf(t, "testdata/tiny", func(f *safetensors.File) {
			all := map[string]safetensors.Tensor{"classifier.weight": {Shape: []int{0}}, "cls.predictions.bias": {Shape: []int{0}}}
			for s, tensor := range f.Tensors {
				all[rename(s)] = tensor
			}
			f.Tensors = all
		}))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(got.tensors) != 39 {
			t.Errorf("%s: %d tensors, want 39", name, len(got.tensors))
		}
		for s, tensor := range want.tensors {
			if !slices.Equal(got.tensors[s].Data, tensor.Data) {
				t.Errorf("%s: %s has other values", name, s)
			}
		}
	}
	bare, err := Load(copyOf(t, "testdata/tiny", func(f *safetensors.File) {
		delete(f.Tensors, "pooler.dense.weight")
		delete(f.Tensors, "pooler.dense.bias")
	}))
	if err != nil {
		t.Fatal(err)
	}
	net, err := bare.Network(Options{Outputs: 2, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range net.Head.Params() {
		if far, scale := distance(p.Value, make([]float32, len(p.Value))); scale != 0 || (far == 0) != strings.HasSuffix(p.Name, ".bias") {
			t.Errorf("without a pooler in the file: %s has numbers up to %v, want random weights and biases of 0", p.Name, far)
		}
	}
}

func TestMissingTensorHasItsModernName(t *testing.T) {
	for _, name := range []string{"LayerNorm.bias", "LayerNorm.weight"} {
		name = "encoder.layer.0.output." + name
		_, err := Load(copyOf(t, "testdata/tiny", func(f *safetensors.File) { delete(f.Tensors, name) }))
		if err == nil || !strings.Contains(err.Error(), `tensor "`+name+`" is missing`) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func TestLFSPointersAreRecognized(t *testing.T) {
	for _, name := range []string{"config.json", "tokenizer.json", "vocab.txt", "tokenizer_config.json", "model.safetensors"} {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS("testdata/tiny")); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "is a Git LFS pointer") {
			t.Errorf("%s: error is %v, want one that says what the file is", name, err)
		}
	}
}
