package prefix

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

func fit(t *testing.T, net *nn.Network, training, validation train.Set, c train.Config) []train.Metrics {
	t.Helper()
	var all []train.Metrics
	if _, err := train.Fit(t.Context(), net, training, validation, c, nil, func(m train.Metrics, _ train.State) error {
		all = append(all, m)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func values(n *nn.Network) (all []float32) {
	for _, p := range n.Params() {
		all = append(all, p.Value...)
	}
	return all
}

func TestATrainingOnFeaturesIsTheTrainingOnTheData(t *testing.T) {
	for name, task := range tasks {
		var c Cache
		training, validation := task.data(70, 1), task.data(66, 2)
		for depth := task.blocks; depth > 0; depth-- {
			for _, batch := range []int{1, 7, 32} {
				for _, unfreeze := range []bool{false, true} {
					what := fmt.Sprintf("%s, %d blocks frozen, batches of %d, gradual unfreezing %v", name, depth, batch, unfreeze)
					conf := train.Config{LearningRate: 0.01, BatchSize: batch, Epochs: 3, GradualUnfreezing: unfreeze, LayerDecay: 0.8, Seed: 5}
					plain, cached := task.frozen(depth), task.frozen(depth)
					before := values(cached)
					want := fit(t, plain, training, validation, conf)
					back, sets, use, err := c.Split(t.Context(), cached, nil, training, validation)
					if err != nil || use.Off != "" || use.Depth != depth || len(sets) != 2 {
						t.Fatalf("%s: use is %+v of %d sets, error %v", what, use, len(sets), err)
					}
					if got := fit(t, back, sets[0], sets[1], conf); !reflect.DeepEqual(got, want) {
						t.Errorf("%s: metrics are %v, want %v", what, got, want)
					}
					sameBits(t, what, values(cached), values(plain))
					if reflect.DeepEqual(values(cached), before) {
						t.Errorf("%s: nothing was trained", what)
					}
				}
			}
		}
		// Six trainings at each depth, of which the first computes.
		if s := c.Stats(); s.Misses != 2*task.blocks || s.Hits != 10*task.blocks || s.DiskHits != 0 || s.DiskError != nil {
			t.Errorf("%s: stats are %+v, want %d misses and %d hits", name, s, 2*task.blocks, 10*task.blocks)
		}
	}
}

func TestFeaturesAreTheSameFromEveryDepthThatIsThere(t *testing.T) {
	for name, task := range tasks {
		data := task.data(130, 1)
		for depth := 2; depth <= task.blocks; depth++ {
			for shallow := range depth {
				var c Cache
				if shallow > 0 {
					if _, _, use, err := c.Split(t.Context(), task.frozen(shallow), nil, data); err != nil || use.Off != "" {
						t.Fatal(use, err)
					}
				}
				net := task.frozen(depth)
				_, sets, _, err := c.Split(t.Context(), net, nil, data)
				if err != nil {
					t.Fatal(err)
				}
				want := net.Blocks[:depth].Forward(data.Batch, nil)
				sameBits(t, fmt.Sprintf("%s: %d blocks from %d", name, depth, shallow), sets[0].X.Data, want.X.Data[:want.X.Rows*want.X.Cols])
				if !reflect.DeepEqual(sets[0].Lens, want.Lens) || !reflect.DeepEqual(sets[0].Labels, data.Labels) || sets[0].IDs != nil {
					t.Errorf("%s: %d blocks from %d: lengths or labels differ", name, depth, shallow)
				}
			}
		}
	}
}

// counted counts the examples that go through a block.
type counted struct {
	nn.Layer
	examples int
}

func (c *counted) Layers() []nn.Layer { return []nn.Layer{c.Layer} }
func (c *counted) Forward(b nn.Batch, rng *rand.Rand) nn.Batch {
	c.examples += b.Len()
	return c.Layer.Forward(b, rng)
}

func TestADeeperFreezeStartsFromTheDeepestThatIsThere(t *testing.T) {
	task := tasks["multilayer perceptron"]
	var c Cache
	data := task.data(100, 1)
	for step, want := range []struct{ depth, examples int }{{1, 101}, {3, 1}, {3, 1}, {2, 1}, {1, 1}} {
		net := task.frozen(want.depth)
		first := &counted{Layer: net.Blocks[0]}
		net.Blocks[0] = first
		if _, _, use, err := c.Split(t.Context(), net, nil, data); err != nil || use.Depth != want.depth {
			t.Fatal(use, err)
		}
		// One example alone tells what network it is.
		if first.examples != want.examples {
			t.Errorf("step %d, %d blocks: %d examples go through the first block, want %d", step, want.depth, first.examples, want.examples)
		}
	}
	if s := c.Stats(); s.Misses != 3 || s.Hits != 2 || s.Computed <= 0 || s.Saved <= 0 {
		t.Errorf("stats are %+v, want 3 misses and 2 hits", s)
	}
}

func TestOfSeveralDepthsTheDeepestServes(t *testing.T) {
	task := tasks["multilayer perceptron"]
	var c Cache
	var uses []Use
	for depth := 1; depth <= 3; depth++ {
		net := task.frozen(depth)
		counts := make([]*counted, 3)
		for i, b := range net.Blocks {
			counts[i] = &counted{Layer: b}
			net.Blocks[i] = counts[i]
		}
		_, _, use, err := c.Split(t.Context(), net, nil, task.data(100, 1))
		if err != nil {
			t.Fatal(err)
		}
		for i, b := range counts[:depth] {
			want := 1 // which tells what network it is
			if i == depth-1 {
				want = 1 + 100
			}
			if b.examples != want {
				t.Errorf("depth %d: %d examples go through block %d, want %d", depth, b.examples, i, want)
			}
		}
		uses = append(uses, use)
	}
	// Each depth costs what those before it did, too, of which nothing was computed twice.
	if s := c.Stats(); uses[2].Cost != s.Computed || uses[1].Cost >= uses[2].Cost || s.Saved != uses[0].Cost+uses[1].Cost {
		t.Errorf("costs are %+v, stats %+v", uses, s)
	}
}

func TestFeaturesThatDeeperOnesStartFromAreInUse(t *testing.T) {
	task := tasks["multilayer perceptron"]
	c := Cache{MaxBytes: 2 * 4 * 100 * 9}
	split := func(depth int, data uint64) {
		if _, _, _, err := c.Split(t.Context(), task.frozen(depth), nil, task.data(100, data)); err != nil {
			t.Fatal(err)
		}
	}
	split(1, 1)
	split(1, 2)
	split(2, 1) // from (1, 1), so that (1, 2) goes
	split(1, 1)
	if s := c.Stats(); s.Hits != 1 || s.Misses != 3 || s.Evictions != 1 {
		t.Errorf("stats are %+v, want one hit, 3 misses and one eviction", s)
	}
}

func TestBlocksThatDifferHaveOtherHashes(t *testing.T) {
	hash := func(change func(*nn.Param)) Hash {
		d := nn.NewDense("d", 2, 3)
		change(d.W)
		return HashBlocks(nn.Sequential{d})[0]
	}
	seen := map[Hash]string{hash(func(*nn.Param) {}): "the block"}
	for name, change := range map[string]func(*nn.Param){
		"a value":   func(p *nn.Param) { p.Value[4] = 1 },
		"the name":  func(p *nn.Param) { p.Name = "e" },
		"the shape": func(p *nn.Param) { p.Shape = []int{2, 3} },
	} {
		h := hash(change)
		if other, ok := seen[h]; ok {
			t.Errorf("%s: the hash is that of %s", name, other)
		}
		seen[h] = name
	}
	if hash(func(p *nn.Param) { p.Frozen, p.Rate, p.Decay, p.Grad = true, 3, false, nil }) != hash(func(*nn.Param) {}) {
		t.Error("the hash depends on how the block trains")
	}
	relu, tanh := HashBlocks(nn.Sequential{&nn.ReLU{}})[0], HashBlocks(nn.Sequential{&nn.Tanh{}})[0]
	if relu == tanh {
		t.Error("two kinds of layers have one hash")
	}
}

func TestOtherFeaturesHaveOtherKeys(t *testing.T) {
	task := tasks["encoder of sequences"]
	data := task.data(30, 1)
	var c Cache
	split := func(net *nn.Network, s train.Set) {
		t.Helper()
		if _, _, use, err := c.Split(t.Context(), net, nil, s); err != nil || use.Off != "" {
			t.Fatal(use, err)
		}
	}
	split(task.frozen(2), data)
	split(task.frozen(2), data.Select([]int{0, 1, 2})) // its first example is the same
	for name, change := range map[string]func(*nn.Network, *train.Set){
		"a weight": func(n *nn.Network, _ *train.Set) { n.Blocks[1].Params()[3].Value[0]++ },
		"a row of a token that the first example has not": func(n *nn.Network, _ *train.Set) { n.Blocks[0].Params()[0].Value[19*8]++ },
		"the number of heads":                             func(n *nn.Network, _ *train.Set) { attention(n).Heads = 4 },
		"a token":                                         func(_ *nn.Network, s *train.Set) { *s = s.Select(ascending(30)); s.IDs[len(s.IDs)-1] ^= 1 },
		"where a text ends": func(_ *nn.Network, s *train.Set) {
			*s = s.Select(ascending(30))
			s.Lens[28], s.Lens[29] = s.Lens[28]+s.Lens[29]-1, 1
		},
		"the order of texts": func(_ *nn.Network, s *train.Set) {
			order := ascending(30)
			order[28], order[29] = 29, 28
			*s = s.Select(order)
		},
	} {
		net, s := task.frozen(2), data
		change(net, &s)
		before := c.Stats()
		split(net, s)
		if after := c.Stats(); after.Hits != before.Hits {
			t.Errorf("%s: found in the cache", name)
		}
	}
	net := task.frozen(2)
	attention(net).Dropout = 0.9 // does not act where nothing trains
	net.Head.Params()[0].Value[0]++
	before := c.Stats()
	split(net, data)
	if after := c.Stats(); after.Misses != before.Misses {
		t.Error("what acts in no frozen block is part of the key")
	}
}

func TestSetsThatDifferHaveOtherHashes(t *testing.T) {
	s := sequences(5, 1)
	seen := map[Hash]string{HashSet(s): "the set"}
	for name, change := range map[string]func(*train.Set){
		"a label":            func(s *train.Set) { s.Labels[3]++ },
		"a token":            func(s *train.Set) { s.IDs[1]++ },
		"a length":           func(s *train.Set) { s.Lens[0]++ },
		"targets":            func(s *train.Set) { s.Targets = []float32{1} },
		"another target":     func(s *train.Set) { s.Targets = []float32{2} },
		"no labels":          func(s *train.Set) { s.Labels = nil },
		"rows":               func(s *train.Set) { s.X = rows(2)(5, 1).X },
		"rows of one number": func(s *train.Set) { s.X = rows(1)(10, 1).X },
	} {
		changed := s.Select(ascending(5))
		change(&changed)
		h := HashSet(changed)
		if other, ok := seen[h]; ok {
			t.Errorf("%s: the hash is that of %s", name, other)
		}
		seen[h] = name
	}
	if HashSet(s.Select(ascending(5))) != HashSet(s) {
		t.Error("a copy has another hash")
	}
}

func attention(n *nn.Network) *nn.MultiHeadAttention {
	return n.Blocks[1].(nn.Sequential)[0].(*nn.Residual).F.(nn.Sequential)[0].(*nn.MultiHeadAttention)
}

func ascending(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

// Kernels differ in the last bits.
func TestEachKernelHasItsOwnFeatures(t *testing.T) {
	task := tasks["multilayer perceptron"]
	net, data := task.frozen(2), task.data(3, 1)
	key := func(kernel string) Hash {
		return newSource(kernel, net.Blocks[:2], HashBlocks(net.Blocks), data.Batch).key()
	}
	first, again, other := key("avx2"), key("avx2"), key("avx512")
	if first != again || first == other {
		t.Error("the kernel is not part of the key, or something else is")
	}
}

func TestHashesOfACheckpointServeAllItsNetworks(t *testing.T) {
	task := tasks["encoder of sequences"]
	data := task.data(20, 1)
	blocks := HashBlocks(task.build().Blocks)
	var c Cache
	for _, hashes := range [][]Hash{blocks, nil, blocks[:3], blocks[:2]} {
		if _, _, _, err := c.Split(t.Context(), task.frozen(3), hashes, data); err != nil {
			t.Fatal(err)
		}
	}
	if s := c.Stats(); s.Misses != 1 || s.Hits != 3 {
		t.Errorf("stats are %+v, want one miss and three hits", s)
	}
}

// batchMean takes the mean of the batch from each number: a layer that breaks
// the rule.
type batchMean struct{ nn.Layer }

func (m batchMean) Forward(b nn.Batch, rng *rand.Rand) nn.Batch {
	b = m.Layer.Forward(b, rng)
	y := b.X
	y.Data = append([]float32(nil), y.Data...)
	for j := range y.Cols {
		var sum float32
		for i := range y.Rows {
			sum += y.Data[i*y.Cols+j]
		}
		for i := range y.Rows {
			y.Data[i*y.Cols+j] -= sum / float32(y.Rows)
		}
	}
	b.X = y
	return b
}

// jitter is a layer that augments.
type jitter struct{ nn.ReLU }

func (*jitter) Augments() bool { return true }

func TestTheCacheTurnsItselfOff(t *testing.T) {
	task := tasks["convolutions with batch statistics"]
	data, none := task.data(20, 1), train.Set{}
	for want, change := range map[string]func(*nn.Network){
		`parameter "conv.0.weight" of block 0 trains`:            func(n *nn.Network) { n.Blocks[0].Params()[0].Frozen = false },
		`parameter "norm.0.running_mean" of block 0 follows the`: func(n *nn.Network) { n.Blocks[0].Params()[3].Frozen = false },
		"for one example depends on the others":                  func(n *nn.Network) { n.Blocks[0] = batchMean{n.Blocks[0]} },
		"no block before one that changes examples at random":    func(n *nn.Network) { n.Blocks = append(nn.Sequential{&jitter{}}, n.Blocks...) },
		"no blocks before its head":                              func(n *nn.Network) { n.Blocks = nil },
	} {
		var c Cache
		net := task.frozen(3)
		change(net)
		back, sets, use, err := c.Split(t.Context(), net, nil, data, none)
		if err != nil || !strings.Contains(use.Off, want) || use.Depth != 0 || use.Cost != 0 {
			t.Errorf("use is %+v, error %v, want %q", use, err, want)
		}
		if len(back.Blocks) != len(net.Blocks) || !reflect.DeepEqual(sets, []train.Set{data, none}) {
			t.Errorf("%s: want the whole network and the data", want)
		}
		if s := c.Stats(); s.Bytes != 0 {
			t.Errorf("%s: %d bytes are kept", want, s.Bytes)
		}
	}
}

func TestWhatBehindAnOpenBlockIsFrozenIsNoPrefix(t *testing.T) {
	task := tasks["multilayer perceptron"]
	net := task.frozen(3)
	net.Blocks[1].Params()[1].Frozen = false // a bias
	var c Cache
	if _, _, use, err := c.Split(t.Context(), net, nil, task.data(5, 1)); err != nil || use.Depth != 1 {
		t.Errorf("use is %+v, error %v, want depth 1", use, err)
	}
}

func TestEmptySetsStayEmpty(t *testing.T) {
	task := tasks["multilayer perceptron"]
	var c Cache
	_, sets, use, err := c.Split(t.Context(), task.frozen(2), nil, task.data(5, 1), train.Set{})
	if err != nil || use.Depth != 2 || len(sets) != 2 || sets[1].Len() != 0 || sets[0].X.Cols != 9 {
		t.Errorf("use is %+v, error %v", use, err)
	}
}
