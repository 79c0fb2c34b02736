package train

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// clock ticks a second each time it is read.
func clock() func() time.Time {
	var now time.Time
	return func() time.Time {
		now = now.Add(time.Second)
		return now
	}
}

func TestRehearseEstimatesFromAPart(t *testing.T) {
	training, validation := blobs(200, 1), blobs(50, 2)
	for name, c := range map[string]struct {
		config   Config
		fraction float64
		examples int
		epoch    time.Duration // where training, validation and train scores take a second each
	}{
		"a tenth":                      {Config{Epochs: 7}, 0.1, 20, 10*time.Second + 10*time.Second + 10*time.Second},
		"a batch at least":             {Config{BatchSize: 50, Epochs: 7}, 0.01, 50, 4*time.Second + 50*time.Second + 4*time.Second},
		"all":                          {Config{Epochs: 7}, 1, 200, 3 * time.Second},
		"scores of ten examples":       {Config{EvaluateAtMost: 10, Epochs: 7}, 0.1, 20, 10*time.Second + 10*time.Second + time.Second},
		"scores of more than the part": {Config{EvaluateAtMost: 40, Epochs: 7}, 0.1, 20, 10*time.Second + 10*time.Second + 2*time.Second},
		"no train scores":              {Config{EvaluateAtMost: -1, Epochs: 7}, 0.1, 20, 10*time.Second + 10*time.Second},
		"gradual unfreezing":           {Config{GradualUnfreezing: true, Epochs: 7}, 0.1, 20, 30 * time.Second},
	} {
		net := deep()
		before := snapshot(nil, net.Params())
		r, err := rehearse(t.Context(), net, training, validation, c.config, c.fraction, clock())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if r.Examples != c.examples || r.Epoch != c.epoch || r.Total != 7*c.epoch {
			t.Errorf("%s: %d examples, %v an epoch, %v in all, want %d, %v, %v", name, r.Examples, r.Epoch, r.Total, c.examples, c.epoch, 7*c.epoch)
		}
		if !reflect.DeepEqual(snapshot(nil, net.Params()), before) {
			t.Errorf("%s: the network has changed", name)
		}
		for _, p := range net.Params() {
			if p.Frozen || p.Rate != 0 {
				t.Errorf("%s: %s is left with Frozen %v and Rate %v", name, p.Name, p.Frozen, p.Rate)
			}
		}
		if r.Metrics.Epoch != 1 || r.Metrics.Validation.Loss == 0 || (r.Metrics.Train.Loss == 0) != (c.config.EvaluateAtMost < 0) {
			t.Errorf("%s: metrics are %+v", name, r.Metrics)
		}
		if r.Footprint.Moments != 8*int64(count32(net)) {
			t.Errorf("%s: moments take %d bytes, want those of all %d numbers", name, r.Footprint.Moments, count32(net))
		}
	}
}

func count32(net nn.Layer) (n int) {
	for _, p := range net.Params() {
		n += len(p.Value)
	}
	return n
}

func TestRehearseFindsMistakes(t *testing.T) {
	bad := blobs(200, 1)
	bad.Labels[190] = 7
	broken := network()
	broken.Head = &faulty{Layer: broken.Head, at: 1}
	for want, run := range map[string]func() error{
		"label 190 is 7": func() error { _, err := Rehearse(t.Context(), network(), bad, blobs(9, 1), Config{}, 0.01); return err },
		"fraction is 0": func() error {
			_, err := Rehearse(t.Context(), network(), blobs(9, 1), blobs(9, 1), Config{}, 0)
			return err
		},
		"fraction is 1.5": func() error {
			_, err := Rehearse(t.Context(), network(), blobs(9, 1), blobs(9, 1), Config{}, 1.5)
			return err
		},
		"Epochs is -1": func() error {
			_, err := Rehearse(t.Context(), network(), blobs(9, 1), blobs(9, 1), Config{Epochs: -1}, 1)
			return err
		},
		"epoch 1, step 1": func() error {
			_, err := Rehearse(t.Context(), broken, blobs(9, 1), blobs(9, 1), Config{}, 1)
			return err
		},
	} {
		if err := run(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
	_, err := Rehearse(t.Context(), &nn.Network{Head: overflowing{network(), 36}}, blobs(200, 1), blobs(100, 2), Config{}, 1)
	if !errors.Is(err, ErrDiverged) {
		t.Errorf("error is %v, want that the validation loss is infinite", err)
	}
}

func TestAFootprintIsTheSumOfTheArrays(t *testing.T) {
	d := nn.NewDense("d", 100, 200)
	net := &nn.Network{Blocks: nn.Sequential{d}, Head: nn.Sequential{&nn.ReLU{}, nn.NewDense("head", 200, 2)}}
	const first, head = 100*200 + 200, 200*2 + 2
	f := measure(net)
	if f.Weights != 4*(first+head) || f.Gradients != f.Weights || f.Moments != 2*f.Weights || f.Best != f.Weights || f.Activations != 0 {
		t.Errorf("before any pass: %+v", f)
	}
	d.W.Frozen, d.B.Frozen = true, true
	if f = measure(net); f.Moments != 8*head || f.Best != 4*head {
		t.Errorf("with a frozen layer: %+v", f)
	}
	d.W.Frozen, d.B.Frozen = false, false

	const n = 32
	s := Set{Batch: nn.Batch{X: matrix(100, make([]float32, n*100))}}
	net.Backward(net.Forward(s.Batch, nil).X, true)
	f = measure(net)
	// What every layer has seen and returned, forward and backward; the kernel
	// may use more.
	least := int64(4 * n * ((100 + 200 + 200 + 2) + (200 + 200 + 100)))
	if f.Activations < least || f.Activations > 3*least || f.Total() != f.Weights+f.Gradients+f.Moments+f.Best+f.Activations {
		t.Errorf("activations take %d bytes, want at least %d", f.Activations, least)
	}
	again := measure(net)
	if again != f {
		t.Errorf("measured again: %+v, want %+v", again, f)
	}
	// Twice the batch, twice the buffers.
	s.X = matrix(100, make([]float32, 2*n*100))
	net.Backward(net.Forward(s.Batch, nil).X, true)
	if r := float64(measure(net).Activations) / float64(f.Activations); math.Abs(r-2) > 0.1 {
		t.Errorf("a batch of twice the size takes %v times the memory", r)
	}
}

// sharing is a layer that keeps parts of one array, and others in many ways.
type sharing struct {
	nn.ReLU
	whole, head, middle []float32
	again               *[]float32
	inner               []struct{ b []float64 }
	fixed               [2][]int32
	any                 any
	self                *sharing
}

func TestAFootprintCountsEachByteOnce(t *testing.T) {
	a := make([]float32, 100)
	s := &sharing{
		whole: a, head: a[:50], middle: a[25:75], again: &a,
		inner: []struct{ b []float64 }{{make([]float64, 10)}, {nil}}, fixed: [2][]int32{make([]int32, 7), nil}, any: make([]byte, 3),
	}
	s.self = s
	if got := measure(s).Activations; got != 400+80+28+3 {
		t.Errorf("activations take %d bytes, want 511", got)
	}
}

func TestTheFootprintIsOfTheLongestBatch(t *testing.T) {
	set := func(lens ...int) (s Set) {
		for i, n := range lens {
			s.Lens, s.Labels = append(s.Lens, n), append(s.Labels, i%2)
			s.IDs = append(s.IDs, make([]int32, n)...)
		}
		return s
	}
	build := func() *nn.Network {
		return &nn.Network{Blocks: nn.Sequential{nn.NewEmbedding("embeddings", 8, 2, 0, 0)}, Head: nn.Sequential{&nn.MeanPool{}, nn.NewDense("head", 8, 2)}}
	}
	measure := func(s Set) int64 {
		r, err := Rehearse(t.Context(), build(), s, s, Config{BatchSize: 2}, 0.01)
		if err != nil {
			t.Fatal(err)
		}
		return r.Footprint.Activations
	}
	short := make([]int, 100)
	for i := range short {
		short[i] = 1
	}
	long := append([]int(nil), short...)
	long[40], long[77] = 500, 600
	if a, b := measure(set(short...)), measure(set(long...)); b-a < 4*8*1100 {
		t.Errorf("with two long examples the activations take %d bytes, want at least 35200 more than %d", b, a)
	}
}
