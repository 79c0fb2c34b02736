package finetune

import (
	"bytes"
	"context"
	"errors"
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

func TestStagesAreChecked(t *testing.T) {
	for want, s := range map[string]Stages{
		"folds is -1, want at least 2":                        {Folds: -1},
		"folds is 1, want at least 2":                         {Folds: 1},
		`fidelity is "half", want`:                            {Fidelity: "half"},
		`folds is 2 and fidelity is "data", want at most one`: {Folds: 2, Fidelity: Data},
	} {
		task := digitsTask(t)
		task.Stages = s
		if _, err := task.Run(t.Context(), Defaults(), 1, silent); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error is %v, want one with %q", s, err, want)
		}
	}
}

// What every trial would fail with is said before the first one.
func TestFoldsAreCheckedAgainstTheData(t *testing.T) {
	two := func(positives, folds int, metric train.Metric) *Task { // 16 examples of two classes
		task := tiny()
		network := task.Network
		task.Network = func(s Settings, rng *rand.Rand) (*nn.Network, error) {
			net, err := network(s, rng)
			net.Head = nn.NewDense("head", 4, 2)
			return net, err
		}
		for i, part := range []*train.Set{&task.Training, &task.Validation} {
			part.Targets, part.Labels = nil, make([]int, part.Len())
			for j := range part.Labels {
				if 2*j+i < positives {
					part.Labels[j] = 1
				}
			}
		}
		task.Metric, task.Stages.Folds = metric, folds
		return task
	}
	regression := tiny()
	regression.Metric, regression.Stages.Folds = train.MetricR2, 16
	for want, task := range map[string]*Task{
		"folds is 17, want 2 to the number of examples, 16":                      two(8, 17, train.MetricLoss),
		`metric is "auroc", which needs exactly two classes, each with examples`: two(3, 4, train.MetricAUROC),
		"in each of the 4 folds": two(3, 4, train.MetricAUROC),
		`metric is "r2", which needs targets that are not all equal in each of the 16 folds`: regression,
	} {
		if _, err := task.ID(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one with %q", err, want)
		}
	}
	for _, task := range []*Task{two(3, 4, train.MetricLoss), two(4, 4, train.MetricAUROC)} {
		if _, err := task.ID(); err != nil {
			t.Error(err)
		}
		if _, err := task.Run(t.Context(), Defaults(), 5, silent); err != nil {
			t.Error(err)
		}
	}
}

func TestFoldsShareTheExamplesOut(t *testing.T) {
	task := digitsTask(t)
	labels := slices.Concat(task.Training.Labels, task.Validation.Labels)
	for _, k := range []int{2, 5, 7} {
		task.Stages = Stages{Folds: k}
		seen := make([]int, len(labels))
		for i, st := range stagesOf(t, task, Defaults(), 3) {
			if st.step != i+1 {
				t.Errorf("%d folds: fold %d is reported at %d", k, i, st.step)
			}
			both := slices.Sorted(slices.Values(slices.Concat(st.training, st.validation)))
			for j := range labels {
				if both[j] != j {
					t.Fatalf("%d folds: example %d is not in fold %d, or twice", k, j, i)
				}
			}
			classes := make([]int, 5)
			for _, e := range st.validation {
				seen[e]++
				classes[labels[e]]++
			}
			for c, n := range classes { // 75 of each
				if n < 75/k-1 || n > 75/k+2 {
					t.Errorf("%d folds: fold %d has %d examples of class %d, want about %d", k, i, n, c, 75/k)
				}
			}
		}
		if slices.Min(seen) != 1 || slices.Max(seen) != 1 {
			t.Errorf("%d folds: examples are judged by %d to %d times, want once", k, slices.Min(seen), slices.Max(seen))
		}
	}
}

func stagesOf(t *testing.T, task *Task, s Settings, seed uint64) []stage {
	t.Helper()
	all, err := task.stages(s, seed)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestDataGrowsByStages(t *testing.T) {
	task := digitsTask(t)
	task.Stages = Stages{Fidelity: Data}
	st := stagesOf(t, task, Defaults(), 3)
	var steps []int
	for _, s := range st {
		steps = append(steps, s.step)
	}
	if !slices.Equal(steps, []int{1, 3, 9}) || len(st[0].training) != 9 || len(st[1].training) != 25 || st[2].training != nil {
		t.Errorf("stages are %+v, want 9, 25 and all of the examples at steps 1, 3 and 9", st)
	}
	for _, e := range st[0].training {
		if !slices.Contains(st[1].training, e) {
			t.Errorf("example %d is in the first part and not in the second", e)
		}
	}
	classes := make(map[int]int)
	for _, e := range st[1].training {
		classes[task.Training.Labels[e]]++
	}
	for c := range 5 {
		if classes[c] != 5 {
			t.Errorf("a third of the examples has %d of class %d, want 5", classes[c], c)
		}
	}
}

func TestFreezingShrinksByStages(t *testing.T) {
	task := digitsTask(t)
	task.Stages = Stages{Fidelity: Freezing}
	for frozen, want := range [][]int{{3, 2, 0}, {3, 2, 1}, {3, 3, 2}, {3, 3, 3}} {
		s := Defaults()
		s.FrozenLayers = frozen
		var got []int
		for _, st := range stagesOf(t, task, s, 1) {
			got = append(got, st.frozen)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d frozen layers: stages freeze %v, want %v", frozen, got, want)
		}
	}
}

// staged trains in stages and keeps what is reported and saved.
type staged struct {
	steps  []int
	values []float64
	saved  [][]byte
	net    *nn.Network
	result Result
}

func runStages(t *testing.T, stages Stages, s Settings, from []byte) staged {
	t.Helper()
	task := digitsTask(t)
	task.Stages, task.CheckpointEvery = stages, 1
	var r staged
	var err error
	r.net, r.result, err = task.Train(t.Context(), Checkpoints{From: from, Save: func(step int, data []byte) error {
		last := 0
		if n := len(r.steps); n > 0 {
			last = r.steps[n-1]
		}
		if from == nil && step != last {
			t.Errorf("%+v: a state is saved at step %d, the last one reported is %d", stages, step, last)
		}
		r.saved = append(r.saved, data)
		return nil
	}}, s, 1, func(step int, m train.Metrics) error {
		r.steps, r.values = append(r.steps, step), append(r.values, m.Validation.Loss)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The last stage of a fidelity is the training that is not divided.
func TestAFidelityEndsWithTheWholeTraining(t *testing.T) {
	s := Defaults()
	s.NumTrainEpochs, s.FrozenLayers = 5, 1
	want := mustRun(t, digitsTask(t), s, 1)
	for _, f := range []string{Data, Freezing} {
		r := runStages(t, Stages{Fidelity: f}, s, nil)
		if r.result.Best != want.Best || r.result.Test != want.Test {
			t.Errorf("%s: ends with %+v, want %+v", f, r.result.Best, want.Best)
		}
		if !slices.Equal(r.steps, []int{1, 3, 9}) || r.values[2] != want.Best.Validation.Loss {
			t.Errorf("%s: reports %v at %v", f, r.values, r.steps)
		}
		if r.values[0] == r.values[1] || r.values[1] == r.values[2] {
			t.Errorf("%s: stages give %v, want three values", f, r.values)
		}
		if r.result.EpochsRun != 15 {
			t.Errorf("%s: %d epochs are run, want 15", f, r.result.EpochsRun)
		}
	}
}

func TestTheValueOfFoldsIsTheirMean(t *testing.T) {
	s := Defaults()
	s.NumTrainEpochs = 3
	task := digitsTask(t)
	task.Stages = Stages{Folds: 3}
	all := join(task.Training, task.Validation)
	var sum float64
	r := runStages(t, task.Stages, s, nil)
	for i, st := range stagesOf(t, task, s, 1) {
		one := digitsTask(t)
		one.Training, one.Validation = all.Select(st.training), all.Select(st.validation)
		sum += mustRun(t, one, s, 1).Best.Validation.Loss
		if got, want := r.values[i], sum/float64(i+1); got != want {
			t.Errorf("after %d folds %v is reported, want the mean %v", i+1, got, want)
		}
	}
	if got := r.result.Best.Validation.Loss; got != sum/3 {
		t.Errorf("the value is %v, want %v", got, sum/3)
	}
}

func TestATrialOfStagesResumesFromAnyCheckpoint(t *testing.T) {
	s := Defaults()
	s.NumTrainEpochs, s.FrozenLayers = 3, 1
	weights := func(r staged) []byte {
		b, err := safetensors.Marshal(safetensors.File{Tensors: weights.Tensors(r.net.Params())})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, stages := range []Stages{{Folds: 2}, {Fidelity: Data}, {Fidelity: Freezing}} {
		whole := runStages(t, stages, s, nil)
		for i, from := range whole.saved {
			rest := runStages(t, stages, s, from)
			if !reflect.DeepEqual(rest.result, whole.result) || !bytes.Equal(weights(rest), weights(whole)) {
				t.Errorf("%+v, from checkpoint %d: ends with %+v, want %+v", stages, i, rest.result, whole.result)
			}
			if n := len(rest.values); !slices.Equal(rest.values, whole.values[len(whole.values)-n:]) || len(rest.saved) != len(whole.saved)-i-1 {
				t.Errorf("%+v, from checkpoint %d: %d reports and %d checkpoints follow", stages, i, n, len(rest.saved))
			}
		}
	}
}

// A trial that pauses after each stage ends as one that runs through.
func TestATrialPausesBetweenItsStages(t *testing.T) {
	s := Defaults()
	s.NumTrainEpochs, s.FrozenLayers = 3, 1
	for _, stages := range []Stages{{Folds: 3}, {Fidelity: Data}, {Fidelity: Freezing}} {
		whole := runStages(t, stages, s, nil)
		task := digitsTask(t)
		task.Stages = stages
		pause := errors.New("pause")
		var steps []int
		var values []float64
		var saved []byte
		for range whole.steps {
			due := false
			net, r, err := task.Train(t.Context(), Checkpoints{From: saved, Due: func() bool { return due }, Save: func(step int, data []byte) error {
				if step != steps[len(steps)-1] {
					t.Errorf("%+v: a state is saved at step %d after the report of step %d", stages, step, steps[len(steps)-1])
				}
				saved = data
				return pause
			}}, s, 1, func(step int, m train.Metrics) error {
				steps, values, due = append(steps, step), append(values, m.Validation.Loss), true
				return nil
			})
			if len(steps) < len(whole.steps) {
				if !errors.Is(err, pause) {
					t.Fatalf("%+v: the trial ends with %v after %d stages", stages, err, len(steps))
				}
				continue
			}
			if err != nil || !reflect.DeepEqual(r, whole.result) || !reflect.DeepEqual(weights.Tensors(net.Params()), weights.Tensors(whole.net.Params())) {
				t.Errorf("%+v: ends with %+v, %v, want %+v", stages, r, err, whole.result)
			}
		}
		if !slices.Equal(steps, whole.steps) || !slices.Equal(values, whole.values) {
			t.Errorf("%+v: reports %v at %v, want %v at %v", stages, values, steps, whole.values, whole.steps)
		}
	}
}

func TestEveryTuningTrainsWhatItSays(t *testing.T) {
	task := digitsTask(t)
	for tuning, moves := range map[string]func(name string) bool{
		Full:   func(string) bool { return true },
		BitFit: func(name string) bool { return strings.HasSuffix(name, ".bias") },
		LoRA:   func(name string) bool { return strings.HasSuffix(name, ".weight") }, // by a matrix of rank 2, merged
	} {
		s := Defaults()
		s.NumTrainEpochs, s.FrozenLayers, s.Tuning, s.LoRARank, s.LoRAAlpha = 2, 1, tuning, 2, 4
		net, _, err := task.Train(t.Context(), Checkpoints{}, s, 1, silent)
		if err != nil {
			t.Fatal(err)
		}
		fresh, err := task.Network(s, rand.New(rand.NewPCG(1, 0)))
		if err != nil {
			t.Fatal(err)
		}
		before := weights.Tensors(fresh.Params())
		after := weights.Tensors(net.Params())
		if len(after) != len(before) {
			t.Errorf("%s: the network ends with %d arrays, want %d", tuning, len(after), len(before))
		}
		for name := range before {
			want := strings.HasPrefix(name, "head") || !strings.HasPrefix(name, "hidden.0") && moves(name)
			if moved := !reflect.DeepEqual(before[name], after[name]); moved != want {
				t.Errorf("%s: %s has changed: %t, want %t", tuning, name, moved, want)
			}
		}
	}
}

// The network that is kept computes what the result says, also where low-rank
// terms were merged into it.
func TestKeepGetsTheNetworkOfTheResult(t *testing.T) {
	task := digitsTask(t)
	for _, tuning := range []string{Full, BitFit, LoRA} {
		s := Defaults()
		s.NumTrainEpochs, s.Tuning, s.LoRARank, s.LoRAAlpha = 3, tuning, 2, 4
		net, r, err := task.Train(t.Context(), Checkpoints{}, s, 1, silent)
		if err != nil {
			t.Fatal(err)
		}
		got := train.Evaluate(net, task.Test)
		if d := got.Loss - r.Test.Loss; d > 1e-5 || d < -1e-5 || got.Accuracy != r.Test.Accuracy {
			t.Errorf("%s: the network has %+v on the test part, want %+v", tuning, got, r.Test)
		}
	}
}

func TestMetricDecidesOverTheBestEpoch(t *testing.T) {
	task := digitsTask(t)
	task.Metric = train.MetricAccuracy
	s := Defaults()
	s.LearningRate, s.LRSchedulerType = 0.01, "constant"
	var best float64
	r, err := task.Run(context.Background(), s, 1, func(_ int, m train.Metrics) error {
		best = max(best, m.Validation.Accuracy)
		return nil
	})
	if err != nil || r.Best.Validation.Accuracy != best {
		t.Errorf("the accuracy of the best epoch is %v, want %v (%v)", r.Best.Validation.Accuracy, best, err)
	}
	task.Metric = "speed"
	if _, err := task.Run(context.Background(), s, 1, silent); err == nil || errors.Is(err, train.ErrDiverged) {
		t.Errorf("metric speed: error is %v", err)
	}
}
