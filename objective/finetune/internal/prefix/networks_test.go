package prefix

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

const classes = 3

// A task is a kind of network and data for it.
type task struct {
	blocks int
	build  func() *nn.Network // always with the same weights
	data   func(n int, seed uint64) train.Set
}

var tasks = map[string]task{
	"multilayer perceptron":              {3, perceptron, rows(11)},
	"convolutions with batch statistics": {3, convolutions, rows(6 * 6 * 2)},
	"encoder of sequences":               {4, encoder, sequences},
}

// fill draws all parameters with a gradient.
func fill(net *nn.Network, seed uint64) *nn.Network {
	rng := rand.New(rand.NewPCG(seed, 99))
	for _, p := range net.Params() {
		if p.Grad == nil || len(p.Shape) == 1 && !p.Decay && p.Value[0] == 1 { // scales of norms stay 1
			continue
		}
		for i := range p.Value {
			p.Value[i] = float32(0.4 * rng.NormFloat64())
		}
	}
	return net
}

func perceptron() *nn.Network {
	n := &nn.Network{Head: nn.NewDense("head", 9, classes)}
	for i, in := range []int{11, 9, 9} {
		n.Blocks = append(n.Blocks, nn.Sequential{nn.NewDense(fmt.Sprint("hidden.", i), in, 9), &nn.ReLU{}, &nn.Dropout{Rate: 0.2}})
	}
	return fill(n, 1)
}

func convolutions() *nn.Network {
	in := nn.Image{Height: 6, Width: 6, Channels: 2}
	n := &nn.Network{Head: nn.Sequential{&nn.GlobalAvgPool2D{Channels: 4}, nn.NewDense("head", 4, classes)}}
	for i := range 3 {
		n.Blocks = append(n.Blocks, nn.Sequential{
			nn.NewConv2D(fmt.Sprint("conv.", i), in, 4, nn.Window{Size: 3, Padding: 1}, false),
			nn.NewBatchNorm(fmt.Sprint("norm.", i), 4), &nn.ReLU{}, &nn.Dropout{Rate: 0.1},
		})
		in.Channels = 4
	}
	return fill(n, 2)
}

func encoder() *nn.Network {
	const width = 8
	n := &nn.Network{
		Blocks: nn.Sequential{nn.NewEmbedding("embeddings", width, 20, 12, 0)},
		Head:   nn.Sequential{&nn.MeanPool{}, nn.NewDense("head", width, classes)},
	}
	for i := range 3 {
		dense := func(name string, in, out int) *nn.Dense {
			return nn.NewDense(fmt.Sprintf("layer.%d.%s", i, name), in, out)
		}
		attention := &nn.MultiHeadAttention{
			Query: dense("q", width, width), Key: dense("k", width, width), Value: dense("v", width, width), Output: dense("o", width, width), Heads: 2, Dropout: 0.1,
		}
		n.Blocks = append(n.Blocks, nn.Sequential{
			&nn.Residual{F: nn.Sequential{attention, &nn.Dropout{Rate: 0.1}}}, nn.NewLayerNorm(fmt.Sprint("norm.", i), width, 1e-12),
			&nn.Residual{F: nn.Sequential{dense("up", width, 12), &nn.GELU{}, dense("down", 12, width)}}, nn.NewLayerNorm(fmt.Sprint("norm2.", i), width, 1e-12),
		})
	}
	return fill(n, 3)
}

func rows(d int) func(n int, seed uint64) train.Set {
	return func(n int, seed uint64) (s train.Set) {
		rng := rand.New(rand.NewPCG(seed, 0))
		s.X = blas32.General{Rows: n, Cols: d, Stride: d}
		for i := range n {
			for range d {
				s.X.Data = append(s.X.Data, float32(rng.NormFloat64())+float32(i%classes)/2)
			}
			s.Labels = append(s.Labels, i%classes)
		}
		return s
	}
}

func sequences(n int, seed uint64) (s train.Set) {
	rng := rand.New(rand.NewPCG(seed, 0))
	for i := range n {
		length := 1 + rng.IntN(12)
		for range length {
			s.IDs = append(s.IDs, int32(rng.IntN(10)+5*(i%classes)))
		}
		s.Lens = append(s.Lens, length)
		s.Labels = append(s.Labels, i%classes)
	}
	return s
}

// frozen returns the network of t with its first k blocks frozen.
func (t task) frozen(k int) *nn.Network {
	n := t.build()
	for _, p := range n.Blocks[:k].Params() {
		p.Frozen = true
	}
	return n
}

func sameBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%s: number %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}
