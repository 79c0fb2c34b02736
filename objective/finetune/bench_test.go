package finetune_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/fashion"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/bert"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/mlp"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/study"
)

// miniLM is the size of all-MiniLM-L6-v2.
var miniLM = bert.Config{
	HiddenSize: 384, Layers: 6, Heads: 12, IntermediateSize: 1536, Activation: "gelu", VocabSize: 30522, MaxPositions: 512, Segments: 2,
	LayerNormEps: 1e-12, InitializerRange: 0.02,
}

// tokens is how many a text has.
const tokens = 32

// A workload is a network with random weights, and random examples.
type workload struct {
	blocks, classes int
	network         func(s finetune.Settings, rng *rand.Rand) (*nn.Network, error)
	examples        func(n int, rng *rand.Rand) nn.Batch
}

func workloads(b *testing.B) map[string]workload {
	clothes, err := fashion.Task()
	if err != nil {
		b.Fatal(err)
	}
	rows := func(columns int) func(n int, rng *rand.Rand) nn.Batch {
		return func(n int, rng *rand.Rand) nn.Batch {
			x := blas32.General{Rows: n, Cols: columns, Stride: columns, Data: make([]float32, n*columns)}
			for i := range x.Data {
				x.Data[i] = 2*rng.Float32() - 1
			}
			return nn.Batch{X: x}
		}
	}
	encoder := &bert.Model{Config: miniLM}
	return map[string]workload{
		"fashion": {clothes.Layers, len(fashion.Classes), clothes.Network, rows(clothes.Training.X.Cols)},
		"table": {2, 2, func(s finetune.Settings, rng *rand.Rand) (*nn.Network, error) {
			return mlp.Of([]int{64, 64}, 30, 2, s.Dropout, rng, rng), nil
		}, rows(30)},
		"text": {miniLM.Layers + 1, 2, func(s finetune.Settings, rng *rand.Rand) (*nn.Network, error) {
			net, err := encoder.Network(bert.Options{Outputs: 2, Pooling: bert.PoolMean, Dropout: bert.Dropout{Hidden: s.Dropout, Attention: s.Dropout, Head: s.Dropout}})
			if err != nil {
				return nil, err
			}
			weights := rand.New(rand.NewPCG(1, 1)) // the same in each trial, as if pretrained
			for _, p := range net.Blocks.Params() {
				for i := range p.Value {
					if p.Decay {
						p.Value[i] = float32(miniLM.InitializerRange * weights.NormFloat64())
					}
				}
			}
			return net, s.Freeze(net, rng)
		}, func(n int, rng *rand.Rand) nn.Batch {
			b := nn.Batch{Lens: make([]int, n), IDs: make([]int32, n*tokens)}
			for i := range b.Lens {
				b.Lens[i] = tokens
			}
			for i := range b.IDs {
				b.IDs[i] = rng.Int32N(int32(miniLM.VocabSize))
			}
			return b
		}},
	}
}

func (w workload) set(n int, rng *rand.Rand) train.Set {
	s := train.Set{Batch: w.examples(n, rng), Labels: make([]int, n)}
	for i := range s.Labels {
		s.Labels[i] = rng.IntN(w.classes)
	}
	return s
}

// BenchmarkStep measures forward passes, and training steps (forward, loss,
// backward, clipping, AdamW) on batches of 16, with none, half or all of the
// blocks frozen. In step_features the frozen blocks are computed before. If
// BLUEFIN_TORCH_PYTHON names a Python with PyTorch and transformers, they do the
// same: run with -cpu 1 and compare with benchstat -col /engine.
func BenchmarkStep(b *testing.B) {
	torch := startTorch(b)
	for name, w := range workloads(b) {
		for _, op := range []string{"forward", "step", "step_features"} {
			for _, frozen := range []int{0, (w.blocks + 1) / 2, w.blocks} {
				if frozen > 0 && op == "forward" || frozen == 0 && op == "step_features" {
					continue // the same as another one
				}
				id := fmt.Sprintf("model=%s/op=%s/frozen=%d/engine=", name, op, frozen)
				training := 0
				b.Run(id+"bluefin", func(b *testing.B) {
					s := newStepper(b, w, op, frozen)
					training = 0
					for _, p := range s.params {
						training += len(p.Value)
					}
					for b.Loop() {
						s.do(b)
					}
				})
				if torch == nil || op == "step_features" {
					continue
				}
				b.Run(id+"pytorch", func(b *testing.B) {
					torch.call(b, map[string]any{"model": name, "op": op, "frozen": frozen, "batch": 16, "length": tokens, "folder": "", "training": training})
					b.ReportMetric(1e9*torch.call(b, map[string]any{"times": b.N})/float64(b.N), "ns/op")
				})
			}
		}
	}
}

// A stepper takes steps as package train does.
type stepper struct {
	op     string
	front  nn.Sequential // frozen
	back   *nn.Network
	params []*nn.Param // that train
	set    train.Set
	loss   nn.SoftmaxCrossEntropy
	opt    nn.AdamW
	rng    *rand.Rand
}

func newStepper(b *testing.B, w workload, op string, frozen int) *stepper {
	rng := rand.New(rand.NewPCG(2, 0))
	settings := finetune.Settings{FrozenLayers: frozen, Dropout: 0.1}
	net, err := w.network(settings, rng)
	if err != nil {
		b.Fatal(err)
	}
	if err := settings.Freeze(net, rng); err != nil {
		b.Fatal(err)
	}
	s := &stepper{op: op, set: w.set(16, rng), opt: nn.AdamW{WeightDecay: 0.01}, rng: rng}
	s.front, s.back = net.Split(frozen)
	s.params = s.back.Params()
	if op == "step_features" {
		s.set.Batch, s.front = s.front.Forward(s.set.Batch, nil), nil
	}
	return s
}

func (s *stepper) do(b *testing.B) {
	if s.op == "forward" {
		s.back.Forward(s.front.Forward(s.set.Batch, nil), nil)
		return
	}
	for _, p := range s.params {
		clear(p.Grad)
	}
	y := s.back.Forward(s.front.Forward(s.set.Batch, nil), s.rng)
	sum, _ := s.loss.Forward(y.X, s.set.Labels)
	s.back.Backward(s.loss.Backward(), false)
	if norm := nn.ClipGradNorm(s.params, 1); !(sum < 1e6 && norm < 1e6) {
		b.Fatal("the training diverged")
	}
	s.opt.Step(s.params, 1e-5)
}

// A torch is a Python process that does in PyTorch what a stepper does.
type torch struct {
	in  io.Writer
	out *json.Decoder
}

// startTorch returns nil if there is no PyTorch.
func startTorch(b *testing.B) *torch {
	python := os.Getenv("BLUEFIN_TORCH_PYTHON")
	if python == "" {
		return nil
	}
	cmd := exec.Command(python, "testdata/train.py")
	cmd.Env = append(os.Environ(), "OMP_NUM_THREADS=1", "MKL_NUM_THREADS=1", "HF_HUB_OFFLINE=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			b.Error(err)
		}
	})
	t := &torch{in, json.NewDecoder(out)}
	t.answer(b)
	return t
}

// call sends a request and returns the processor time that it took, in seconds.
func (t *torch) call(b *testing.B, request any) float64 {
	if err := json.NewEncoder(t.in).Encode(request); err != nil {
		b.Fatal(err)
	}
	return t.answer(b)
}

func (t *torch) answer(b *testing.B) float64 {
	var a struct{ Version, Seconds any }
	if err := t.out.Decode(&a); err != nil {
		b.Fatal(err)
	}
	if a.Version != nil {
		b.Log(a.Version)
	}
	seconds, _ := a.Seconds.(float64)
	return seconds
}

// BenchmarkFrozenFeatures measures a study of four trials with random settings
// where frozen blocks are computed again in each epoch, once in each training,
// or once in the study. All have the same results.
func BenchmarkFrozenFeatures(b *testing.B) {
	all := workloads(b)
	for name, examples := range map[string]int{"fashion": 400, "text": 20} {
		w, best := all[name], 0.0
		for _, least := range []int{0, (w.blocks + 1) / 2} {
			for _, once := range []string{"epoch", "training", "study"} {
				b.Run(fmt.Sprintf("model=%s/min_frozen=%d/once=%s", name, least, once), func(b *testing.B) {
					for b.Loop() {
						b.StopTimer()
						rng := rand.New(rand.NewPCG(3, 0))
						task := &finetune.Task{
							Name: name, Layers: w.blocks, Network: w.network, Defaults: finetune.Defaults(), Space: finetune.DefaultSpace(w.blocks),
							Training: w.set(examples, rng), Validation: w.set(examples/4, rng), Recompute: once == "epoch",
						}
						if once == "training" {
							task.CacheBytes = -1
						}
						task.Space.FrozenLayers.Low = least
						task.Space.NumTrainEpochs.Low, task.Space.NumTrainEpochs.High = 2, 3
						task.Space.LearningRate.High = 1e-3
						if _, err := task.ID(); err != nil { // hashes the data
							b.Fatal(err)
						}
						s, err := study.Open(b.Context(), study.Config{Sampler: sampler.Random{}})
						if err != nil {
							b.Fatal(err)
						}
						b.StartTimer()
						if err := s.Optimize(b.Context(), task.Objective(task.Space, 0), study.Budget{Trials: 4}); err != nil {
							b.Fatal(err)
						}
						found, err := s.Best(b.Context())
						if err != nil {
							b.Fatal(err)
						}
						if once == "epoch" {
							best = found.Values[0]
						} else if best != 0 && found.Values[0] != best {
							b.Errorf("the best value is %v, want %v", found.Values[0], best)
						}
					}
				})
				if once == "study" {
					best = 0
				}
			}
		}
	}
}
