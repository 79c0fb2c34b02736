// Package cnn is the convolutional network of the fashion task.
package cnn

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// Input is the shape of the images: grey, with a number in [0, 1] per pixel.
var Input = nn.Image{Height: 28, Width: 28, Channels: 1}

// channels of the convolutions and width of the dense block after them.
var (
	channels = [...]int{16, 32, 64}
	hidden   = 64
)

// Blocks is the number of blocks.
const Blocks = len(channels) + 1

// New returns a classifier of 60,000 parameters. Each of three blocks is a 3×3 convolution, ReLU,
// 2×2 max-pooling and dropout, with outputs of 14×14×16, 7×7×32 and 3×3×64; a dense block to 64 and
// a dense head follow. Parameters are conv.0.weight, conv.0.bias, …, dense.weight, dense.bias,
// head.weight and head.bias. They are drawn from rng: normal with variance 2/fan-in before a ReLU
// (K. He, X. Zhang, S. Ren, J. Sun, "Delving Deep into Rectifiers", 2015) and 1/fan-in in the head;
// biases are 0. Dropout is the rate after each block.
func New(classes int, dropout float64, rng *rand.Rand) *nn.Network {
	var n nn.Network
	image := Input
	for i, c := range channels {
		conv := nn.NewConv2D(fmt.Sprintf("conv.%d", i), image, c, nn.Window{Size: 3, Padding: 1}, true)
		conv.Init(math.Sqrt(2/float64(9*image.Channels)), rng)
		pool := nn.NewMaxPool2D(conv.Out(), nn.Window{Size: 2})
		n.Blocks = append(n.Blocks, nn.Sequential{conv, &nn.ReLU{}, pool, &nn.Dropout{Rate: dropout}})
		image = pool.Out()
	}
	dense := nn.NewDense("dense", image.Size(), hidden)
	dense.Init(math.Sqrt(2/float64(image.Size())), rng)
	n.Blocks = append(n.Blocks, nn.Sequential{dense, &nn.ReLU{}, &nn.Dropout{Rate: dropout}})
	head := nn.NewDense("head", hidden, classes)
	head.Init(math.Sqrt(1/float64(hidden)), rng)
	n.Head = head
	return &n
}
