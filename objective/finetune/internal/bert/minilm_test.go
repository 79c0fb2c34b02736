package bert

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/pytorch"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/safetensors"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/weights"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// complaints makes texts such as customers write, of 2 to about 60 words.
func complaints(n int) []string {
	parts := []string{
		"My parcel never arrived", "the app crashes when I open settings", "I was charged twice for March", "Great service, thank you!",
		"le colis est arrivé cassé", "refund of €19.99 please", "why is my account locked?", "the colour differs from the photo",
		"shipping took 3 weeks", "support did not answer my e-mail", "it works now :)", "order #48213", "please cancel it",
	}
	rng := rand.New(rand.NewPCG(5, 5))
	texts := make([]string, n)
	for i := range texts {
		var some []string
		for range 1 + rng.IntN(8) {
			some = append(some, parts[rng.IntN(len(parts))])
		}
		texts[i] = strings.Join(some, ". ")
	}
	return texts
}

func TestMiniLMAgreesWithPyTorch(t *testing.T) {
	pytorch.Need(t)
	dir := pytorch.MiniLM(t)
	m, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if m.Pooling != PoolMean || m.Tokenizer.MaxTokens() != 256 || len(m.tensors) != 103 {
		t.Errorf("pooling %v of %d tokens, %d tensors, want mean of 256, 103", m.Pooling, m.Tokenizer.MaxTokens(), len(m.tensors))
	}
	net, err := m.Network(Options{Outputs: 4, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	head := net.Head.(nn.Sequential)
	head[len(head)-1].(*nn.Dense).Init(0.5, rand.New(rand.NewPCG(1, 1))) // larger than new ones, so that the gradients are
	tmp := t.TempDir()
	file, out := filepath.Join(tmp, "head.safetensors"), filepath.Join(tmp, "out.safetensors")
	b, err := safetensors.Marshal(safetensors.File{Tensors: weights.Tensors(net.Head.Params())})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b, 0o666); err != nil {
		t.Fatal(err)
	}
	texts := complaints(100)
	labels := make([]int, 16)
	for i := range labels {
		labels[i] = i % 4
	}
	var ok bool
	pytorch.Ask(t, "testdata/step.py", map[string]any{"texts": texts, "labels": labels}, &ok, dir, file, out)
	want, err := safetensors.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	x := m.Batch(texts)
	for i, block := range net.Blocks {
		x = block.Forward(x, nil)
		far, scale := distance(x.X.Data, want.Tensors[fmt.Sprint("hidden.", i)].Data)
		t.Logf("block %d: rows are off by %.2g, the largest number is %.2g", i, far, scale)
		if !(far <= 1e-4) {
			t.Errorf("rows behind block %d are off by %.2g, want at most 1e-4", i, far)
		}
	}
	if far, scale := distance(net.Head.Forward(x, nil).X.Data, want.Tensors["all"].Data); !(far <= 1e-4) {
		t.Errorf("logits are off by %.2g, want at most 1e-4 (the largest is %.2g)", far, scale)
	}
	compareStep(t, net, m.Batch(texts[:16]), want.Tensors, func(y blas32.General) blas32.General {
		var loss nn.SoftmaxCrossEntropy
		loss.Forward(y, labels)
		return loss.Backward()
	})
	sameInPython(t, texts[:20],
		fineTuned{"MiniLM by the mean", m, tuned(t, m, Options{Outputs: 4}), "mean", []string{"a", "b", "c", "d"}},
		fineTuned{"MiniLM by the first row", m, tuned(t, m, Options{Outputs: 4, Pooling: PoolCLS}), "cls", []string{"a", "b", "c", "d"}},
	)
}

// miniLM is the model in the folder of BLUEFIN_MINILM, or one of its size with
// random weights.
func miniLM(b *testing.B) *Model {
	if dir := os.Getenv("BLUEFIN_MINILM"); dir != "" {
		m, err := Load(dir)
		if err != nil {
			b.Fatal(err)
		}
		return m
	}
	c := defaultConfig()
	c.HiddenSize, c.Layers, c.IntermediateSize = 384, 6, 1536
	m := &Model{Config: c, Pooling: PoolMean, tensors: make(map[string]safetensors.Tensor)}
	rng := rand.New(rand.NewPCG(1, 1))
	for name, shape := range c.shapes() {
		n := 1
		for _, s := range shape {
			n *= s
		}
		t := safetensors.Tensor{Shape: shape, Data: make([]float32, n)}
		for i := range t.Data {
			t.Data[i] = float32(0.04 * rng.NormFloat64())
			if strings.HasSuffix(name, "LayerNorm.weight") {
				t.Data[i]++
			}
		}
		m.tensors[name] = t
	}
	return m
}

// BenchmarkMiniLMStep is a step of fine-tuning: 16 texts of 32 tokens forward
// and backward, and AdamW, with the model's dropout; full and with the
// embeddings and so many layers frozen.
func BenchmarkMiniLMStep(b *testing.B) {
	m := miniLM(b)
	rng := rand.New(rand.NewPCG(1, 1))
	batch := nn.Batch{Lens: make([]int, 16)}
	labels := make([]int, 16)
	for i := range batch.Lens {
		batch.Lens[i] = 32
		labels[i] = i % 4
		for range 32 {
			batch.IDs = append(batch.IDs, rng.Int32N(30000))
		}
	}
	for _, frozen := range []int{0, 1, 4, 6, 7} {
		b.Run(fmt.Sprint("frozen=", frozen), func(b *testing.B) {
			net, err := m.Network(Options{Outputs: 4, Dropout: m.Config.Dropout(), Freeze: freezeBlocks(frozen)})
			if err != nil {
				b.Fatal(err)
			}
			front, back := net.Split(frozen)
			params := back.Params()
			var loss nn.SoftmaxCrossEntropy
			opt := nn.AdamW{}
			for b.Loop() {
				loss.Forward(back.Forward(front.Forward(batch, nil), rng).X, labels)
				for _, p := range params {
					clear(p.Grad)
				}
				back.Backward(loss.Backward(), false)
				opt.Step(params, 1e-5)
			}
		})
	}
	b.Run("forward", func(b *testing.B) {
		net, err := m.Network(Options{Outputs: 4})
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			net.Forward(batch, nil)
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	dir := os.Getenv("BLUEFIN_MINILM")
	if dir == "" {
		b.Skip("BLUEFIN_MINILM names no folder of a model")
	}
	for b.Loop() {
		if _, err := Load(dir); err != nil {
			b.Fatal(err)
		}
	}
}
