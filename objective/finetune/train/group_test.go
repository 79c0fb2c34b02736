package train

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/batch"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// deep is a network of three blocks and a head, with dropout.
func deep() *nn.Network {
	rng := rand.New(rand.NewPCG(1, 9))
	dense := func(name string, in, out int) *nn.Dense {
		d := nn.NewDense(name, in, out)
		d.Init(math.Sqrt(2/float64(in)), rng)
		return d
	}
	n := &nn.Network{Head: dense("head", 8, 2)}
	in := 2
	for i := range 3 {
		n.Blocks = append(n.Blocks, nn.Sequential{dense(fmt.Sprint("hidden.", i), in, 8), &nn.ReLU{}, &nn.Dropout{Rate: 0.1}})
		in = 8
	}
	return n
}

// images is a network of convolutions with batch statistics, for rows of two
// numbers: images of 1×2 pixels.
func images() *nn.Network {
	n := &nn.Network{Head: nn.Sequential{&nn.GlobalAvgPool2D{Channels: 4}, nn.NewDense("head", 4, 2)}}
	in := nn.Image{Height: 1, Width: 2, Channels: 1}
	for i := range 3 {
		n.Blocks = append(n.Blocks, nn.Sequential{
			nn.NewConv2D(fmt.Sprint("conv.", i), in, 4, nn.Window{Size: 1}, true), nn.NewBatchNorm(fmt.Sprint("norm.", i), 4), &nn.ReLU{},
		})
		in.Channels = 4
	}
	rng := rand.New(rand.NewPCG(1, 8))
	for _, p := range n.Params() {
		if len(p.Shape) > 1 {
			for i := range p.Value {
				p.Value[i] = float32(rng.NormFloat64())
			}
		}
	}
	return n
}

// freeze freezes the parameters for which the function is true.
func freeze(n *nn.Network, which func(block int, p *nn.Param) bool) *nn.Network {
	for i, b := range append(slices.Clone(n.Blocks), n.Head) {
		for _, p := range b.Params() {
			p.Frozen = which(i, p)
		}
	}
	return n
}

func below(k int) func(int, *nn.Param) bool {
	return func(block int, _ *nn.Param) bool { return block < k }
}

func bias(_ int, p *nn.Param) bool { return len(p.Shape) == 1 }

func TestFrozenParametersKeepEveryBit(t *testing.T) {
	for name, build := range map[string]func() *nn.Network{"dense": deep, "images": images} {
		for what, which := range map[string]func(int, *nn.Param) bool{
			"nothing":            below(0),
			"two blocks":         below(2),
			"all but the head":   below(3),
			"all but biases":     func(b int, p *nn.Param) bool { return b < 3 && !bias(b, p) },
			"the block between":  func(b int, _ *nn.Param) bool { return b == 1 },
			"the head":           func(b int, _ *nn.Param) bool { return b == 3 },
			"weights of block 0": func(b int, p *nn.Param) bool { return b == 0 && !bias(b, p) },
		} {
			for _, unfreeze := range []bool{false, true} {
				net, start := freeze(build(), which), build()
				c := Config{LearningRate: 0.05, BatchSize: 4, Epochs: 6, WeightDecay: 0.5, LayerDecay: 0.7, GradualUnfreezing: unfreeze, Seed: 1}
				var last [][]float32
				if _, err := Fit(t.Context(), net, blobs(21, 1), blobs(20, 2), c, nil, func(Metrics, State) error {
					last = snapshot(last, net.Params())
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				for i, p := range net.Params() {
					changed := !slices.Equal(last[i], start.Params()[i].Value)
					if p.Frozen == changed {
						t.Errorf("%s, %s frozen: %s has changed: %v, frozen: %v", name, what, p.Name, changed, p.Frozen)
					}
					if want := freeze(build(), which).Params()[i]; p.Frozen != want.Frozen || p.Rate != want.Rate {
						t.Errorf("%s, %s frozen: %s is left with Frozen %v and Rate %v", name, what, p.Name, p.Frozen, p.Rate)
					}
				}
			}
		}
	}
}

// passes counts what a layer is asked for.
type passes struct {
	nn.Layer
	count
}

type count struct{ training, evaluation, backward, wantDX int }

func (c *passes) Layers() []nn.Layer { return []nn.Layer{c.Layer} }
func (c *passes) Forward(x nn.Batch, rng *rand.Rand) nn.Batch {
	if rng != nil {
		c.training++
	} else {
		c.evaluation++
	}
	return c.Layer.Forward(x, rng)
}
func (c *passes) Backward(dy blas32.General, wantDX bool) blas32.General {
	c.backward++
	if wantDX {
		c.wantDX++
	}
	return c.Layer.Backward(dy, wantDX)
}

// counting wraps the blocks of a network.
func counting(n *nn.Network) (counts []*passes) {
	for i, b := range n.Blocks {
		counts = append(counts, &passes{Layer: b})
		n.Blocks[i] = counts[i]
	}
	return counts
}

func TestFrozenBlocksCostNoBackwardWorkAndAreInEvaluationMode(t *testing.T) {
	const steps = 5 // of an epoch
	for k := range 4 {
		net := freeze(deep(), below(k))
		counts := counting(net)
		c := Config{BatchSize: 4, Epochs: 3, EvaluateAtMost: -1}
		if _, err := Fit(t.Context(), net, blobs(20, 1), blobs(20, 2), c, nil, nil); err != nil {
			t.Fatal(err)
		}
		for i, b := range counts {
			want := count{training: 3 * steps, backward: 3 * steps, evaluation: 3 + 1} // one validation an epoch, one look at the outputs
			if i == k {
				want.wantDX = 0
			} else {
				want.wantDX = 3 * steps
			}
			if i < k {
				want = count{evaluation: 3*steps + 3 + 1}
			}
			if b.count != want {
				t.Errorf("%d blocks frozen: block %d: %+v, want %+v", k, i, b.count, want)
			}
		}
	}
}

func TestBlocksAreUnfrozenFromTheHeadDown(t *testing.T) {
	const steps, epochs = 5, 6
	for frozen := range 3 {
		net := freeze(deep(), below(frozen))
		counts := counting(net)
		before := snapshot(nil, net.Params())
		if _, err := Fit(t.Context(), net, blobs(20, 1), blobs(20, 2), Config{BatchSize: 4, Epochs: epochs, GradualUnfreezing: true}, nil, func(m Metrics, s State) error {
			for i, c := range counts {
				// Block i is the (3-i)-th from the head, and trains from epoch 4-i on.
				live := max(m.Epoch-(4-i)+1, 0)
				if i < frozen {
					live = 0
				}
				if c.backward != live*steps {
					t.Errorf("%d blocks frozen, after epoch %d: %d backward passes through block %d, want %d", frozen, m.Epoch, c.backward, i, live*steps)
				}
				for j, p := range c.Params() {
					if changed := !slices.Equal(p.Value, before[2*i+j]); changed != (live > 0) {
						t.Errorf("%d blocks frozen, after epoch %d: %s has changed: %v", frozen, m.Epoch, p.Name, changed)
					}
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// What joins later takes its first steps as any parameter does: by hand, the
// first step of AdamW is the learning rate in the direction of the gradient.
func TestAnUnfrozenBlockStartsFreshMoments(t *testing.T) {
	net := deep()
	p := net.Blocks[2].Params()[0]
	before := slices.Clone(p.Value)
	c := Config{LearningRate: 1e-3, BatchSize: 20, Epochs: 2, GradualUnfreezing: true, Schedule: Constant, MaxGradNorm: -1}
	if _, err := Fit(t.Context(), net, blobs(20, 1), blobs(20, 2), c, nil, func(m Metrics, s State) error {
		if m.Epoch == 2 {
			for i, v := range s.Weights[4] {
				if d := math.Abs(float64(v - before[i])); d != 0 && math.Abs(d-1e-3) > 1e-5 {
					t.Errorf("element %d has moved by %v, want 0.001", i, d)
				}
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestLayerDecayIsARateForEachBlock(t *testing.T) {
	const decay = 0.5
	c := Config{LearningRate: 1e-3, BatchSize: 20, Epochs: 1, Schedule: Constant, LayerDecay: decay}
	net, start := deep(), deep()
	net.Blocks[1].Params()[1].Rate = 0.25 // in addition to that of the block
	if _, err := Fit(t.Context(), net, blobs(20, 1), blobs(20, 2), c, nil, nil); err != nil {
		t.Fatal(err)
	}
	for i, p := range net.Params() {
		want := 1e-3 * math.Pow(decay, float64(3-i/2))
		if i == 3 {
			want *= 0.25
		}
		var most float64
		for j, v := range p.Value {
			most = max(most, math.Abs(float64(v-start.Params()[i].Value[j])))
		}
		if math.Abs(most-want) > 0.02*want {
			t.Errorf("%s has moved by %v in the first step, want %v", p.Name, most, want)
		}
	}
}

func TestAFrozenFrontMayBeSplitOff(t *testing.T) {
	for name, build := range map[string]func() *nn.Network{"dense": deep, "images": images} {
		for k := range 4 {
			c := Config{LearningRate: 0.02, BatchSize: 7, Epochs: 4, LayerDecay: 0.9, Seed: 3}
			whole, parts := freeze(build(), below(k)), freeze(build(), below(k))
			if got := whole.FrozenBlocks(); got != k {
				t.Errorf("%s: %d blocks are frozen, want %d", name, got, k)
			}
			training, validation := blobs(30, 1), blobs(20, 2)
			want, err := Fit(t.Context(), whole, training, validation, c, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			front, back := parts.Split(k)
			features := func(s Set) Set {
				s.X = batch.Predict(front, s.Batch)
				return s
			}
			got, err := Fit(t.Context(), back, features(training), features(validation), c, nil, nil)
			if err != nil || got != want || !reflect.DeepEqual(snapshot(nil, parts.Params()), snapshot(nil, whole.Params())) {
				t.Errorf("%s, %d frozen: %+v, error %v, want %+v with the same weights", name, k, got, err, want)
			}
		}
	}
}

// jitter augments.
type jitter struct {
	nn.ReLU
	on bool
}

func (j *jitter) Augments() bool { return j.on }

func TestFrozenBlocksAreThoseOfAFixedFunction(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*nn.Network)
		want   int
	}{
		"all frozen":                    {func(*nn.Network) {}, 3},
		"a bias of block 1 trains":      {func(n *nn.Network) { n.Blocks[1].Params()[1].Frozen = false }, 1},
		"statistics follow the batches": {func(n *nn.Network) { n.Blocks[2].Params()[4].Frozen = false }, 2},
		"a dropout behind them":         {func(n *nn.Network) { n.Blocks = append(n.Blocks, &nn.Dropout{Rate: 0.5}) }, 3},
		"a dropout before them":         {func(n *nn.Network) { n.Blocks = append(nn.Sequential{&nn.Dropout{Rate: 0.5}}, n.Blocks...) }, 4},
		"nothing but a dropout":         {func(n *nn.Network) { n.Blocks = nn.Sequential{&nn.Dropout{Rate: 0.5}} }, 0},
		"augmentation before them":      {func(n *nn.Network) { n.Blocks = append(nn.Sequential{&jitter{on: true}}, n.Blocks...) }, 0},
		"augmentation that is off":      {func(n *nn.Network) { n.Blocks = append(nn.Sequential{&jitter{}}, n.Blocks...) }, 4},
		"augmentation inside block 1":   {func(n *nn.Network) { n.Blocks[1] = nn.Sequential{n.Blocks[1], &jitter{on: true}} }, 1},
		"no blocks":                     {func(n *nn.Network) { n.Blocks = nil }, 0},
	} {
		n := freeze(images(), below(4))
		c.change(n)
		if got := n.FrozenBlocks(); got != c.want {
			t.Errorf("%s: %d blocks, want %d", name, got, c.want)
		}
	}
}

func TestLowRankTermsTrainInFrozenLayers(t *testing.T) {
	build := func() *nn.Network {
		n := deep()
		for i, b := range n.Blocks {
			b.(nn.Sequential)[0].(*nn.Dense).AddLoRA(2, 4, 0, rand.New(rand.NewPCG(uint64(i), 5)))
		}
		return n
	}
	net, start := build(), build()
	if _, err := Fit(t.Context(), net, blobs(20, 1), blobs(20, 2), Config{LearningRate: 0.05, Epochs: 4, Metric: MetricAccuracy}, nil, nil); err != nil {
		t.Fatal(err)
	}
	for i, p := range net.Params() {
		if changed := !slices.Equal(p.Value, start.Params()[i].Value); changed == p.Frozen {
			t.Errorf("%s has changed: %v, frozen: %v", p.Name, changed, p.Frozen)
		}
	}
	if net.FrozenBlocks() != 0 {
		t.Error("blocks with low-rank terms count as frozen")
	}
}
