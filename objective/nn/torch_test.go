package nn

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
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
