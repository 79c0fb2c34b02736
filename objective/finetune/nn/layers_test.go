package nn

import (
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"
)

// A layerCase is a layer with a batch that it takes: sequences of those
// lengths, or as many rows.
type layerCase struct {
	layer Layer
	batch Batch
}

// everyLayer returns a layer of each kind, with weights and a batch drawn from
// rng. Widths are no multiples of those of a kernel.
func everyLayer(rng *rand.Rand) map[string]layerCase {
	lens := []int{5, 1, 9, 2, 17, 1, 3}
	const n, d = 38, 21
	image := Image{7, 5, 3}
	conv := NewConv2D("conv", image, 10, Window{Size: 3, Stride: 2, Padding: 1}, true)
	norm, batchNorm := NewLayerNorm("norm", d, 0), NewBatchNorm("norm", 3)
	embedding := NewEmbedding("embeddings", d, 50, 20, 2)
	for _, l := range []Layer{conv, norm, embedding} {
		randomize(rng, l.Params()...)
	}
	randomize(rng, batchNorm.Gamma, batchNorm.Beta, batchNorm.Mean)
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = rng.Int32N(50)
	}
	rows := Batch{X: randomMatrix(n, d, rng)}
	sequences := Batch{X: randomMatrix(n, d, rng), Lens: lens}
	images := Batch{X: randomMatrix(n, image.Size(), rng)}
	return map[string]layerCase{
		"dense":               {randomDense(d, 35, rng), rows},
		"lora":                {randomLoRA(d, 35, 0.2, rng), rows},
		"relu":                {&ReLU{}, rows},
		"gelu":                {&GELU{}, rows},
		"tanh":                {&Tanh{}, rows},
		"dropout":             {&Dropout{Rate: 0.3}, rows},
		"layer norm":          {norm, rows},
		"residual":            {&Residual{F: randomDense(d, d, rng)}, rows},
		"shortcut":            {&Residual{F: randomDense(d, 8, rng), Shortcut: randomDense(d, 8, rng)}, rows},
		"embedding":           {embedding, Batch{IDs: ids, Lens: lens}},
		"attention":           {randomAttention(d, 22, 2, 0.2, rng), sequences},
		"mean pool":           {&MeanPool{}, sequences},
		"cls pool":            {&CLSPool{}, sequences},
		"convolution":         {conv, images},
		"max pool":            {NewMaxPool2D(image, Window{Size: 2}), images},
		"average pool":        {NewAvgPool2D(image, Window{Size: 2}), images},
		"global average pool": {&GlobalAvgPool2D{Channels: 3}, images},
		"batch norm":          {batchNorm, images},
		"network": {&Network{
			Blocks: Sequential{embedding, Sequential{&Residual{F: randomAttention(d, 22, 2, 0.2, rng)}, norm}, &MeanPool{}},
			Head:   randomDense(d, 4, rng),
		}, Batch{IDs: ids, Lens: lens}},
	}
}

// slice returns examples i to j, without j, with copies of their rows. Matrices
// of a result have rows as lens says.
func (b Batch) slice(i, j int) Batch {
	first, last := i, j
	if b.Lens != nil {
		first, last = sum(b.Lens[:i]), sum(b.Lens[:j])
		b.Lens = b.Lens[i:j]
	}
	if b.IDs != nil {
		b.IDs = slices.Clone(b.IDs[first:last])
	}
	if b.X.Data != nil {
		b.X = rowsOf(b.X, first, last-first)
		b.X.Data = slices.Clone(b.X.Data)
	}
	return b
}

func sum(x []int) (total int) {
	for _, v := range x {
		total += v
	}
	return total
}

// In evaluation, also for the batch normalization.
func TestAnExampleDoesNotDependOnTheOthers(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 1))
	for name, c := range everyLayer(rng) {
		whole := c.layer.Forward(c.batch, nil)
		whole.X.Data = slices.Clone(whole.X.Data)
		dy := whole
		dy.X = randomMatrix(whole.X.Rows, whole.X.Cols, rng)
		in := c.batch
		if in.X = c.layer.Backward(dy.X, true); in.X.Data != nil {
			in.X.Data = slices.Clone(in.X.Data)
		}
		for _, size := range []int{1, 2, 3} {
			for i := 0; i < whole.Len(); i += size {
				j := min(i+size, whole.Len())
				got := c.layer.Forward(c.batch.slice(i, j), nil)
				sameBits(t, name+": a part of the batch", got.X.Data, whole.slice(i, j).X.Data)
				dx := c.layer.Backward(dy.slice(i, j).X, true)
				sameBits(t, name+": gradient in a part of the batch", dx.Data, in.slice(i, j).X.Data)
			}
		}
	}
}

func TestLayersComputeTheSameAgain(t *testing.T) {
	run := func(name string) (all []float32) {
		c := everyLayer(rand.New(rand.NewPCG(9, 2)))[name]
		for _, b := range []Batch{c.batch.slice(0, 2), c.batch} { // a buffer that is used again, and grows, changes nothing
			all = nil
			rng := rand.New(rand.NewPCG(9, 3))
			c.batch = b
			y := c.layer.Forward(c.batch, rng).X
			all = append(all, y.Data...)
			all = append(all, c.layer.Backward(y, true).Data...)
		}
		for _, p := range c.layer.Params() {
			all = append(all, p.Grad...)
		}
		return all
	}
	for name := range everyLayer(rand.New(rand.NewPCG(9, 2))) {
		sameBits(t, name, run(name), run(name))
	}
}

// After the first batch, and after one that is larger.
func TestTrainingAllocatesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("under the race detector, which runs short tests, a sync.Pool of the kernels forgets some of its memory")
	}
	rng := rand.New(rand.NewPCG(9, 4))
	for name, c := range everyLayer(rng) {
		params := c.layer.Params()
		var opt AdamW
		step := func(b Batch) {
			y := c.layer.Forward(b, rng).X
			c.layer.Backward(y, true)
			ClipGradNorm(params, 1)
			opt.Step(params, 1e-3)
		}
		small := c.batch.slice(0, 3)
		step(c.batch)
		if n := testing.AllocsPerRun(20, func() { step(c.batch); step(small) }); n != 0 {
			t.Errorf("%s: %v allocations in two steps, want none", name, n)
		}
	}
}

func TestBackwardLeavesItsArgumentAndTheBatchAsTheyAre(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 5))
	for name, c := range everyLayer(rng) {
		x := slices.Clone(c.batch.X.Data)
		y := c.layer.Forward(c.batch, rng).X
		dy := randomMatrix(y.Rows, y.Cols, rng)
		want := slices.Clone(dy.Data)
		c.layer.Backward(dy, true)
		sameBits(t, name+": dy", dy.Data, want)
		sameBits(t, name+": x", c.batch.X.Data, x)
	}
}

// What is frozen gets no gradient, needs no memory for one, and changes nothing
// for the rest.
func TestFrozenParametersGetNoGradient(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 6))
	for name, c := range everyLayer(rng) {
		params := c.layer.Params()
		y := c.layer.Forward(c.batch, nil).X
		dy := randomMatrix(y.Rows, y.Cols, rng)
		dx := slices.Clone(c.layer.Backward(dy, true).Data)
		var want [][]float32 // nil: there is none
		for _, p := range params {
			if !p.Trains() {
				p.Grad = nil
			}
			want = append(want, p.Grad)
		}
		for only, p := range params {
			if want[only] == nil {
				continue
			}
			for i, q := range params {
				q.Grad = nil
				if q.Frozen = i != only; !q.Frozen {
					q.Grad = make([]float32, len(q.Value))
				}
			}
			c.layer.Forward(c.batch, nil)
			if !trains(c.layer) {
				t.Errorf("%s: does not train, want it to for %s", name, p.Name)
			}
			c.layer.Backward(dy, false)
			sameBits(t, name+": gradient of "+p.Name, p.Grad, want[only])
			p.Grad = nil
		}
		for _, p := range params {
			p.Frozen = true
		}
		if trains(c.layer) {
			t.Errorf("%s: trains, want it not to with all parameters frozen", name)
		}
		sameBits(t, name+": dx with all frozen", c.layer.Backward(dy, true).Data, dx)
	}
}

func TestANetworkStopsAtItsFirstLayerThatTrains(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 7))
	var calls []string
	spied := func(name string) Layer {
		return faulty{randomDense(4, 4, rng), func(dx blas32.General) {
			if dx.Data == nil {
				calls = append(calls, name+", without dx")
			} else {
				calls = append(calls, name)
			}
		}}
	}
	a, b, c := spied("a"), spied("b"), spied("c")
	net := &Network{Blocks: Sequential{a, &ReLU{}, Sequential{b}}, Head: c}
	for frozen, want := range [][]string{{"c", "b", "a, without dx"}, {"c", "b, without dx"}, {"c, without dx"}} {
		calls = nil
		for _, l := range []Layer{a, b}[:frozen] {
			for _, p := range l.Params() {
				p.Frozen = true
			}
		}
		y := net.Forward(Batch{X: randomMatrix(3, 4, rng)}, nil).X
		net.Backward(y, false)
		if !slices.Equal(calls, want) {
			t.Errorf("with %d layers frozen %q work, want %q", frozen, calls, want)
		}
		calls = nil
		if net.Backward(y, true); !slices.Equal(calls, []string{"c", "b", "a"}) {
			t.Errorf("with %d layers frozen %q work for dx, want all", frozen, calls)
		}
	}
}
