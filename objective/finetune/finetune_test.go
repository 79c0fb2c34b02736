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

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/mlp"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/weights"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

func digitsTask(tb testing.TB) *Task {
	tb.Helper()
	task, err := Digits()
	if err != nil {
		tb.Fatal(err)
	}
	return task
}

func silent(int, train.Metrics) error { return nil }

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
	}{"training": {task.Training, 75}, "validation": {task.Validation, 300}, "test": {task.Test, 521}} {
		if got := len(c.part.Labels); got != c.want {
			t.Errorf("%s has %d images, want %d", name, got, c.want)
		}
	}
}

func TestDefaultsLearnTheTask(t *testing.T) {
	task := digitsTask(t)
	for seed := range uint64(3) {
		if r := mustRun(t, task, Defaults(), seed); r.Test.Accuracy < 0.88 || r.Best.Validation.Loss > 0.35 {
			t.Errorf("seed %d: %+v, want a test accuracy of at least 0.88 and a validation loss of at most 0.35", seed, r)
		}
	}
}

func TestFrozenLayersStayAndTheOthersMove(t *testing.T) {
	task := digitsTask(t)
	for frozen := range mlp.Hidden + 1 {
		s := Defaults()
		s.NumTrainEpochs, s.FrozenLayers = 2, frozen
		net, _, err := task.Train(context.Background(), Checkpoints{}, s, 1, silent)
		if err != nil {
			t.Fatal(err)
		}
		fresh, err := task.Network(s, rand.New(rand.NewPCG(1, 0)))
		if err != nil {
			t.Fatal(err)
		}
		start := weights.Tensors(fresh.Params())
		for name, tensor := range weights.Tensors(net.Params()) {
			before, isHidden := start[name], true
			layer := int(name[len("hidden.")] - '0')
			if strings.HasPrefix(name, "head") {
				isHidden = false
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
	fresh := digitsTask(t)
	for name, parts := range map[string][2]train.Set{
		"training":   {task.Training, fresh.Training},
		"validation": {task.Validation, fresh.Validation},
		"test":       {task.Test, fresh.Test},
	} {
		if !reflect.DeepEqual(parts[0], parts[1]) {
			t.Errorf("the %s part has changed", name)
		}
	}
	if err := fresh.start(); err != nil || task.fingerprint != fresh.fingerprint {
		t.Errorf("the pretrained weights have changed (%v)", err)
	}
}

func TestTheResultDescribesTheWeightsThatAreKept(t *testing.T) {
	task := digitsTask(t)
	for frozen := range mlp.Hidden + 1 {
		s := Defaults()
		s.LearningRate, s.LRSchedulerType, s.FrozenLayers = 0.02, "constant", frozen
		reported := make(map[int]train.Metrics)
		net, r, err := task.Train(context.Background(), Checkpoints{}, s, 1, func(epoch int, m train.Metrics) error {
			reported[epoch] = m
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		_, all := net.Split(0)
		var want Result
		want.Best.Epoch, want.EpochsRun = r.Best.Epoch, len(reported)
		want.Best.Train = train.Evaluate(all, task.Training)
		want.Best.Validation = train.Evaluate(all, task.Validation)
		want.Test = train.Evaluate(all, task.Test)
		for epoch := range len(reported) {
			want.History = append(want.History, reported[epoch+1])
		}
		if !reflect.DeepEqual(r, want) {
			t.Errorf("%d layers frozen: result is %+v, want %+v", frozen, r, want)
		}
		if reported[r.Best.Epoch] != r.Best {
			t.Errorf("%d layers frozen: epoch %d was reported as %+v, want %+v", frozen, r.Best.Epoch, reported[r.Best.Epoch], r.Best)
		}
	}
}

func TestComputingFrozenLayersOnceChangesNoBit(t *testing.T) {
	task := digitsTask(t)
	// The smaller part last: it fits into the buffers of the larger one.
	task.Training, task.Validation, task.Test = task.Validation, task.Training, task.Training
	for frozen := range mlp.Hidden + 1 {
		for _, batch := range []int{1, 7, 32} {
			s := Defaults()
			s.BatchSize, s.FrozenLayers, s.NumTrainEpochs = batch, frozen, 5
			got, _, err := task.Train(context.Background(), Checkpoints{}, s, 3, silent)
			if err != nil {
				t.Fatal(err)
			}
			net, err := task.Network(s, rand.New(rand.NewPCG(3, 0)))
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range net.Blocks[:frozen].Params() {
				p.Frozen = true
			}
			if _, err := train.Fit(context.Background(), net, task.Training, task.Validation, task.config(s, 3), nil, nil); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(weights.Tensors(got.Params()), weights.Tensors(net.Params())) {
				t.Errorf("%d layers frozen, batches of %d: the weights differ from those of a training that computes the frozen layers each time", frozen, batch)
			}
		}
	}
	// Training and test part are the same images here: two sets at each depth.
	if st := task.cache.Stats(); st.Misses != 2*mlp.Hidden || st.Hits != 7*mlp.Hidden {
		t.Errorf("stats are %+v, want %d misses and %d hits", st, 2*mlp.Hidden, 7*mlp.Hidden)
	}
	if notes := task.Notes(); notes != nil {
		t.Errorf("notes are %q, want none", notes)
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
		if got := mustRun(t, task, s, 1); got.Best.Validation.Loss == want.Best.Validation.Loss {
			t.Errorf("%s: the validation loss is %v with either value", name, got.Best.Validation.Loss)
		}
	}
}

func TestFrozenLayersHaveNoDropout(t *testing.T) {
	task := digitsTask(t)
	s := Defaults()
	s.FrozenLayers, s.Dropout, s.NumTrainEpochs = mlp.Hidden, 0, 3
	want := mustRun(t, task, s, 1)
	s.Dropout = 0.9
	if got := mustRun(t, task, s, 1); !reflect.DeepEqual(got, want) {
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
		if !reflect.DeepEqual(got, want) {
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
		if !reflect.DeepEqual(r, want) {
			t.Errorf("beside other trainings: %+v, want %+v", r, want)
		}
	}
	if other := mustRun(t, task, Defaults(), 2); other.Best.Validation.Loss == want.Best.Validation.Loss {
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
		"only the head trains":              func(s *Settings) { s.FrozenLayers = mlp.Hidden },
		"one step, at learning rate 0":      func(s *Settings) { s.NumTrainEpochs, s.BatchSize, s.WarmupRatio = 1, 75, 1 },
		"the smallest learning rate":        func(s *Settings) { s.LearningRate = math.SmallestNonzeroFloat64 },
		"a learning rate that is too large": func(s *Settings) { s.LearningRate = 10 },
	} {
		s := Defaults()
		s.NumTrainEpochs = 5
		change(&s)
		r := mustRun(t, task, s, 1)
		for _, x := range []float64{r.Best.Train.Loss, r.Best.Validation.Loss, r.Test.Loss, r.Test.Accuracy} {
			if math.IsNaN(x) || math.IsInf(x, 0) || x < 0 {
				t.Errorf("%s: result is %+v, want finite numbers", name, r)
				break
			}
		}
		if r.Best.Epoch < 1 || r.Best.Epoch > r.EpochsRun || r.EpochsRun > s.NumTrainEpochs {
			t.Errorf("%s: best epoch %d of %d run of %d", name, r.Best.Epoch, r.EpochsRun, s.NumTrainEpochs)
		}
	}
}

func TestRunSaysWhenItDiverges(t *testing.T) {
	s := Defaults()
	s.LearningRate = 1e30
	_, err := digitsTask(t).Run(context.Background(), s, 1, silent)
	if !errors.Is(err, train.ErrDiverged) || !strings.Contains(err.Error(), "in epoch 1") {
		t.Errorf("error is %v, want train.ErrDiverged in epoch 1", err)
	}
}

func TestRunStops(t *testing.T) {
	task, mine := digitsTask(t), errors.New("mine")
	for name, cancels := range map[string]bool{"when report returns an error": false, "when the context is cancelled": true} {
		ctx, cancel := context.WithCancelCause(context.Background())
		defer cancel(nil)
		last := 0
		r, err := task.Run(ctx, Defaults(), 1, func(epoch int, _ train.Metrics) error {
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
		if err != mine || last != 3 || !reflect.DeepEqual(r, Result{}) {
			t.Errorf("%s: error %v after epoch %d with %+v, want %v itself after epoch 3 with nothing", name, err, last, r, mine)
		}
	}
}

func TestPatience(t *testing.T) {
	s := Defaults()
	s.LearningRate, s.LRSchedulerType, s.NumTrainEpochs = 0.01, "constant", 60
	for _, patience := range []int{0, 1, 4, defaultPatience} {
		task := digitsTask(t)
		task.Patience = patience
		r := mustRun(t, task, s, 1)
		want := patience
		if patience == 0 {
			want = defaultPatience
		}
		if r.EpochsRun == s.NumTrainEpochs || r.EpochsRun-r.Best.Epoch != want {
			t.Errorf("patience %d: stopped after epoch %d with the best at %d, want %d between", patience, r.EpochsRun, r.Best.Epoch, want)
		}
	}
	task := digitsTask(t)
	task.Patience = -1
	if _, err := task.Run(context.Background(), s, 1, silent); err == nil || !strings.Contains(err.Error(), "Patience is -1") {
		t.Errorf("patience -1: error is %v", err)
	}
}
