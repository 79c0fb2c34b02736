package mlp

import (
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/safetensors"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/weights"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

func network(seed uint64) *nn.Network { return New(64, 5, 0, rand.New(rand.NewPCG(seed, 0))) }

func TestTensorsRoundTrip(t *testing.T) {
	a, b := network(1), network(2)
	tensors := weights.Tensors(a.Params())
	if err := weights.Load(b.Blocks.Params(), tensors); err != nil {
		t.Fatal(err)
	}
	got := weights.Tensors(b.Params())
	if reflect.DeepEqual(got["head.weight"], tensors["head.weight"]) {
		t.Error("loading the blocks has set the head")
	}
	if err := weights.Load(b.Head.Params(), tensors); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(weights.Tensors(b.Params()), tensors) {
		t.Error("tensors differ after loading blocks and head, want the same")
	}
	tensors["hidden.0.weight"].Data[0]++
	if reflect.DeepEqual(weights.Tensors(a.Params()), tensors) {
		t.Error("Tensors shares memory with the network")
	}
}

func TestTensorsHaveTheDocumentedShapes(t *testing.T) {
	got := make(map[string][]int)
	for name, tensor := range weights.Tensors(network(1).Params()) {
		got[name] = tensor.Shape
	}
	want := map[string][]int{
		"hidden.0.weight": {128, 64}, "hidden.0.bias": {128},
		"hidden.1.weight": {96, 128}, "hidden.1.bias": {96},
		"hidden.2.weight": {64, 96}, "hidden.2.bias": {64},
		"head.weight": {5, 64}, "head.bias": {5},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("shapes are %v, want %v", got, want)
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(map[string]safetensors.Tensor)
		want  string
	}{
		"a missing tensor":   {func(m map[string]safetensors.Tensor) { delete(m, "hidden.1.bias") }, `"hidden.1.bias" is missing`},
		"a transposed shape": {func(m map[string]safetensors.Tensor) { m["hidden.2.weight"] = safetensors.Tensor{Shape: []int{96, 64}} }, "[96 64], want [64 96]"},
	} {
		tensors := weights.Tensors(network(1).Params())
		c.spoil(tensors)
		if err := weights.Load(network(2).Blocks.Params(), tensors); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", name, err, c.want)
		}
	}
}

func TestFreshWeightsHaveTheDocumentedSpread(t *testing.T) {
	for name, want := range map[string]float64{"hidden.0.weight": 2. / 64, "hidden.1.weight": 2. / 128, "hidden.2.weight": 2. / 96, "head.weight": 1. / 64} {
		var squares float64
		data := weights.Tensors(network(3).Params())[name].Data
		for _, v := range data {
			squares += float64(v) * float64(v)
		}
		n := float64(len(data))
		// Five standard deviations of the mean of n squared normals.
		if got := squares / n; math.Abs(got-want) > 5*want*math.Sqrt(2/n) {
			t.Errorf("%s: variance is %v, want about %v", name, got, want)
		}
	}
}

func TestSplitPartsMakeTheWhole(t *testing.T) {
	n := network(4)
	x := blas32.General{Rows: 2, Cols: 64, Stride: 64, Data: make([]float32, 128)}
	for i := range x.Data {
		x.Data[i] = float32(i%17) / 16
	}
	_, all := n.Split(0)
	want := append([]float32(nil), all.Forward(nn.Batch{X: x}, nil).X.Data...)
	for k := range Hidden + 1 {
		front, back := n.Split(k)
		if got := back.Forward(front.Forward(nn.Batch{X: x}, nil), nil).X.Data; !reflect.DeepEqual(got, want) {
			t.Errorf("cut after %d layers: logits are %v, want %v", k, got, want)
		}
		if got, want := len(front.Params()), 2*k; got != want {
			t.Errorf("cut after %d layers: the front has %d parameters, want %d", k, got, want)
		}
	}
}
