package nn

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// encoder is a classifier in the shape of a small BERT.
func encoder(vocabulary, layers, d, heads int, dropout float64, rng *rand.Rand) *Network {
	dense := func(in, out int) *Dense {
		l := NewDense("", in, out)
		l.Init(0.02, rng)
		return l
	}
	drop := func() Layer { return &Dropout{Rate: dropout} }
	e := NewEmbedding("", d, vocabulary, 512, 2)
	for i := range e.Tokens.Value {
		e.Tokens.Value[i] = float32(0.02 * rng.NormFloat64())
	}
	blocks := Sequential{Sequential{e, NewLayerNorm("", d, 1e-12), drop()}}
	for range layers {
		attention := &MultiHeadAttention{Query: dense(d, d), Key: dense(d, d), Value: dense(d, d), Output: dense(d, d), Heads: heads, Dropout: dropout}
		blocks = append(blocks, Sequential{
			&Residual{F: Sequential{attention, drop()}}, NewLayerNorm("", d, 1e-12),
			&Residual{F: Sequential{dense(d, 4*d), &GELU{}, dense(4*d, d), drop()}}, NewLayerNorm("", d, 1e-12),
		})
	}
	return &Network{Blocks: blocks, Head: Sequential{&MeanPool{}, dense(d, 4)}}
}

// BenchmarkStep is the time of a step of training on an encoder like
// all-MiniLM-L6-v2, with 16 texts of 32 tokens each: the forward and the
// backward pass, clipping and AdamW.
func BenchmarkStep(b *testing.B) {
	for _, dropout := range []float64{0, 0.1} {
		b.Run(fmt.Sprintf("dropout=%v", dropout), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(10, 1))
			net := encoder(30522, 6, 384, 12, dropout, rng)
			params := net.Params()
			batch := Batch{IDs: make([]int32, 16*32)}
			labels := make([]int, 16)
			for i := range labels {
				labels[i] = i % 4
				batch.Lens = append(batch.Lens, 32)
			}
			var loss SoftmaxCrossEntropy
			var opt AdamW
			for b.Loop() {
				for i := range batch.IDs {
					batch.IDs[i] = rng.Int32N(30522)
				}
				loss.Forward(net.Forward(batch, rng).X, labels)
				for _, p := range params {
					clear(p.Grad)
				}
				net.Backward(loss.Backward(), false)
				ClipGradNorm(params, 1)
				opt.Step(params, 5e-5)
			}
		})
	}
}

// convolutional is a small residual classifier of 28×28 images.
func convolutional(rng *rand.Rand) *Network {
	conv := func(in Image, channels int) Layer {
		c := NewConv2D("", in, channels, Window{Size: 3, Padding: 1}, false)
		c.Init(0.1, rng)
		return Sequential{c, NewBatchNorm("", channels)}
	}
	a, b, c := Image{28, 28, 1}, Image{14, 14, 16}, Image{14, 14, 32}
	head := NewDense("", 64, 5)
	head.Init(0.1, rng)
	return &Network{
		Blocks: Sequential{
			Sequential{conv(a, 16), &ReLU{}, NewMaxPool2D(Image{28, 28, 16}, Window{Size: 2})},
			Sequential{conv(b, 32), &ReLU{}, &Residual{F: Sequential{conv(c, 32), &ReLU{}, conv(c, 32)}}, &ReLU{}, NewMaxPool2D(c, Window{Size: 2})},
			Sequential{conv(Image{7, 7, 32}, 64), &ReLU{}, &GlobalAvgPool2D{Channels: 64}},
		},
		Head: head,
	}
}

// BenchmarkConvolution is the time of a step of training on 32 images.
func BenchmarkConvolution(b *testing.B) {
	rng := rand.New(rand.NewPCG(10, 2))
	net := convolutional(rng)
	params := net.Params()
	x := randomMatrix(32, 28*28, rng)
	labels := make([]int, 32)
	for i := range labels {
		labels[i] = i % 5
	}
	var loss SoftmaxCrossEntropy
	var opt AdamW
	for b.Loop() {
		loss.Forward(net.Forward(Batch{X: x}, rng).X, labels)
		for _, p := range params {
			clear(p.Grad)
		}
		net.Backward(loss.Backward(), false)
		opt.Step(params, 1e-3)
	}
}
