package train

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// blobs are n examples of 2 classes around (1, 0) and (0, 1) whose noise makes
// a network over-fit.
func blobs(n int, seed uint64) Set {
	rng := rand.New(rand.NewPCG(seed, 0))
	var s Set
	s.X = blas32.General{Rows: n, Cols: 2, Stride: 2}
	for i := range n {
		label := i % 2
		x := [2]float64{0.7 * rng.NormFloat64(), 0.7 * rng.NormFloat64()}
		x[label]++
		s.X.Data = append(s.X.Data, float32(x[0]), float32(x[1]))
		s.Labels = append(s.Labels, label)
	}
	return s
}

func network() *nn.Network {
	rng := rand.New(rand.NewPCG(1, 1))
	a, b := nn.NewDense("a", 2, 32), nn.NewDense("b", 32, 2)
	a.Init(1, rng)
	b.Init(0.2, rng)
	return &nn.Network{Blocks: nn.Sequential{nn.Sequential{a, &nn.ReLU{}, &nn.Dropout{Rate: 0.1}}}, Head: b}
}

var config = Config{LearningRate: 0.05, BatchSize: 4, Epochs: 40, Schedule: Constant, Patience: 5, MaxGradNorm: -1, Seed: 1}

func nop(Metrics, State) error { return nil }

func fitBlobs(t *testing.T, c Config) (*nn.Network, []Metrics, Result) {
	t.Helper()
	net := network()
	var seen []Metrics
	r, err := Fit(context.Background(), net, blobs(20, 1), blobs(100, 2), c, nil, func(m Metrics, _ State) error {
		seen = append(seen, m)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return net, seen, r
}

func TestFitKeepsTheWeightsOfTheBestEpoch(t *testing.T) {
	net, seen, r := fitBlobs(t, config)
	best := slices.MinFunc(seen, func(a, b Metrics) int {
		if a.Validation.Loss < b.Validation.Loss {
			return -1
		}
		return 1
	})
	if r.Best != best {
		t.Errorf("best epoch is %+v, want %+v", r.Best, best)
	}
	if best.Epoch == len(seen) {
		t.Fatal("the last epoch is the best, so that this test shows nothing")
	}
	if s := Evaluate(net, blobs(100, 2)); s != best.Validation {
		t.Errorf("the network in the end has %+v, want that of epoch %d: %+v", s, best.Epoch, best)
	}
}

func TestFitStopsWhenPatienceIsOver(t *testing.T) {
	for _, patience := range []int{1, 3, 5} {
		c := config
		c.Patience = patience
		_, seen, r := fitBlobs(t, c)
		if r.EpochsRun != len(seen) || r.EpochsRun == c.Epochs {
			t.Fatalf("patience %d: %d epochs run and %d reported, want equal and fewer than %d", patience, r.EpochsRun, len(seen), c.Epochs)
		}
		// Replay the rule: the run of epochs without a new best is as long as
		// the patience at the end, and never before.
		best, since := math.Inf(1), 0
		for i, m := range seen {
			if m.Epoch != i+1 {
				t.Errorf("report %d is of epoch %d", i, m.Epoch)
			}
			since++
			if m.Validation.Loss < best {
				best, since = m.Validation.Loss, 0
			}
			if since == patience && i != len(seen)-1 {
				t.Errorf("patience %d: was over after epoch %d, training stopped after %d", patience, i+1, len(seen))
			}
		}
		if since != patience {
			t.Errorf("patience %d: stopped after %d epochs without a better loss", patience, since)
		}
	}
}

func TestOfEqualEpochsTheFirstIsTheBest(t *testing.T) {
	c := config
	c.LearningRate = math.SmallestNonzeroFloat64 // nothing moves
	_, seen, r := fitBlobs(t, c)
	if seen[0].Validation.Loss != seen[1].Validation.Loss {
		t.Fatal("epochs differ, so that this test shows nothing")
	}
	if r.Best.Epoch != 1 || r.EpochsRun != 1+c.Patience {
		t.Errorf("best epoch is %d of %d run, want 1 of %d", r.Best.Epoch, r.EpochsRun, 1+c.Patience)
	}
}

func TestEachEpochHasItsOwnOrderAndDropout(t *testing.T) {
	// after is the first parameter after one epoch with the given number, on n
	// examples. One example has one order.
	after := func(epoch, n int, dropout float64) []float32 {
		net := network()
		net.Blocks[0].(nn.Sequential)[2] = &nn.Dropout{Rate: dropout}
		f := newFit(net, blobs(n, 1), config)
		if err := f.epoch(context.Background(), epoch); err != nil {
			t.Fatal(err)
		}
		return f.params[0].Value
	}
	for name, c := range map[string]struct {
		n       int
		dropout float64
	}{
		"order":   {20, 0},
		"dropout": {1, 0.5},
	} {
		if reflect.DeepEqual(after(1, c.n, c.dropout), after(2, c.n, c.dropout)) {
			t.Errorf("%s is the same in epochs 1 and 2", name)
		}
		if !reflect.DeepEqual(after(1, c.n, c.dropout), after(1, c.n, c.dropout)) {
			t.Errorf("%s of epoch 1 changes from one training to the next", name)
		}
	}
}

func TestFitOverfitsAndTheMetricsShowIt(t *testing.T) {
	c := config
	c.Epochs, c.Patience = 200, 200
	_, seen, _ := fitBlobs(t, c)
	last := seen[len(seen)-1]
	if !(last.Train.Loss < 0.5*last.Validation.Loss) {
		t.Errorf("train loss %v, validation loss %v after %d epochs, want over-fitting", last.Train.Loss, last.Validation.Loss, last.Epoch)
	}
}

func TestFitIsAFunctionOfTheSeed(t *testing.T) {
	_, first, _ := fitBlobs(t, config)
	_, second, _ := fitBlobs(t, config)
	if !reflect.DeepEqual(first, second) {
		t.Error("two trainings with one seed differ")
	}
	c := config
	c.Seed++
	if _, other, _ := fitBlobs(t, c); reflect.DeepEqual(first, other) {
		t.Error("trainings with two seeds are the same")
	}
}

func TestFitTakesOneStepPerBatch(t *testing.T) {
	// With the learning rate's factor 0 in the first of two steps (warmup) and
	// one step per epoch, the first epoch changes nothing.
	c := config
	c.BatchSize, c.Epochs, c.WarmupRatio = 20, 2, 0.5
	_, seen, _ := fitBlobs(t, c)
	loss := Evaluate(network(), blobs(100, 2)).Loss
	if seen[0].Validation.Loss != loss || seen[1].Validation.Loss == loss {
		t.Errorf("validation loss is %v, then %v; want the start's %v, then another", seen[0].Validation.Loss, seen[1].Validation.Loss, loss)
	}
	// 20 examples in batches of 19 are two steps: now the first epoch ends
	// after a step at the full rate.
	c.BatchSize, c.WarmupRatio = 19, 0.25
	if _, seen, _ := fitBlobs(t, c); seen[0].Validation.Loss == loss {
		t.Errorf("validation loss is %v after an epoch of two steps, want another than the start's", loss)
	}
}

func TestABatchLargerThanTheSetIsTheSet(t *testing.T) {
	c := config
	c.BatchSize, c.Schedule = 20, Linear
	_, want, _ := fitBlobs(t, c)
	for _, size := range []int{21, math.MaxInt} {
		c.BatchSize = size
		if _, got, _ := fitBlobs(t, c); !reflect.DeepEqual(got, want) {
			t.Errorf("batch size %d: trains otherwise than 20, the number of examples", size)
		}
	}
}

func TestFitEnds(t *testing.T) {
	mine := errors.New("mine")
	for name, c := range map[string]struct {
		cancel bool // or else the report returns the error
		epoch  int
	}{
		"when the report returns an error":  {false, 3},
		"when the context is cancelled":     {true, 3},
		"after the first report":            {false, 1},
		"when cancelled after the last one": {true, config.Epochs},
	} {
		ctx, cancel := context.WithCancelCause(context.Background())
		reports := 0
		conf := config
		conf.Patience = conf.Epochs
		r, err := Fit(ctx, network(), blobs(20, 1), blobs(100, 2), conf, nil, func(m Metrics, _ State) error {
			reports++
			switch {
			case m.Epoch != c.epoch:
				return nil
			case c.cancel:
				cancel(mine)
				return nil
			}
			return mine
		})
		cancel(nil)
		if reports != c.epoch || r.EpochsRun != c.epoch {
			t.Errorf("%s: %d epochs reported and %d run, want %d", name, reports, r.EpochsRun, c.epoch)
		}
		if c.epoch < config.Epochs && err != mine {
			t.Errorf("%s: error is %v, want %v itself", name, err, mine)
		}
		if c.epoch == config.Epochs && err != nil {
			t.Errorf("%s: error is %v, want none: the training was complete", name, err)
		}
	}
}

func TestFitWithACancelledContextTakesNoStep(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	net := network()
	_, err := Fit(ctx, net, blobs(20, 1), blobs(100, 2), config, nil, nop)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want %v", err, context.Canceled)
	}
	for i, p := range net.Params() {
		if !reflect.DeepEqual(p.Value, network().Params()[i].Value) {
			t.Errorf("parameter %d has changed", i)
		}
	}
}

// overflowing has an infinite logit in evaluations of so many examples.
type overflowing struct {
	nn.Layer
	size int
}

func (o overflowing) Forward(x nn.Batch, rng *rand.Rand) nn.Batch {
	y := o.Layer.Forward(x, rng)
	if rng == nil && x.Len() == o.size {
		y.X.Data[0] = float32(math.Inf(1))
	}
	return y
}

func TestALossThatIsInfiniteOnOneSetAloneDiverges(t *testing.T) {
	for name, size := range map[string]int{"training": 20, "validation": 100 % 64} {
		_, err := Fit(context.Background(), &nn.Network{Head: overflowing{network(), size}}, blobs(20, 1), blobs(100, 2), config, nil, func(m Metrics, _ State) error {
			t.Errorf("%s: reported %+v, want nothing", name, m)
			return nil
		})
		if !errors.Is(err, ErrDiverged) {
			t.Errorf("%s: error is %v, want ErrDiverged", name, err)
		}
	}
}

func TestFitSaysWhenItDiverges(t *testing.T) {
	for name, rate := range map[string]float64{"to infinity": 1e30, "at once": math.MaxFloat64} {
		c := config
		c.LearningRate = rate
		_, err := Fit(context.Background(), network(), blobs(20, 1), blobs(100, 2), c, nil, nop)
		if !errors.Is(err, ErrDiverged) {
			t.Errorf("%s: error is %v, want ErrDiverged", name, err)
		}
	}
}
