package bert

import (
	"fmt"
	"iter"
	"math/rand/v2"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// Options say how to make a Network.
type Options struct {
	Outputs int     // classes, or numbers of a regression, at least 1
	Pooling Pooling // PoolDefault means Model.Pooling
	Dropout Dropout // Config.Dropout has the model's own
	Seed    uint64  // of the weights of new layers

	// Freeze sets Frozen of parameters that never train, or adds low-rank terms. Frozen parameters
	// of the encoder share the memory of the Model and have no gradients, so they cannot be
	// unfrozen later; those under a low-rank term are copies, because MergeLoRA changes them. nil:
	// all parameters train.
	Freeze func(*nn.Network) error
}

// Network returns the encoder with a new head. Block 0 is the embeddings; the others are the
// encoder layers. Parameters are named as in Hugging Face's BertModel:
// "embeddings.word_embeddings.weight", "encoder.layer.0.output.dense.bias". With PoolMean the head
// is the mean of all rows, dropout and the dense layer "classifier"; with PoolCLS it is the first
// row, the dense layer "pooler.dense", pretrained if the model has one, tanh, dropout and
// "classifier". New weights are drawn from a normal distribution.
func (m *Model) Network(o Options) (*nn.Network, error) {
	if o.Outputs < 1 {
		return nil, fmt.Errorf("Options.Outputs is %d, want at least 1", o.Outputs)
	}
	if err := o.Dropout.check(); err != nil {
		return nil, err
	}
	// Resolved here, so no layer sees PoolDefault.
	if o.Pooling == PoolDefault {
		o.Pooling = m.Pooling
	}
	c := m.Config
	// Drawn even if the pooler is not used or will be overwritten: the classifier is then the
	// same for both.
	rng := rand.New(rand.NewPCG(o.Seed, 0))
	pooler, classifier := nn.NewDense("pooler.dense", c.HiddenSize, c.HiddenSize),
		nn.NewDense("classifier", c.HiddenSize, o.Outputs)
	pooler.Init(c.InitializerRange, rng)
	classifier.Init(c.InitializerRange, rng)
	head := nn.Sequential{&nn.MeanPool{}, &nn.Dropout{Rate: o.Dropout.Head}, classifier}
	if o.Pooling == PoolCLS {
		head = nn.Sequential{&nn.CLSPool{}, pooler, &nn.Tanh{}, &nn.Dropout{Rate: o.Dropout.Head}, classifier}
	}
	blocks, err := c.blocks(o.Dropout)
	if err != nil {
		return nil, err
	}
	net := &nn.Network{Blocks: blocks, Head: head}
	// Before weights are copied, because frozen ones need no copy.
	if o.Freeze != nil {
		if err := o.Freeze(net); err != nil {
			return nil, err
		}
	}
	// MergeLoRA adds to the base weights in place; the Model's own must not change.
	merged := make(map[*nn.Param]bool) // weights that MergeLoRA will change
	nn.Walk(net, func(l nn.Layer) {
		if d, ok := l.(*nn.Dense); ok && d.HasLoRA() {
			merged[d.W] = true
		}
	})
	for _, p := range net.Params() {
		t, ok := m.tensors[p.Name]
		switch {
		case !ok: // new
		case p.Frozen && !merged[p]:
			// Sharing saves the memory of an encoder per trial.
			p.Value, p.Grad = t.Data, nil
		default:
			copy(p.Value, t.Data)
		}
	}
	return net, nil
}

// blocks returns the embeddings and the layers, with zero weights.
func (c Config) blocks(d Dropout) (nn.Sequential, error) {
	// Names are those of Hugging Face, because weights are found by name.
	norm := func(name string) nn.Layer { return nn.NewLayerNorm(name, c.HiddenSize, c.LayerNormEps) }
	dropout := func() nn.Layer { return &nn.Dropout{Rate: d.Hidden} }
	blocks := nn.Sequential{nn.Sequential{
		nn.NewEmbedding("embeddings", c.HiddenSize, c.VocabSize, c.MaxPositions, c.Segments),
		norm("embeddings.LayerNorm"),
		dropout(),
	}}
	for i := range c.Layers {
		name := fmt.Sprintf("encoder.layer.%d.", i)
		square := func(part string) *nn.Dense { return nn.NewDense(name+part, c.HiddenSize, c.HiddenSize) }
		// Norms come after the residual sums, as in the paper.
		attention := &nn.MultiHeadAttention{
			Query: square("attention.self.query"), Key: square("attention.self.key"), Value: square("attention.self.value"),
			Output: square("attention.output.dense"), Heads: c.Heads, Dropout: d.Attention,
		}
		// A layer of its own for each block, since layers keep state for Backward.
		activation, err := c.activation()
		if err != nil {
			return nil, err
		}
		blocks = append(blocks, nn.Sequential{
			&nn.Residual{F: nn.Sequential{attention, dropout()}},
			norm(name + "attention.output.LayerNorm"),
			&nn.Residual{F: nn.Sequential{
				nn.NewDense(name+"intermediate.dense", c.HiddenSize, c.IntermediateSize),
				activation,
				nn.NewDense(name+"output.dense", c.IntermediateSize, c.HiddenSize),
				dropout(),
			}},
			norm(name + "output.LayerNorm"),
		})
	}
	return blocks, nil
}

// activation returns the layer named by Activation.
func (c Config) activation() (nn.Layer, error) {
	switch c.Activation {
	case "gelu", "gelu_python":
		return &nn.GELU{}, nil
	case "gelu_new", "gelu_pytorch_tanh":
		return &tanhGELU{}, nil
	case "relu":
		return &nn.ReLU{}, nil
	}
	return nil, fmt.Errorf("hidden_act is %q, want gelu, gelu_new, gelu_pytorch_tanh or relu", c.Activation)
}

// shapes yields the names and shapes of the parameters of the encoder and the pooler.
func (c Config) shapes() iter.Seq2[string, []int] {
	return func(yield func(string, []int) bool) {
		ok := true
		// yield must not be called again once it has returned false.
		put := func(name string, shape ...int) { ok = ok && yield(name, shape) }
		// Weights are stored as rows of outputs, as in PyTorch.
		dense := func(name string, in, out int) {
			put(name+".weight", out, in)
			put(name+".bias", out)
		}
		norm := func(name string) {
			put(name+".weight", c.HiddenSize)
			put(name+".bias", c.HiddenSize)
		}
		put("embeddings.word_embeddings.weight", c.VocabSize, c.HiddenSize)
		put("embeddings.position_embeddings.weight", c.MaxPositions, c.HiddenSize)
		put("embeddings.token_type_embeddings.weight", c.Segments, c.HiddenSize)
		norm("embeddings.LayerNorm")
		for i := 0; i < c.Layers && ok; i++ {
			name := fmt.Sprintf("encoder.layer.%d.", i)
			for _, part := range []string{"self.query", "self.key", "self.value", "output.dense"} {
				dense(name+"attention."+part, c.HiddenSize, c.HiddenSize)
			}
			norm(name + "attention.output.LayerNorm")
			dense(name+"intermediate.dense", c.HiddenSize, c.IntermediateSize)
			dense(name+"output.dense", c.IntermediateSize, c.HiddenSize)
			norm(name + "output.LayerNorm")
		}
		dense("pooler.dense", c.HiddenSize, c.HiddenSize)
	}
}
