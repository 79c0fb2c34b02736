package nn

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"
)

//go:embed testdata/torch.json
var torchJSON []byte

// torch is what PyTorch computed; testdata/make.py says how.
type torch struct {
	Network struct {
		X           []float32 // 6×5
		Labels      []int     // 6
		Params      [][]float32
		Logits      []float64 // 6×3
		Grads       [][]float64
		Losses      []float64
		ParamsAfter [][]float64 `json:"params_after"`
	}
	AdamW []struct {
		Beta1, Beta2, Epsilon float64
		WeightDecay           float64 `json:"weight_decay"`
		Start                 []float32
		Steps                 []struct {
			LR    float64
			Grad  []float32
			Value []float64
		}
	}
	Layers   map[string]torchLayer
	Clipping []struct {
		Limit, Norm float64
		Before      [][]float32
		After       [][]float64
	}
	Losses []struct {
		X, DX     torchMatrix
		Labels    []int
		Targets   []float32
		Smoothing float64
		Weights   []float64
		Loss      float64
	}
}

// A torchLayer is a layer's result at x and the gradients of Σ dy∘y.
type torchLayer struct {
	X, Y, DX, DY torchMatrix
	IDs          []int32
	Lens         []int
	Params       [][]float32
	Grads        [][]float64
	Running      [][]float64 // mean and variance after the forward pass
}

type torchMatrix struct {
	Rows, Cols int
	Data       []float64
}

func (m torchMatrix) matrix() blas32.General {
	x := blas32.General{Rows: m.Rows, Cols: m.Cols, Stride: m.Cols, Data: make([]float32, len(m.Data))}
	for i, v := range m.Data {
		x.Data[i] = float32(v)
	}
	return x
}

func loadTorch(t *testing.T) torch {
	t.Helper()
	var v torch
	if err := json.Unmarshal(torchJSON, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestNetworkAgreesWithPyTorch(t *testing.T) {
	v := loadTorch(t).Network
	net := Sequential{NewDense("a", 5, 4), &ReLU{}, NewDense("b", 4, 3)}
	for i, p := range net.Params() {
		if len(p.Value) != len(v.Params[i]) {
			t.Fatalf("parameter %d has %d numbers, want %d", i, len(p.Value), len(v.Params[i]))
		}
		copy(p.Value, v.Params[i])
	}
	near := func(what string, got []float32, want []float64) {
		t.Helper()
		if e := relativeError(got, want); !(e < tolerance) {
			t.Errorf("%s: off by %.2g of the largest element, want less than %.0g", what, e, tolerance)
		}
	}
	var loss SoftmaxCrossEntropy
	opt := AdamW{WeightDecay: 0.1}
	x := blas32.General{Rows: 6, Cols: 5, Stride: 5, Data: v.X}
	if len(v.Losses) != 10 {
		t.Fatalf("%d losses, want 10", len(v.Losses))
	}
	for step, want := range v.Losses {
		for _, p := range net.Params() {
			clear(p.Grad)
		}
		logits := net.Forward(Batch{X: x}, nil).X
		sum, _ := loss.Forward(logits, v.Labels)
		if got := sum / 6; math.Abs(got-want) > tolerance*want {
			t.Errorf("loss in step %d is %v, want %v", step, got, want)
		}
		net.Backward(loss.Backward(), false)
		if step == 0 {
			near("logits", logits.Data, v.Logits)
			for i, p := range net.Params() {
				near(fmt.Sprintf("gradient of parameter %d", i), p.Grad, v.Grads[i])
			}
		}
		opt.Step(net.Params(), 0.05)
	}
	for i, p := range net.Params() {
		near(fmt.Sprintf("parameter %d after 10 steps", i), p.Value, v.ParamsAfter[i])
	}
}

func TestAdamWAgreesWithPyTorch(t *testing.T) {
	cases := loadTorch(t).AdamW
	if len(cases) != 3 {
		t.Fatalf("%d cases, want 3", len(cases))
	}
	for _, c := range cases {
		opt := AdamW{Beta1: c.Beta1, Beta2: c.Beta2, Epsilon: c.Epsilon, WeightDecay: c.WeightDecay}
		p := newParam("p", true, len(c.Start))
		copy(p.Value, c.Start)
		for i, s := range c.Steps {
			copy(p.Grad, s.Grad)
			opt.Step([]*Param{p}, s.LR)
			for j, want := range s.Value {
				if math.Abs(float64(p.Value[j])-want) > tolerance*math.Max(math.Abs(want), s.LR) {
					t.Errorf("weight decay %v, step %d: element %d is %v, want %v", c.WeightDecay, i, j, p.Value[j], want)
				}
			}
		}
	}
}

func TestLayersAgreeWithPyTorch(t *testing.T) {
	image := Image{6, 5, 3}
	attention := func(d, heads int) Layer {
		dense := func() *Dense { return NewDense("", d, d) }
		return &MultiHeadAttention{Query: dense(), Key: dense(), Value: dense(), Output: dense(), Heads: heads}
	}
	lora := NewDense("", 7, 5)
	lora.AddLoRA(2, 6, 0, rand.New(rand.NewPCG(8, 1)))
	lora.W.Frozen, lora.B.Frozen = false, false
	rng := rand.New(rand.NewPCG(8, 2))
	cases := loadTorch(t).Layers
	for name, c := range map[string]struct {
		layer Layer
		rng   *rand.Rand // of training
	}{
		"layer norm":               {NewLayerNorm("", 10, 1e-5), nil},
		"gelu":                     {&GELU{}, nil},
		"tanh":                     {&Tanh{}, nil},
		"attention":                {attention(12, 3), nil},
		"attention, one length":    {attention(8, 2), nil},
		"embedding":                {NewEmbedding("", 6, 11, 5, 2), nil},
		"lora":                     {lora, nil},
		"convolution with stride":  {NewConv2D("", image, 4, Window{Size: 3, Stride: 2, Padding: 1}, true), nil},
		"convolution without bias": {NewConv2D("", image, 4, Window{Size: 2}, false), nil},
		"max pool":                 {NewMaxPool2D(image, Window{Size: 3, Stride: 2, Padding: 1}), nil},
		"average pool":             {NewAvgPool2D(image, Window{Size: 3, Stride: 2, Padding: 1}), nil},
		"global average pool":      {&GlobalAvgPool2D{Channels: 3}, nil},
		"batch norm in training":   {NewBatchNorm("", 3), rng},
		"batch norm in evaluation": {NewBatchNorm("", 3), nil},
	} {
		v, ok := cases[name]
		params := c.layer.Params()
		if !ok || len(params) != len(v.Params) {
			t.Errorf("%s: %d parameters, want %d", name, len(params), len(v.Params))
			continue
		}
		for i, p := range params {
			copy(p.Value, v.Params[i])
		}
		y := c.layer.Forward(Batch{X: v.X.matrix(), IDs: v.IDs, Lens: v.Lens}, c.rng).X
		dx := c.layer.Backward(v.DY.matrix(), true)
		near := func(what string, got []float32, want []float64) {
			t.Helper()
			// PyTorch rounds, too: it has gradients of 1e-5 that should be 0.
			const noise = 3e-5
			for i, w := range want {
				if len(got) != len(want) || !(math.Abs(float64(got[i])-w) < noise+2*tolerance*largest(want)) {
					t.Errorf("%s: %s is %v, want %v", name, what, got, want)
					return
				}
			}
		}
		near("y", y.Data, v.Y.Data)
		if v.IDs == nil {
			near("dx", dx.Data, v.DX.Data)
		}
		for i, want := range v.Grads {
			near(fmt.Sprintf("gradient of parameter %d", i), params[i].Grad, want)
		}
		for i, want := range v.Running {
			near(fmt.Sprintf("running statistic %d", i), params[2+i].Value, want)
		}
		delete(cases, name)
	}
	for name := range cases {
		t.Errorf("no layer is compared with %q", name)
	}
}

func largest(x []float64) (most float64) {
	for _, v := range x {
		most = math.Max(most, math.Abs(v))
	}
	return most
}

func TestClipGradNormAgreesWithPyTorch(t *testing.T) {
	cases := loadTorch(t).Clipping
	if len(cases) != 2 {
		t.Fatalf("%d cases, want 2", len(cases))
	}
	for _, c := range cases {
		var params []*Param
		for _, g := range c.Before {
			p := newParam("", true, len(g))
			copy(p.Grad, g)
			params = append(params, p)
		}
		if norm := ClipGradNorm(params, c.Limit); math.Abs(norm-c.Norm) > tolerance*c.Norm {
			t.Errorf("limit %v: the norm is %v, want %v", c.Limit, norm, c.Norm)
		}
		for i, want := range c.After {
			if e := relativeError(params[i].Grad, want); !(e < tolerance) {
				t.Errorf("limit %v: gradient %d is off by %.2g, want less than %.0g", c.Limit, i, e, tolerance)
			}
		}
	}
}

func TestLossesAgreeWithPyTorch(t *testing.T) {
	cases := loadTorch(t).Losses
	if len(cases) != 5 {
		t.Fatalf("%d cases, want 5", len(cases))
	}
	for i, c := range cases {
		entropy, squared := SoftmaxCrossEntropy{Smoothing: c.Smoothing, Weights: c.Weights}, SquaredError{}
		var loss float64
		var grad []float32
		if c.Targets != nil {
			loss = squared.Forward(c.X.matrix(), c.Targets) / 6
			grad = squared.Backward().Data
		} else {
			loss, _ = entropy.Forward(c.X.matrix(), c.Labels)
			loss /= entropy.Weight(c.Labels)
			grad = entropy.Backward().Data
		}
		if math.Abs(loss-c.Loss) > tolerance*c.Loss {
			t.Errorf("loss %d is %v, want %v", i, loss, c.Loss)
		}
		if e := relativeError(grad, c.DX.Data); !(e < tolerance) {
			t.Errorf("gradient of loss %d is off by %.2g, want less than %.0g", i, e, tolerance)
		}
	}
}
