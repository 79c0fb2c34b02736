// Package mlp is the network of the fine-tuning task: a multilayer perceptron
// that reads and writes its weights as tensors.
package mlp

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/bluefin-hpo/bluefin/objective/nn"
	"github.com/bluefin-hpo/bluefin/objective/safetensors"
)

// widths of the hidden layers, from the input on.
var widths = [...]int{128, 96, 64}

// Hidden is the number of hidden layers.
const Hidden = len(widths)

// A Net is a classifier: Hidden hidden layers, each dense, ReLU and dropout,
// and a dense head that gives one logit per class.
type Net struct {
	hidden [Hidden]*nn.Dense
	head   *nn.Dense
	layers nn.Sequential // Hidden + 1
}

// New returns a network with fresh weights, drawn from rng: normal with
// variance 2/in before a ReLU (K. He, X. Zhang, S. Ren, J. Sun, "Delving Deep
// into Rectifiers", 2015) and 1/in in the head; biases are 0. Dropout is the
// rate after each hidden layer.
func New(in, classes int, dropout float64, rng *rand.Rand) *Net {
	var n Net
	for i, out := range widths {
		n.hidden[i] = nn.NewDense(in, out)
		n.hidden[i].Init(math.Sqrt(2/float64(in)), rng)
		n.layers = append(n.layers, nn.Sequential{n.hidden[i], &nn.ReLU{}, &nn.Dropout{Rate: dropout}})
		in = out
	}
	n.head = nn.NewDense(in, classes)
	n.head.Init(math.Sqrt(1/float64(in)), rng)
	n.layers = append(n.layers, n.head)
	return &n
}

// Split cuts the network after its first k hidden layers, 0 ≤ k ≤ Hidden.
// Both parts work on the network's weights.
func (n *Net) Split(k int) (front, back nn.Sequential) { return n.layers[:k], n.layers[k:] }

// Tensors returns copies of all weights: hidden.0.weight (out×in),
// hidden.0.bias (out), …, head.weight, head.bias.
func (n *Net) Tensors() map[string]safetensors.Tensor {
	all := make(map[string]safetensors.Tensor)
	for i, d := range n.hidden {
		put(all, hidden(i), d)
	}
	put(all, head, n.head)
	return all
}

// SetHidden copies the weights of the hidden layers from tensors, as they are
// named by Tensors; the head stays as it is. It is an error if one is missing
// or of another shape; then some layers may be set.
func (n *Net) SetHidden(tensors map[string]safetensors.Tensor) error {
	for i, d := range n.hidden {
		if err := set(d, hidden(i), tensors); err != nil {
			return err
		}
	}
	return nil
}

// SetHead does for the head what SetHidden does for the hidden layers.
func (n *Net) SetHead(tensors map[string]safetensors.Tensor) error {
	return set(n.head, head, tensors)
}

const head = "head"

func hidden(i int) string { return fmt.Sprintf("hidden.%d", i) }

func put(all map[string]safetensors.Tensor, name string, d *nn.Dense) {
	out := len(d.B.Value)
	in := len(d.W.Value) / out
	all[name+".weight"] = safetensors.Tensor{Shape: []int{out, in}, Data: slices.Clone(d.W.Value)}
	all[name+".bias"] = safetensors.Tensor{Shape: []int{out}, Data: slices.Clone(d.B.Value)}
}

func set(d *nn.Dense, name string, from map[string]safetensors.Tensor) error {
	want := make(map[string]safetensors.Tensor)
	put(want, name, d)
	for key, w := range want {
		t, ok := from[key]
		if !ok {
			return fmt.Errorf("tensor %q is missing", key)
		}
		if !slices.Equal(t.Shape, w.Shape) {
			return fmt.Errorf("tensor %q has shape %v, want %v", key, t.Shape, w.Shape)
		}
	}
	copy(d.W.Value, from[name+".weight"].Data)
	copy(d.B.Value, from[name+".bias"].Data)
	return nil
}
