package train

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// A state must carry whatever of a training does not follow from the epoch.
func TestEveryKindOfTrainingResumesAfterAnyEpoch(t *testing.T) {
	classification := func(net *nn.Network, c Config) (*nn.Network, Set, Set, Config) {
		return net, blobs(21, 1), blobs(60, 2), c
	}
	for name, build := range map[string]func() (*nn.Network, Set, Set, Config){
		"accumulation over a rest": func() (*nn.Network, Set, Set, Config) {
			return classification(deep(), Config{LearningRate: 0.02, BatchSize: 4, GradientAccumulationSteps: 4, Epochs: 6})
		},
		"gradual unfreezing": func() (*nn.Network, Set, Set, Config) {
			return classification(deep(), Config{LearningRate: 0.02, Epochs: 6, GradualUnfreezing: true, LayerDecay: 0.5, WarmupRatio: 0.2, Schedule: Cosine})
		},
		"gradual unfreezing above a frozen block": func() (*nn.Network, Set, Set, Config) {
			return classification(freeze(deep(), below(1)), Config{LearningRate: 0.02, Epochs: 6, GradualUnfreezing: true})
		},
		"batch statistics": func() (*nn.Network, Set, Set, Config) {
			return classification(images(), Config{LearningRate: 0.02, Epochs: 6})
		},
		"batch statistics, unfrozen gradually": func() (*nn.Network, Set, Set, Config) {
			return classification(images(), Config{LearningRate: 0.02, Epochs: 6, GradualUnfreezing: true})
		},
		"biases alone": func() (*nn.Network, Set, Set, Config) {
			return classification(freeze(deep(), func(b int, p *nn.Param) bool { return b < 3 && !bias(b, p) }), Config{LearningRate: 0.02, Epochs: 6})
		},
		"another metric, with a threshold": func() (*nn.Network, Set, Set, Config) {
			return classification(deep(), Config{LearningRate: 0.05, Epochs: 12, Metric: MetricAUROC, EarlyStoppingThreshold: 0.01, Patience: 3, EvaluateAtMost: 5})
		},
		"class weights and smoothing, by accuracy": func() (*nn.Network, Set, Set, Config) {
			return classification(deep(), Config{LearningRate: 0.05, Epochs: 6, Metric: MetricAccuracy, ClassWeights: []float64{1, 4}, LabelSmoothingFactor: 0.2, Schedule: Polynomial})
		},
		"regression": func() (*nn.Network, Set, Set, Config) {
			s := blobs(21, 1)
			s.Targets, s.Labels = s.X.Data[:21], nil
			return &nn.Network{Blocks: deep().Blocks, Head: nn.NewDense("head", 8, 1)}, s, s, Config{LearningRate: 0.02, Epochs: 6, Schedule: InverseSqrt}
		},
	} {
		type after struct {
			Metrics Metrics
			State   State
		}
		run := func(from *State) (weights [][]float32, epochs []after, r Result) {
			net, training, validation, c := build()
			r, err := Fit(t.Context(), net, training, validation, c, from, func(m Metrics, s State) error {
				epochs = append(epochs, after{m, clone(s)})
				return nil
			})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			return snapshot(nil, net.Params()), epochs, r
		}
		want, epochs, wantResult := run(nil)
		for i, e := range epochs {
			// By way of a file, as a study does: nil and empty slices are the same there.
			text, err := json.Marshal(e.State)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			var from State
			if err := json.Unmarshal(text, &from); err != nil {
				t.Fatal(err)
			}
			for _, moments := range [][][]float32{from.M, from.V} {
				for j, m := range moments {
					if m == nil {
						moments[j] = []float32{}
					}
				}
			}
			got, rest, r := run(&from)
			if !reflect.DeepEqual(got, want) || r != wantResult {
				t.Errorf("%s, from epoch %d: %+v, want %+v with the same weights", name, i+1, r, wantResult)
			}
			if len(rest) != len(epochs)-i-1 || len(rest) > 0 && !reflect.DeepEqual(rest, epochs[i+1:]) {
				t.Errorf("%s, from epoch %d: the %d epochs after it differ", name, i+1, len(rest))
			}
		}
		if len(epochs) < 4 {
			t.Errorf("%s: %d epochs, want some to resume from", name, len(epochs))
		}
	}
}

func TestAThresholdBoundsHowManyEpochsAreStale(t *testing.T) {
	c := config
	c.Epochs, c.Patience, c.EarlyStoppingThreshold = 5, 9, 1e-9
	_, epochs, _ := fitFrom(t, c, nil)
	s := clone(epochs[4].State)
	fit := func() error {
		_, err := Fit(t.Context(), network(), blobs(20, 1), blobs(100, 2), c, &s, nil)
		return err
	}
	for s.Stale = range 7 {
		if low := s.Epoch - s.Best.Epoch; (fit() == nil) != (s.Stale >= low && s.Stale <= 4) {
			t.Errorf("%d stale epochs of 5, the best is %d: error is %v", s.Stale, s.Best.Epoch, fit())
		}
	}
}
