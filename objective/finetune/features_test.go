package finetune

import (
	"context"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/safetensors"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/weights"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// Errors that would end every training are reported before the first, by all that
// comes before it.
func TestATaskWhosePartsDoNotFitIsFoundAtOnce(t *testing.T) {
	regression := func(s *train.Set) { s.Labels, s.Targets = nil, make([]float32, s.Len()) }
	for want, change := range map[string]func(*Task){
		"Layers is 2, want the number of blocks of the network, 3":          func(task *Task) { task.Layers = 2 },
		"the training set: the set is empty":                                func(task *Task) { task.Training = train.Set{} },
		"the validation set: the set is empty":                              func(task *Task) { task.Validation = train.Set{} },
		"the validation set: label 3 is 5, want 0 to 4":                     func(task *Task) { task.Validation.Labels[3] = 5 },
		"the test set: label 3 is -1, want 0 to 4":                          func(task *Task) { task.Test.Labels[3] = -1 },
		"the test set: the network has 5 outputs, want 1 for a regression":  func(task *Task) { regression(&task.Test) },
		`metric is "speed", want one of`:                                    func(task *Task) { task.Metric = "speed" },
		`metric is "auroc", which needs exactly two classes`:                func(task *Task) { task.Metric = train.MetricAUROC },
		`metric is "rmse", which is for a regression`:                       func(task *Task) { task.Metric = train.MetricRMSE },
		`metric is "r2", which is for a regression`:                         func(task *Task) { task.Metric = train.MetricR2 },
		"the training set: the network has 5 outputs, want 1 for a regress": func(task *Task) { regression(&task.Training) },
	} {
		task := digitsTask(t)
		change(task)
		_, idErr := task.ID()
		_, runErr := task.Run(t.Context(), Defaults(), 1, silent)
		_, rehearseErr := task.Rehearse(t.Context(), Defaults(), 1, 0.1)
		for name, err := range map[string]error{"ID": idErr, "Run": runErr, "Rehearse": rehearseErr} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error is %v, want one with %q", name, err, want)
			}
		}
	}
}

// tiny is a regression task of one block: y is x.
func tiny() *Task {
	task := &Task{Name: "tiny", Layers: 1, Defaults: Defaults()}
	task.Network = func(_ Settings, rng *rand.Rand) (*nn.Network, error) {
		block, head := nn.NewDense("block", 1, 4), nn.NewDense("head", 4, 1)
		block.Init(1, rand.New(rand.NewPCG(1, 1)))
		head.Init(1, rng)
		return &nn.Network{Blocks: nn.Sequential{nn.Sequential{block, &nn.Tanh{}}}, Head: head}, nil
	}
	for _, part := range []*train.Set{&task.Training, &task.Validation} {
		part.X.Rows, part.X.Cols, part.X.Stride = 8, 1, 1
		part.X.Data = []float32{0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7}
		part.Targets = slices.Clone(part.X.Data)
	}
	return task
}

func TestMetricsOfARegression(t *testing.T) {
	for metric, want := range map[train.Metric]string{
		train.MetricRMSE: "", train.MetricR2: "", train.MetricLoss: "",
		train.MetricAccuracy: "which is for classes", train.MetricAUROC: "which is for classes", train.MetricF1Macro: "which is for classes",
	} {
		task := tiny()
		task.Metric = metric
		_, err := task.ID()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: error is %v, want %q", metric, err, want)
		}
	}
	task := tiny()
	task.Metric = train.MetricR2
	clear(task.Validation.Targets)
	if _, err := task.ID(); err == nil || !strings.Contains(err.Error(), "not all equal") {
		t.Errorf("r2 of targets that are all equal: error is %v", err)
	}
}

// jitter is a layer that changes examples at random in training.
type jitter struct{ nn.ReLU }

func (*jitter) Augments() bool { return true }

func TestNotesSayWhyFrozenBlocksAreComputedAgain(t *testing.T) {
	task := digitsTask(t)
	network := task.Network
	task.Network = func(s Settings, rng *rand.Rand) (*nn.Network, error) {
		net, err := network(s, rng)
		net.Blocks[0] = nn.Sequential{&jitter{}, net.Blocks[0]}
		return net, err
	}
	s := Defaults()
	s.NumTrainEpochs = 1
	mustRun(t, task, s, 1)
	if notes := task.Notes(); notes != nil {
		t.Errorf("with nothing frozen the notes are %q, want none", notes)
	}
	s.FrozenLayers = 3
	for range 2 { // a note is there once
		mustRun(t, task, s, 1)
	}
	if notes := task.Notes(); len(notes) != 1 || !strings.Contains(notes[0], "changes examples at random") {
		t.Errorf("notes are %q, want one that says why", notes)
	}
	if st := task.cache.Stats(); st.Misses != 0 {
		t.Errorf("stats are %+v, want no features", st)
	}
}

// Trials at the same time share one cache, and get what each would alone.
func TestTrialsAtOnceShareFeatures(t *testing.T) {
	s := Defaults()
	s.FrozenLayers, s.NumTrainEpochs = 2, 3
	want := mustRun(t, digitsTask(t), s, 1)
	task := digitsTask(t)
	results := make(chan Result)
	for range 4 {
		go func() {
			r, _ := task.Run(context.Background(), s, 1, silent)
			results <- r
		}()
	}
	for range 4 {
		if r := <-results; r.Best != want.Best || r.Test != want.Test {
			t.Errorf("one of four trainings has %+v, want %+v", r.Best, want.Best)
		}
	}
	if st := task.cache.Stats(); st.Misses != 3 || st.Hits != 9 {
		t.Errorf("stats are %+v, want 3 misses and 9 hits", st)
	}
}

func TestRecomputingFrozenBlocksChangesNoBit(t *testing.T) {
	s := Defaults()
	s.NumTrainEpochs = 4
	for frozen := range 4 {
		s.FrozenLayers = frozen
		var ends []map[string]safetensors.Tensor
		var results []Result
		for _, recompute := range []bool{false, true} {
			task := digitsTask(t)
			task.Recompute = recompute
			net, r, err := task.Train(t.Context(), Checkpoints{}, s, 1, silent)
			if err != nil {
				t.Fatal(err)
			}
			ends, results = append(ends, weights.Tensors(net.Params())), append(results, r)
			if used := task.cache.Stats().Misses > 0; used != (frozen > 0 && !recompute) {
				t.Errorf("%d layers frozen, recompute %t: features were computed once: %t", frozen, recompute, used)
			}
			if notes := task.Notes(); notes != nil {
				t.Errorf("%d layers frozen, recompute %t: notes are %q, want none", frozen, recompute, notes)
			}
		}
		if !reflect.DeepEqual(ends[0], ends[1]) || !reflect.DeepEqual(results[0], results[1]) {
			t.Errorf("%d layers frozen: weights or results are others: %+v and %+v", frozen, results[0].Best, results[1].Best)
		}
	}
}
