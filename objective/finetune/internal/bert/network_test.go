package bert

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// freezeBlocks freezes the first n blocks.
func freezeBlocks(n int) func(*nn.Network) error {
	return func(net *nn.Network) error {
		for _, p := range net.Blocks[:n].Params() {
			p.Frozen = true
		}
		return nil
	}
}

func TestNetworksHaveFrozenParametersInCommonAndNoOthers(t *testing.T) {
	m := loadTiny(t)
	var nets [2]*nn.Network
	for i := range nets {
		var err error
		if nets[i], err = m.Network(Options{Outputs: 2, Freeze: freezeBlocks(2)}); err != nil {
			t.Fatal(err)
		}
	}
	frozen := len(nets[0].Blocks[:2].Params())
	for i, p := range nets[0].Params() {
		q := nets[1].Params()[i]
		if common := &p.Value[0] == &q.Value[0]; common != (i < frozen) || common != p.Frozen {
			t.Errorf("%s: in common: %v, frozen: %v, want both %v", p.Name, common, p.Frozen, i < frozen)
		}
		if none := p.Grad == nil; none != (i < frozen) {
			t.Errorf("%s: no memory for gradients: %v, want %v", p.Name, none, i < frozen)
		}
	}
	before := slices.Clone(nets[1].Params()[frozen].Value)
	clear(nets[0].Params()[frozen].Value)
	if !slices.Equal(nets[1].Params()[frozen].Value, before) {
		t.Error("training one network changes another")
	}
	again, err := m.Network(Options{Outputs: 2})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(again.Params()[frozen].Value, before) {
		t.Error("training a network changes those that the model makes later")
	}
}

// Trials run at the same time on one model: the race detector watches.
func TestNetworksOfOneModelTrainAtTheSameTime(t *testing.T) {
	m := loadTiny(t)
	b := m.Batch(tinyTexts)
	set := train.Set{Batch: b, Labels: []int{0, 1, 0, 1, 0}}
	fit := func(seed uint64) ([]float32, error) {
		net, err := m.Network(Options{Outputs: 2, Dropout: m.Config.Dropout(), Seed: seed, Freeze: freezeBlocks(1 + int(seed))})
		if err != nil {
			return nil, err
		}
		if _, err := train.Fit(context.Background(), net, set, set, train.Config{LearningRate: 1e-2, Seed: seed}, nil, nil); err != nil {
			return nil, err
		}
		return net.Forward(b, nil).X.Data, nil
	}
	var alone, together [3][]float32
	var errs [3]error
	var wg sync.WaitGroup
	for i := range together {
		wg.Go(func() { together[i], errs[i] = fit(uint64(i)) })
	}
	wg.Wait()
	for i := range alone {
		var err error
		if alone[i], err = fit(uint64(i)); err != nil || errs[i] != nil {
			t.Fatal(err, errs[i])
		}
		if !slices.Equal(alone[i], together[i]) {
			t.Errorf("trial %d ends with outputs %v among others and %v alone", i, together[i], alone[i])
		}
	}
}

func TestMergingLowRankTermsLeavesTheModelAlone(t *testing.T) {
	m := loadTiny(t)
	untouched := loadTiny(t)
	net, err := m.Network(Options{Outputs: 2, Freeze: func(net *nn.Network) error {
		_ = freezeBlocks(3)(net)
		rng := rand.New(rand.NewPCG(1, 1))
		nn.Walk(net.Blocks, func(l nn.Layer) {
			if d, ok := l.(*nn.Dense); ok {
				d.AddLoRA(2, 4, 0, rng)
			}
		})
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	merged := 0
	nn.Walk(net, func(l nn.Layer) {
		if d, ok := l.(*nn.Dense); ok && d.HasLoRA() {
			d.Params()[3].Value[0] = 1 // of the second factor, which is 0 at first
			d.MergeLoRA()
			merged++
		}
	})
	if merged != 12 {
		t.Fatalf("%d dense layers of the blocks had a low-rank term, want 12", merged)
	}
	changed := 0
	for _, p := range net.Blocks.Params() {
		if !slices.Equal(m.tensors[p.Name].Data, untouched.tensors[p.Name].Data) {
			t.Errorf("%s of the model changed", p.Name)
		}
		if !slices.Equal(p.Value, m.tensors[p.Name].Data) {
			changed++
		}
	}
	if changed != merged {
		t.Errorf("%d parameters of the network changed, want %d", changed, merged)
	}
}

func TestOptions(t *testing.T) {
	m := loadTiny(t)
	network := func(o Options) *nn.Network {
		net, err := m.Network(o)
		if err != nil {
			t.Fatal(err)
		}
		return net
	}
	names := func(net *nn.Network) (names []string) {
		for _, p := range net.Head.Params() {
			names = append(names, p.Name)
		}
		return names
	}
	cls := []string{"pooler.dense.weight", "pooler.dense.bias", "classifier.weight", "classifier.bias"}
	if got := names(network(Options{Outputs: 2})); !slices.Equal(got, cls) {
		t.Errorf("the head has %q, want %q: without 1_Pooling a model pools by its first row", got, cls)
	}
	if got := names(network(Options{Outputs: 2, Pooling: PoolMean})); !slices.Equal(got, cls[2:]) {
		t.Errorf("the head has %q, want %q", got, cls[2:])
	}
	m.Pooling = PoolMean
	if got := names(network(Options{Outputs: 2})); !slices.Equal(got, cls[2:]) {
		t.Errorf("the head has %q, want %q, as the model pools by the mean", got, cls[2:])
	}
	last := func(o Options) []float32 { return network(o).Head.Params()[0].Value }
	if a, b := last(Options{Outputs: 2, Seed: 1}), last(Options{Outputs: 2, Seed: 1}); !slices.Equal(a, b) {
		t.Error("one seed gives two heads")
	}
	if a, b := last(Options{Outputs: 2, Seed: 1}), last(Options{Outputs: 2, Seed: 2}); slices.Equal(a, b) {
		t.Error("two seeds give one head")
	}
	// Each probability on its own makes the outputs random, and only in training.
	b := m.Batch(tinyTexts)
	for name, d := range map[string]Dropout{"none": {}, "hidden": {Hidden: 0.5}, "attention": {Attention: 0.5}, "head": {Head: 0.5}} {
		net := network(Options{Outputs: 2, Dropout: d})
		quiet := slices.Clone(net.Forward(b, nil).X.Data)
		loud := net.Forward(b, rand.New(rand.NewPCG(1, 1))).X.Data
		if same := slices.Equal(quiet, loud); same != (d == Dropout{}) {
			t.Errorf("%s dropout: training and evaluation are the same: %v", name, same)
		}
	}
}

func TestNetworkRefuses(t *testing.T) {
	m := loadTiny(t)
	boom := errors.New("boom")
	for want, o := range map[string]Options{
		"Outputs is 0, want at least 1":           {},
		"hidden dropout is 1, want it in [0, 1)":  {Outputs: 1, Dropout: Dropout{Hidden: 1}},
		"head dropout is -0.1, want it in [0, 1)": {Outputs: 1, Dropout: Dropout{Head: -0.1}},
		"boom": {Outputs: 1, Freeze: func(*nn.Network) error { return boom }},
	} {
		if _, err := m.Network(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
}
