// Package mlp is the network of the digits task: a multilayer perceptron.
package mlp

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/bluefin-hpo/bluefin/objective/nn"
)

// widths of the hidden layers, from the input on.
var widths = [...]int{128, 96, 64}

// Hidden is the number of hidden layers.
const Hidden = len(widths)

// New returns a classifier: Hidden blocks, each dense, ReLU and dropout, and a
// dense head that gives one logit per class. Its parameters are
// hidden.0.weight (out×in), hidden.0.bias (out), …, head.weight and head.bias,
// with fresh values drawn from rng: normal with variance 2/in before a ReLU
// (K. He, X. Zhang, S. Ren, J. Sun, "Delving Deep into Rectifiers", 2015) and
// 1/in in the head; biases are 0. Dropout is the rate after each hidden layer.
func New(in, classes int, dropout float64, rng *rand.Rand) *nn.Network {
	var n nn.Network
	for i, out := range widths {
		d := nn.NewDense(fmt.Sprintf("hidden.%d", i), in, out)
		d.Init(math.Sqrt(2/float64(in)), rng)
		n.Blocks = append(n.Blocks, nn.Sequential{d, &nn.ReLU{}, &nn.Dropout{Rate: dropout}})
		in = out
	}
	head := nn.NewDense("head", in, classes)
	head.Init(math.Sqrt(1/float64(in)), rng)
	n.Head = head
	return &n
}
