package finetune

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/digits"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/mlp"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/weights"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// drawn returns uniformly random settings from a space.
func drawn(s Space, rng *rand.Rand) Settings {
	return Settings{
		LearningRate:    s.LearningRate.Value(rng.Float64()),
		BatchSize:       int(s.BatchSize.Value(rng.Float64())),
		NumTrainEpochs:  int(s.NumTrainEpochs.Value(rng.Float64())),
		Dropout:         s.Dropout.Value(rng.Float64()),
		WeightDecay:     s.WeightDecay.Value(rng.Float64()),
		LRSchedulerType: s.LRSchedulerType.Decode(float64(rng.IntN(s.LRSchedulerType.Dist().Len()))),
		WarmupRatio:     s.WarmupRatio.Value(rng.Float64()),
		FrozenLayers:    int(s.FrozenLayers.Value(rng.Float64())),
		Tuning:          Full,
	}
}

// searched returns the result with the lowest validation loss of n random
// settings. The seed decides over the settings and the trainings.
func searched(tb testing.TB, task *Task, s Space, n int, seed uint64) Result {
	tb.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	var best Result
	best.Best.Validation.Loss = math.Inf(1)
	for range n {
		if r := mustRun(tb, task, drawn(s, rng), seed); r.Best.Validation.Loss < best.Best.Validation.Loss {
			best = r
		}
	}
	return best
}

// The task is of use only if the settings matter: thirty random ones must hold
// a better one than the recommended ones, for four seeds of five.
func TestARandomSearchBeatsTheDefaults(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine, many trainings")
	}
	task := digitsTask(t)
	better := 0
	for seed := range uint64(5) {
		start := mustRun(t, task, Defaults(), seed)
		best := searched(t, task, DefaultSpace(mlp.Hidden), 30, seed)
		t.Logf("seed %d: validation loss %.4f with the defaults, %.4f with the best; test accuracy %.4f, %.4f", seed, start.Best.Validation.Loss, best.Best.Validation.Loss, start.Test.Accuracy, best.Test.Accuracy)
		if best.Best.Validation.Loss < 0.9*start.Best.Validation.Loss {
			better++
		}
	}
	if better < 4 {
		t.Errorf("the best of 30 is more than 10%% below the defaults for %d of 5 seeds, want at least 4", better)
	}
}

// BenchmarkTransfer measures what docs/finetuning.md reports about pretraining: the means,
// over 20 seeds, of results with the pretrained weights and with fresh ones.
//
//	go test -run '^$' -bench Transfer -benchtime 1x ./objective/finetune
func BenchmarkTransfer(b *testing.B) {
	const seeds, n = 20, 30
	all := DefaultSpace(mlp.Hidden)
	none := DefaultSpace(mlp.Hidden)
	none.FrozenLayers.High = 0 // fresh layers must be trained
	for _, c := range []struct {
		name  string
		fresh bool
		run   func(task *Task, seed uint64) Result
	}{
		{"defaults/pretrained", false, func(task *Task, seed uint64) Result { return mustRun(b, task, Defaults(), seed) }},
		{"defaults/fresh", true, func(task *Task, seed uint64) Result { return mustRun(b, task, Defaults(), seed) }},
		{"best30/pretrained", false, func(task *Task, seed uint64) Result { return searched(b, task, all, n, seed) }},
		{"best30,nothing_frozen/pretrained", false, func(task *Task, seed uint64) Result { return searched(b, task, none, n, seed) }},
		{"best30,nothing_frozen/fresh", true, func(task *Task, seed uint64) Result { return searched(b, task, none, n, seed) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				var loss, accuracy, squares float64
				for seed := range uint64(seeds) {
					task := digitsTask(b)
					if c.fresh {
						task.Network = func(s Settings, rng *rand.Rand) (*nn.Network, error) {
							net := mlp.New(digits.Pixels, len(division.Digits), s.Dropout, rng)
							fresh := mlp.New(digits.Pixels, len(division.Digits), 0, rand.New(rand.NewPCG(seed, 2)))
							return net, weights.Load(net.Blocks.Params(), weights.Tensors(fresh.Blocks.Params()))
						}
					}
					r := c.run(task, seed)
					loss += r.Best.Validation.Loss / seeds
					accuracy += r.Test.Accuracy / seeds
					squares += r.Test.Accuracy * r.Test.Accuracy / seeds
				}
				b.ReportMetric(loss, "validation_loss")
				b.ReportMetric(accuracy, "test_accuracy")
				b.ReportMetric(math.Sqrt(max(squares-accuracy*accuracy, 0)/(seeds-1)), "standard_error")
			}
		})
	}
}

// BenchmarkTrial is the time of one training with the recommended settings and
// with the slowest of the default space.
func BenchmarkTrial(b *testing.B) {
	slow := Defaults()
	slow.LearningRate = 1e-5 // never stops early
	slow.BatchSize = DefaultSpace(mlp.Hidden).BatchSize.Low
	slow.NumTrainEpochs = DefaultSpace(mlp.Hidden).NumTrainEpochs.High
	task := digitsTask(b)
	for name, s := range map[string]Settings{"defaults": Defaults(), "slowest": slow} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				mustRun(b, task, s, 1)
			}
		})
	}
}
