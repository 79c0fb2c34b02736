package train

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// A step over several passes is the step over all of their examples at once,
// but for rounding, also where the last ones are fewer.
func TestAccumulatedGradientsAreThoseOfALargeBatch(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"plain":         func(*Config) {},
		"class weights": func(c *Config) { c.ClassWeights = []float64{1, 5} },
		"smoothing":     func(c *Config) { c.LabelSmoothingFactor = 0.2 },
	} {
		for _, n := range []int{24, 21, 13} {
			run := func(batch, passes int) (all [][]float32, steps float64) {
				net := deep()
				for _, b := range net.Blocks {
					b.(nn.Sequential)[2].(*nn.Dropout).Rate = 0 // which draws pass by pass
				}
				c := Config{LearningRate: 0.01, BatchSize: batch, GradientAccumulationSteps: passes, Epochs: 3, Seed: 2}
				change(&c)
				f := newFit(net, blobs(n, 1), c)
				for epoch := range 3 {
					if err := f.epoch(t.Context(), epoch+1); err != nil {
						t.Fatal(err)
					}
				}
				if f.step != 3*f.steps {
					t.Errorf("%s: %d steps taken in 3 epochs of %d", name, f.step, f.steps)
				}
				return snapshot(nil, net.Params()), float64(f.step)
			}
			want, steps := run(12, 1)
			for _, c := range [][2]int{{4, 3}, {6, 2}, {1, 12}, {3, 4}} {
				got, s := run(c[0], c[1])
				if s != steps {
					t.Errorf("%s, %d examples: %d × %d takes %v steps, want %v", name, n, c[0], c[1], s, steps)
				}
				for i := range want {
					for j := range want[i] {
						if d := math.Abs(float64(got[i][j] - want[i][j])); d > 1e-4 {
							t.Fatalf("%s, %d examples: %d × %d: element %d of parameter %d is off by %v", name, n, c[0], c[1], j, i, d)
						}
					}
				}
			}
		}
	}
	c := Config{BatchSize: 5, GradientAccumulationSteps: math.MaxInt}
	if f := newFit(deep(), blobs(21, 1), c); f.steps != 1 || f.c.GradientAccumulationSteps != 5 {
		t.Errorf("%d steps of %d passes, want one of all", f.steps, f.c.GradientAccumulationSteps)
	}
}

// The rule of Hugging Face's EarlyStoppingCallback, replayed: an epoch that is
// better by no more than the threshold becomes the best one and is stale.
func TestEarlyStoppingHasAThreshold(t *testing.T) {
	for _, threshold := range []float64{0, 0.002, 0.02, 10} {
		for _, patience := range []int{1, 2, 4} {
			c := config
			c.LearningRate, c.Patience, c.EarlyStoppingThreshold = 0.01, patience, threshold
			net, seen, r := fitBlobs(t, c)
			best, counter := math.Inf(1), 0
			for i, m := range seen {
				if counter >= patience {
					t.Errorf("threshold %v, patience %d: epoch %d was run", threshold, patience, i+1)
				}
				if loss := m.Validation.Loss; loss < best && (math.IsInf(best, 1) || math.Abs(loss-best) > threshold) {
					counter = 0
				} else {
					counter++
				}
				best = min(best, m.Validation.Loss)
			}
			if counter < patience && len(seen) < c.Epochs {
				t.Errorf("threshold %v, patience %d: stopped after %d epochs", threshold, patience, len(seen))
			}
			if r.Best.Validation.Loss != best || Evaluate(net, blobs(100, 2)) != r.Best.Validation {
				t.Errorf("threshold %v, patience %d: the network has loss %v, want the best, %v", threshold, patience, r.Best.Validation.Loss, best)
			}
		}
	}
}

func TestWithoutPatienceNoEpochIsSaved(t *testing.T) {
	c := config
	c.Patience = 0
	if _, seen, r := fitBlobs(t, c); len(seen) != c.Epochs || r.Best.Epoch == c.Epochs {
		t.Errorf("%d epochs, the best is %d, want all of %d and an earlier one", len(seen), r.Best.Epoch, c.Epochs)
	}
}

func TestTrainScoresAreOfTheExamplesAskedFor(t *testing.T) {
	run := func(most int) []Metrics {
		c := config
		c.EvaluateAtMost, c.Epochs = most, 3
		_, seen, _ := fitBlobs(t, c)
		return seen
	}
	all := run(0)
	if !reflect.DeepEqual(run(20), all) || !reflect.DeepEqual(run(1000), all) {
		t.Error("scores of at most 20 of 20 examples differ from those of all")
	}
	few, most, none := run(5), run(15), run(-1)
	for i := range all {
		if few[i].Validation != all[i].Validation || none[i].Validation != all[i].Validation {
			t.Errorf("epoch %d: what is scored changes the training", i+1)
		}
		if none[i].Train != (Scores{}) {
			t.Errorf("epoch %d: train scores are %+v, want none", i+1, none[i].Train)
		}
		if a := most[i].Train.Accuracy * 15; most[i].Train == all[i].Train || math.Abs(a-math.Round(a)) > 1e-9 {
			t.Errorf("epoch %d: train scores are %+v, want those of 15 examples", i+1, most[i].Train)
		}
		if a := few[i].Train.Accuracy * 5; few[i].Train == all[i].Train || a != math.Round(a) {
			t.Errorf("epoch %d: train scores are %+v, want those of 5 examples", i+1, few[i].Train)
		}
	}
}

// faulty breaks its results from one training pass on, and not before.
type faulty struct {
	nn.Layer
	at, passes int
	backward   bool
}

func (f *faulty) Forward(x nn.Batch, rng *rand.Rand) nn.Batch {
	y := f.Layer.Forward(x, rng)
	if rng != nil {
		f.passes++
		if f.passes >= f.at && !f.backward {
			y.X.Data[0] = float32(math.NaN())
		}
	}
	return y
}
func (f *faulty) Backward(dy blas32.General, wantDX bool) blas32.General {
	if f.passes >= f.at && f.backward {
		dy.Data[0] = float32(math.Inf(1))
	}
	return f.Layer.Backward(dy, wantDX)
}

func TestTheErrorNamesEpochAndStep(t *testing.T) {
	for name, c := range map[string]struct {
		backward bool
		want     string
	}{
		"loss":     {false, "the loss is not finite in epoch 3, step 12"},
		"gradient": {true, "the gradient is not finite in epoch 3, step 12"},
	} {
		net := network()
		net.Head = &faulty{Layer: net.Head, at: 23, backward: c.backward} // two passes a step, five steps an epoch
		r, err := Fit(t.Context(), net, blobs(20, 1), blobs(100, 2), Config{BatchSize: 2, GradientAccumulationSteps: 2, Epochs: 9}, nil, nil)
		if !errors.Is(err, ErrDiverged) || !strings.Contains(err.Error(), c.want) || r.EpochsRun != 2 {
			t.Errorf("%s: error is %v after %d epochs, want %q after 2", name, err, r.EpochsRun, c.want)
		}
	}
	_, err := Fit(t.Context(), &nn.Network{Head: overflowing{network(), 100 % 64}}, blobs(20, 1), blobs(100, 2), config, nil, nil)
	if want := "not finite after epoch 1, step 5"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("validation: error is %v, want %q", err, want)
	}
}

func TestFitStopsBetweenThePassesOfAStep(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	net := network()
	before := snapshot(nil, net.Params())
	net.Head = &cancelling{Layer: net.Head, cancel: cancel}
	_, err := Fit(ctx, net, blobs(20, 1), blobs(20, 2), Config{BatchSize: 2, GradientAccumulationSteps: 10}, nil, nil)
	if !errors.Is(err, context.Canceled) || !reflect.DeepEqual(snapshot(nil, net.Params()), before) {
		t.Errorf("error is %v, want the weights as they were and %v", err, context.Canceled)
	}
}

type cancelling struct {
	nn.Layer
	cancel func()
}

func (c *cancelling) Forward(x nn.Batch, rng *rand.Rand) nn.Batch {
	if rng != nil {
		c.cancel()
	}
	return c.Layer.Forward(x, rng)
}

// Sequences of several lengths through an encoder: the labels can be read off
// the tokens.
func TestFitTrainsOnSequences(t *testing.T) {
	set := func(seed uint64) (s Set) {
		rng := rand.New(rand.NewPCG(seed, 3))
		for i := range 60 {
			n := 1 + rng.IntN(6)
			s.Lens, s.Labels = append(s.Lens, n), append(s.Labels, i%3)
			for range n {
				s.IDs = append(s.IDs, int32(3*rng.IntN(5)+i%3))
			}
		}
		return s
	}
	rng := rand.New(rand.NewPCG(5, 5))
	embedding, head := nn.NewEmbedding("embeddings", 8, 15, 0, 0), nn.NewDense("head", 8, 3)
	for _, p := range embedding.Params() {
		for i := range p.Value {
			p.Value[i] = float32(0.1 * rng.NormFloat64())
		}
	}
	head.Init(0.1, rng)
	net := &nn.Network{Blocks: nn.Sequential{embedding}, Head: nn.Sequential{&nn.MeanPool{}, head}}
	r, err := Fit(t.Context(), net, set(1), set(2), Config{LearningRate: 0.05, Epochs: 10}, nil, nil)
	if err != nil || r.Best.Validation.Accuracy != 1 {
		t.Errorf("%+v, error %v, want all right", r, err)
	}
}
