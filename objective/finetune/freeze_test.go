package finetune

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/mlp"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// trained returns the names of the parameters that train.
func trained(net *nn.Network) (names []string) {
	for _, p := range net.Params() {
		if p.Trains() {
			names = append(names, p.Name)
		}
	}
	return names
}

func TestFreezeLeavesWhatTrains(t *testing.T) {
	head := []string{"head.weight", "head.bias"}
	of := func(kinds []string, layers ...int) (names []string) {
		for _, i := range layers {
			for _, kind := range kinds {
				names = append(names, fmt.Sprintf("hidden.%d.%s", i, kind))
			}
		}
		return append(names, head...)
	}
	all, biases, lora := []string{"weight", "bias"}, []string{"bias"}, []string{"lora_A", "lora_B"}
	for _, c := range []struct {
		tuning string
		frozen int
		want   []string
	}{
		{"", 0, of(all, 0, 1, 2)},
		{Full, 2, of(all, 2)},
		{Full, mlp.Hidden, head},
		{BitFit, 0, of(biases, 0, 1, 2)},
		{BitFit, 1, of(biases, 1, 2)},
		{BitFit, mlp.Hidden, head},
		{LoRA, 0, of(lora, 0, 1, 2)},
		{LoRA, 2, of(lora, 2)},
		{LoRA, mlp.Hidden, head},
	} {
		task := digitsTask(t)
		s := Defaults()
		s.Tuning, s.FrozenLayers, s.LoRARank, s.LoRAAlpha = c.tuning, c.frozen, 2, 4
		net, err := task.Network(s, rand.New(rand.NewPCG(1, 0)))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time changes nothing
			if err := s.Freeze(net, rand.New(rand.NewPCG(1, 1))); err != nil {
				t.Fatal(err)
			}
			if got := trained(net); !slices.Equal(got, c.want) {
				t.Errorf("%q with %d frozen layers: %v train, want %v", c.tuning, c.frozen, got, c.want)
			}
		}
	}
}

func TestFreezeSaysWhatANetworkLacks(t *testing.T) {
	norm := nn.NewBatchNorm("norm", 1)
	norm.Gamma.Name, norm.Beta.Name = "gamma", "beta"
	net := &nn.Network{Blocks: nn.Sequential{nn.Sequential{norm}}, Head: nn.NewDense("head", 1, 2)}
	for tuning, want := range map[string]string{LoRA: "needs a dense layer", BitFit: "bias"} {
		s := Defaults()
		s.Tuning, s.LoRARank, s.LoRAAlpha = tuning, 2, 4
		if err := s.Freeze(net, rand.New(rand.NewPCG(1, 1))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want one with %q", tuning, err, want)
		}
		if !slices.Contains(trained(net), "gamma") {
			t.Errorf("%s: something is frozen nevertheless", tuning)
		}
	}
}

func namedParams(names ...string) (params []*nn.Param) {
	for _, n := range names {
		params = append(params, &nn.Param{Name: n})
	}
	return params
}

func frozen(params []*nn.Param) (all []string) {
	for _, p := range params {
		if p.Frozen {
			all = append(all, p.Name)
		}
	}
	return all
}

func TestBitFitTrainsBiasesOnly(t *testing.T) {
	params := namedParams("layer.0.weight", "layer.0.bias", "norm.weight", "norm.bias", "bias.weight")
	params[3].Frozen = true // before: it stays so
	err := bitFit(params)
	if want := []string{"layer.0.weight", "norm.weight", "norm.bias", "bias.weight"}; err != nil || !slices.Equal(frozen(params), want) {
		t.Errorf("%v, frozen are %q, want %q", err, frozen(params), want)
	}
	params = namedParams("weight")
	if err := bitFit(params); err == nil || frozen(params) != nil {
		t.Errorf("without biases: error is %v and %q are frozen, want an error and none", err, frozen(params))
	}
}
