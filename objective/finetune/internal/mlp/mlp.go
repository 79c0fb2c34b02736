// Package mlp is the multilayer perceptron of the digits and tabular tasks.
package mlp

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// widths of the hidden layers of the digits task.
var widths = [...]int{128, 96, 64}

// Hidden is the number of its hidden layers.
const Hidden = len(widths)

// New returns the classifier of the digits task with fresh values from rng: see Of.
func New(in, classes int, dropout float64, rng *rand.Rand) *nn.Network {
	return Of(widths[:], in, classes, dropout, rng, rng)
}

// Of returns a multilayer perceptron: for each of widths a block of a dense layer, ReLU and
// dropout, then a dense head. Its parameters are hidden.0.weight (out×in), hidden.0.bias (out), …,
// head.weight and head.bias. Weights are drawn from a normal distribution with variance 2/in before
// a ReLU (K. He, X. Zhang, S. Ren, J. Sun, "Delving Deep into Rectifiers", 2015) and 1/in in the
// head, blocks first; biases are 0. Dropout is the rate after each hidden layer.
func Of(widths []int, in, outputs int, dropout float64, blocks, head *rand.Rand) *nn.Network {
	var n nn.Network
	for i, out := range widths {
		d := nn.NewDense(fmt.Sprintf("hidden.%d", i), in, out)
		d.Init(math.Sqrt(2/float64(in)), blocks)
		n.Blocks = append(n.Blocks, nn.Sequential{d, &nn.ReLU{}, &nn.Dropout{Rate: dropout}})
		in = out
	}
	d := nn.NewDense("head", in, outputs)
	d.Init(math.Sqrt(1/float64(in)), head)
	n.Head = d
	return &n
}
