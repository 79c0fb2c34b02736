package finetune

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/mlp"
	"github.com/bluefin-hpo/bluefin/objective/nn"
	"github.com/bluefin-hpo/bluefin/objective/train"
)

func digitsTask(tb testing.TB) *Task {
	tb.Helper()
	task, err := Digits()
	if err != nil {
		tb.Fatal(err)
	}
	return task
}

func silent(int, Metrics) error { return nil }

func mustRun(tb testing.TB, task *Task, s Settings, seed uint64) Result {
	tb.Helper()
	r, err := task.Run(context.Background(), s, seed, silent)
	if err != nil {
		tb.Fatalf("%+v: %v", s, err)
	}
	return r
}

func TestPartsHaveTheDocumentedSizes(t *testing.T) {
	task := digitsTask(t)
	for name, c := range map[string]struct {
		part train.Set
		want int
	}{"training": {task.training, 75}, "validation": {task.validation, 300}, "test": {task.test, 521}} {
		if got := len(c.part.Labels); got != c.want {
			t.Errorf("%s has %d images, want %d", name, got, c.want)
		}
	}
}

func TestDefaultsLearnTheTask(t *testing.T) {
	task := digitsTask(t)
	for seed := range uint64(3) {
		if r := mustRun(t, task, Defaults(), seed); r.TestAccuracy < 0.88 || r.ValidationLoss > 0.35 {
			t.Errorf("seed %d: %+v, want a test accuracy of at least 0.88 and a validation loss of at most 0.35", seed, r)
		}
	}
}

func TestFrozenLayersStayAndTheOthersMove(t *testing.T) {
	task := digitsTask(t)
	for frozen := range Layers + 1 {
		s := Defaults()
		s.NumTrainEpochs, s.FrozenLayers = 2, frozen
		net, _, err := task.run(context.Background(), Checkpoints{}, s, 1, silent)
		if err != nil {
			t.Fatal(err)
		}
		start := nn.Tensors(mlp.New(64, 5, 0, rand.New(rand.NewPCG(1, 0))).Params()) // has the fresh head
		for name, tensor := range nn.Tensors(net.Params()) {
			before, isHidden := task.pretrained[name]
			layer := int(name[len("hidden.")] - '0')
			if strings.HasPrefix(name, "head") {
				before, isHidden = start[name], false
			}
			same := reflect.DeepEqual(tensor.Data, before.Data)
			if want := isHidden && layer < frozen; same != want {
				t.Errorf("%d layers frozen: %s has its old weights: %t, want %t", frozen, name, same, want)
			}
		}
	}
}

func TestRunDoesNotChangeTheTask(t *testing.T) {
	task := digitsTask(t)
	mustRun(t, task, Defaults(), 1)
	if !reflect.DeepEqual(task, digitsTask(t)) {
		t.Error("the task has changed")
	}
}

func TestTheResultDescribesTheWeightsThatAreKept(t *testing.T) {
	task := digitsTask(t)
	for frozen := range Layers + 1 {
		s := Defaults()
		s.LearningRate, s.LRSchedulerType, s.FrozenLayers = 0.02, "constant", frozen
		reported := make(map[int]Metrics)
		net, r, err := task.run(context.Background(), Checkpoints{}, s, 1, func(epoch int, m Metrics) error {
			reported[epoch] = m
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		_, all := net.Split(0)
		var want Result
		want.BestEpoch, want.EpochsRun = r.BestEpoch, len(reported)
		training := train.Evaluate(all, task.training)
		want.TrainLoss, want.TrainAccuracy = training.Loss, training.Accuracy
		validation := train.Evaluate(all, task.validation)
		want.ValidationLoss, want.ValidationAccuracy = validation.Loss, validation.Accuracy
		test := train.Evaluate(all, task.test)
		want.TestLoss, want.TestAccuracy = test.Loss, test.Accuracy
		if r != want {
			t.Errorf("%d layers frozen: result is %+v, want %+v", frozen, r, want)
		}
		if reported[r.BestEpoch] != r.Metrics {
			t.Errorf("%d layers frozen: epoch %d was reported as %+v, want %+v", frozen, r.BestEpoch, reported[r.BestEpoch], r.Metrics)
		}
	}
}

// frozenFront computes the frozen layers again for each batch.
type frozenFront struct {
	front nn.Sequential
	back  *nn.Network
}

func (f frozenFront) Forward(x nn.Batch, rng *rand.Rand) nn.Batch {
	return f.back.Forward(f.front.Forward(x, nil), rng)
}
func (f frozenFront) Backward(dy blas32.General, wantDX bool) blas32.General {
	return f.back.Backward(dy, wantDX)
}
func (f frozenFront) Params() []*nn.Param { return f.back.Params() }

func TestComputingFrozenLayersOnceChangesNoBit(t *testing.T) {
	task := digitsTask(t)
	// The smaller part last: it fits into the buffers of the larger one.
	task.training, task.validation, task.test = task.validation, task.training, task.training
	for frozen := range Layers + 1 {
		s := Defaults()
		s.BatchSize, s.FrozenLayers = 7, frozen
		got, _, err := task.run(context.Background(), Checkpoints{}, s, 3, silent)
		if err != nil {
			t.Fatal(err)
		}
		net := mlp.New(64, 5, s.Dropout, rand.New(rand.NewPCG(3, 0)))
		if err := nn.Load(net.Blocks.Params(), task.pretrained); err != nil {
			t.Fatal(err)
		}
		front, back := net.Split(frozen)
		if _, err := train.Fit(context.Background(), &nn.Network{Head: frozenFront{front, back}}, task.training, task.validation, s.config(DefaultPatience, 3), nil, nil); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(nn.Tensors(got.Params()), nn.Tensors(net.Params())) {
			t.Errorf("%d layers frozen: the weights differ from those of a training that computes the frozen layers each time", frozen)
		}
	}
}

func TestEverySettingActs(t *testing.T) {
	task := digitsTask(t)
	base := Settings{LearningRate: 3e-3, BatchSize: 16, NumTrainEpochs: 6, Dropout: 0.2, WeightDecay: 0.1, LRSchedulerType: "linear", WarmupRatio: 0.1, FrozenLayers: 1}
	want := mustRun(t, task, base, 1)
	for name, change := range map[string]func(*Settings){
		"learning_rate":               func(s *Settings) { s.LearningRate = 3.1e-3 },
		"batch_size":                  func(s *Settings) { s.BatchSize = 15 },
		"num_train_epochs":            func(s *Settings) { s.NumTrainEpochs = 7 },
		"dropout":                     func(s *Settings) { s.Dropout = 0.21 },
		"weight_decay":                func(s *Settings) { s.WeightDecay = 0.11 },
		"lr_scheduler_type, cosine":   func(s *Settings) { s.LRSchedulerType = "cosine" },
		"lr_scheduler_type, constant": func(s *Settings) { s.LRSchedulerType = "constant" },
		"warmup_ratio":                func(s *Settings) { s.WarmupRatio = 0.2 },
		"frozen_layers":               func(s *Settings) { s.FrozenLayers = 2 },
	} {
		s := base
		change(&s)
		if got := mustRun(t, task, s, 1); got.ValidationLoss == want.ValidationLoss {
			t.Errorf("%s: the validation loss is %v with either value", name, got.ValidationLoss)
		}
	}
}

func TestFrozenLayersHaveNoDropout(t *testing.T) {
	task := digitsTask(t)
	s := Defaults()
	s.FrozenLayers, s.Dropout, s.NumTrainEpochs = Layers, 0, 3
	want := mustRun(t, task, s, 1)
	s.Dropout = 0.9
	if got := mustRun(t, task, s, 1); got != want {
		t.Errorf("with all layers frozen dropout changes the result from %+v to %+v", want, got)
	}
}

func TestRunIsAFunctionOfSettingsAndSeed(t *testing.T) {
	task := digitsTask(t)
	want := mustRun(t, task, Defaults(), 1)
	for _, procs := range []int{1, 2} {
		old := runtime.GOMAXPROCS(procs)
		got := mustRun(t, task, Defaults(), 1)
		runtime.GOMAXPROCS(old)
		if got != want {
			t.Errorf("with %d processors: %+v, want %+v", procs, got, want)
		}
	}
	var trainings sync.WaitGroup
	var got [4]Result
	for i := range got {
		trainings.Go(func() { got[i], _ = task.Run(context.Background(), Defaults(), 1, silent) })
	}
	trainings.Wait()
	for _, r := range got {
		if r != want {
			t.Errorf("beside other trainings: %+v, want %+v", r, want)
		}
	}
	if other := mustRun(t, task, Defaults(), 2); other.ValidationLoss == want.ValidationLoss {
		t.Error("seeds 1 and 2 give the same validation loss")
	}
}

func TestExtremeSettingsTrain(t *testing.T) {
	task := digitsTask(t)
	for name, change := range map[string]func(*Settings){
		"one epoch":                         func(s *Settings) { s.NumTrainEpochs = 1 },
		"one example per step":              func(s *Settings) { s.BatchSize, s.NumTrainEpochs = 1, 2 },
		"more per step than there are":      func(s *Settings) { s.BatchSize = math.MaxInt },
		"no dropout":                        func(s *Settings) { s.Dropout = 0 },
		"almost nothing but dropout":        func(s *Settings) { s.Dropout = 0.999 },
		"dropout rounds to 1 as a float32":  func(s *Settings) { s.Dropout = math.Nextafter(1, 0) },
		"no weight decay":                   func(s *Settings) { s.WeightDecay = 0 },
		"no warmup":                         func(s *Settings) { s.WarmupRatio = 0 },
		"nothing but warmup":                func(s *Settings) { s.WarmupRatio = 1 },
		"only the head trains":              func(s *Settings) { s.FrozenLayers = Layers },
		"one step, at learning rate 0":      func(s *Settings) { s.NumTrainEpochs, s.BatchSize, s.WarmupRatio = 1, 75, 1 },
		"the smallest learning rate":        func(s *Settings) { s.LearningRate = math.SmallestNonzeroFloat64 },
		"a learning rate that is too large": func(s *Settings) { s.LearningRate = 10 },
	} {
		s := Defaults()
		s.NumTrainEpochs = 5
		change(&s)
		r := mustRun(t, task, s, 1)
		for _, x := range []float64{r.TrainLoss, r.ValidationLoss, r.TestLoss, r.TestAccuracy} {
			if math.IsNaN(x) || math.IsInf(x, 0) || x < 0 {
				t.Errorf("%s: result is %+v, want finite numbers", name, r)
				break
			}
		}
		if r.BestEpoch < 1 || r.BestEpoch > r.EpochsRun || r.EpochsRun > s.NumTrainEpochs {
			t.Errorf("%s: best epoch %d of %d run of %d", name, r.BestEpoch, r.EpochsRun, s.NumTrainEpochs)
		}
	}
}

func TestRunSaysWhenItDiverges(t *testing.T) {
	s := Defaults()
	s.LearningRate = 1e30
	_, err := digitsTask(t).Run(context.Background(), s, 1, silent)
	if !errors.Is(err, ErrDiverged) || !strings.Contains(err.Error(), "in epoch 1") {
		t.Errorf("error is %v, want ErrDiverged in epoch 1", err)
	}
}

func TestRunStops(t *testing.T) {
	task, mine := digitsTask(t), errors.New("mine")
	for name, cancels := range map[string]bool{"when report returns an error": false, "when the context is cancelled": true} {
		ctx, cancel := context.WithCancelCause(context.Background())
		defer cancel(nil)
		last := 0
		r, err := task.Run(ctx, Defaults(), 1, func(epoch int, _ Metrics) error {
			last = epoch
			if epoch < 3 {
				return nil
			}
			if cancels {
				cancel(mine)
				return nil
			}
			return mine
		})
		if err != mine || last != 3 || r != (Result{}) {
			t.Errorf("%s: error %v after epoch %d with %+v, want %v itself after epoch 3 with nothing", name, err, last, r, mine)
		}
	}
}

func TestPatience(t *testing.T) {
	s := Defaults()
	s.LearningRate, s.LRSchedulerType, s.NumTrainEpochs = 0.01, "constant", 60
	for _, patience := range []int{0, 1, 4, DefaultPatience} {
		task := digitsTask(t)
		task.Patience = patience
		r := mustRun(t, task, s, 1)
		want := patience
		if patience == 0 {
			want = DefaultPatience
		}
		if r.EpochsRun == s.NumTrainEpochs || r.EpochsRun-r.BestEpoch != want {
			t.Errorf("patience %d: stopped after epoch %d with the best at %d, want %d between", patience, r.EpochsRun, r.BestEpoch, want)
		}
	}
	task := digitsTask(t)
	task.Patience = -1
	if _, err := task.Run(context.Background(), s, 1, silent); err == nil || !strings.Contains(err.Error(), "patience is -1") {
		t.Errorf("patience -1: error is %v", err)
	}
}
