package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/bert"
	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/fashion"
	"github.com/bluefin-hpo/bluefin/objective/finetune/tabular"
	"github.com/bluefin-hpo/bluefin/objective/nn"
)

// A workload is a network to train and a batch of random numbers, which take as
// long as others.
type workload struct {
	blocks, classes int
	network         func(s finetune.Settings, rng *rand.Rand) (*nn.Network, error)
	data            nn.Batch
	labels          []int
}

func newWorkload(d duty) (workload, error) {
	rng := rand.New(rand.NewPCG(1, 0))
	switch d.Model {
	case "fashion":
		task, err := fashion.Task()
		if err != nil {
			return workload{}, err
		}
		return rowsWorkload(task, len(fashion.Classes), d.Batch, rng), nil
	case "text":
		return textWorkload(d, rng)
	}
	task, err := tableTask(rng)
	if err != nil {
		return workload{}, err
	}
	return rowsWorkload(task, 2, d.Batch, rng), nil
}

// rowsWorkload is one whose examples are rows of numbers.
func rowsWorkload(task *finetune.Task, classes, batch int, rng *rand.Rand) workload {
	return workload{
		blocks:  task.Layers,
		classes: classes,
		network: task.Network,
		data:    nn.Batch{X: random(rng, batch, task.Training.X.Cols, blas.NoTrans)},
		labels:  randomLabels(rng, batch, classes),
	}
}

// columns of the table.
const columns = 30

// tableTask returns the task of a table of random numbers and two classes.
func tableTask(rng *rand.Rand) (*finetune.Task, error) {
	dir, err := os.MkdirTemp("", "bluefin-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var b strings.Builder
	for i := range columns {
		fmt.Fprintf(&b, "x%d,", i)
	}
	b.WriteString("label\n")
	for i := range 20 {
		for range columns {
			fmt.Fprintf(&b, "%v,", rng.Float32())
		}
		fmt.Fprintf(&b, "class %d\n", i%2)
	}
	path := filepath.Join(dir, "table.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
		return nil, err
	}
	task, err := tabular.New(tabular.Config{Train: path})
	if err != nil {
		return nil, err
	}
	return task.Task, nil
}

// miniLM is the size of all-MiniLM-L6-v2.
var miniLM = bert.Config{
	HiddenSize: 384, Layers: 6, Heads: 12, IntermediateSize: 1536, Activation: "gelu", VocabSize: 30522, MaxPositions: 512, Segments: 2,
	LayerNormEps: 1e-12, InitializerRange: 0.02,
}

func textWorkload(d duty, rng *rand.Rand) (workload, error) {
	model := &bert.Model{Config: miniLM}
	if d.Folder != "" {
		var err error
		if model, err = bert.Load(d.Folder); err != nil {
			return workload{}, err
		}
	}
	if most := model.Config.MaxPositions; d.Length > most {
		return workload{}, usagef("--length is %d, want at most %d, which the encoder bears", d.Length, most)
	}
	data := nn.Batch{Lens: make([]int, d.Batch), IDs: make([]int32, d.Batch*d.Length)}
	for i := range data.Lens {
		data.Lens[i] = d.Length
	}
	for i := range data.IDs {
		data.IDs[i] = rng.Int32N(int32(model.Config.VocabSize))
	}
	w := workload{blocks: model.Config.Layers + 1, classes: 2, data: data, labels: randomLabels(rng, d.Batch, 2)}
	w.network = func(s finetune.Settings, rng *rand.Rand) (*nn.Network, error) {
		net, err := model.Network(bert.Options{
			Outputs: w.classes,
			Pooling: bert.PoolMean,
			Dropout: bert.Dropout{Hidden: s.Dropout, Attention: s.Dropout, Head: s.Dropout},
			Freeze:  func(net *nn.Network) error { return s.Freeze(net, rng) },
		})
		if err == nil && d.Folder == "" {
			randomize(net.Blocks.Params(), rng)
		}
		return net, err
	}
	return w, nil
}

// randomize gives an encoder the weights that training from scratch starts with.
func randomize(params []*nn.Param, rng *rand.Rand) {
	for _, p := range params {
		if p.Decay {
			for i := range p.Value {
				p.Value[i] = float32(miniLM.InitializerRange * rng.NormFloat64())
			}
		}
	}
}

func randomLabels(rng *rand.Rand, n, classes int) []int {
	labels := make([]int, n)
	for i := range labels {
		labels[i] = rng.IntN(classes)
	}
	return labels
}

// A stepper takes steps as package train does.
type stepper struct {
	op     string
	front  nn.Sequential // frozen
	back   *nn.Network
	params []*nn.Param // that train
	data   nn.Batch
	labels []int
	loss   nn.SoftmaxCrossEntropy
	opt    nn.AdamW
	rng    *rand.Rand
}

func newStepper(w workload, d duty) (*stepper, error) {
	rng := rand.New(rand.NewPCG(2, 0))
	settings := finetune.Settings{FrozenLayers: d.Frozen, Dropout: 0.1}
	net, err := w.network(settings, rng)
	if err != nil {
		return nil, err
	}
	if err := settings.Freeze(net, rng); err != nil {
		return nil, err
	}
	s := &stepper{op: d.Op, data: w.data, labels: w.labels, opt: nn.AdamW{WeightDecay: 0.01}, rng: rng}
	s.front, s.back = net.Split(d.Frozen)
	s.params = s.back.Params()
	if d.Op == opFeatures {
		s.data, s.front = copyOf(s.front.Forward(s.data, nil)), nil
	}
	return s, nil
}

// copyOf returns the batch in memory of its own.
func copyOf(b nn.Batch) nn.Batch {
	x := blas32.General{Rows: b.X.Rows, Cols: b.X.Cols, Stride: b.X.Cols}
	x.Data = append(x.Data, b.X.Data[:x.Rows*x.Cols]...)
	b.X = x
	return b
}

// training returns how many numbers train.
func (s *stepper) training() int {
	_, n := nn.Count(s.params)
	return n
}

func (s *stepper) pid() int { return processID }

func (s *stepper) do(ctx context.Context, times int) (float64, error) {
	start := processorTime()
	for range times {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		if s.op == opForward {
			s.back.Forward(s.front.Forward(s.data, nil), nil)
			continue
		}
		if err := s.step(); err != nil {
			return 0, err
		}
	}
	return processorTime() - start, nil
}

func (s *stepper) step() error {
	for _, p := range s.params {
		clear(p.Grad)
	}
	y := s.back.Forward(s.front.Forward(s.data, nil), s.rng)
	sum, _ := s.loss.Forward(y.X, s.labels)
	s.back.Backward(s.loss.Backward(), false)
	if norm := nn.ClipGradNorm(s.params, 1); !(sum < 1e6 && norm < 1e6) {
		return errors.New("the training that is measured diverged")
	}
	s.opt.Step(s.params, 1e-5)
	return nil
}
