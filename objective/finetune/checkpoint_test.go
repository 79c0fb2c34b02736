package finetune

import (
	"bytes"
	"context"
	"errors"
	"math"
	"reflect"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/mlp"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/safetensors"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/weights"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// A record is all that is visible of a training.
type record struct {
	reports []train.Metrics // of the epochs from first on
	first   int
	saved   [][]byte // after each of them
	result  Result
	weights []byte // of the whole network, a safetensors file
}

// recorded trains from a checkpoint, nil for the beginning, and saves after
// each epoch.
func recorded(tb testing.TB, ctx context.Context, task *Task, s Settings, from []byte) (record, error) {
	tb.Helper()
	task.CheckpointEvery = time.Nanosecond
	var r record
	save := func(epoch int, data []byte) error {
		if epoch != r.first+len(r.reports)-1 {
			tb.Errorf("epoch %d is saved after the report of another", epoch)
		}
		r.saved = append(r.saved, data)
		return nil
	}
	net, result, err := task.Train(ctx, Checkpoints{From: from, Save: save}, s, 1, func(epoch int, m train.Metrics) error {
		if r.first == 0 {
			r.first = epoch
		}
		r.reports = append(r.reports, m)
		return nil
	})
	r.result = result
	if err == nil {
		var marshalErr error
		if r.weights, marshalErr = safetensors.Marshal(safetensors.File{Tensors: weights.Tensors(net.Params())}); marshalErr != nil {
			tb.Fatal(marshalErr)
		}
	}
	return r, err
}

func mustRecord(tb testing.TB, task *Task, s Settings, from []byte) record {
	tb.Helper()
	r, err := recorded(tb, context.Background(), task, s, from)
	if err != nil {
		tb.Fatalf("%+v: %v", s, err)
	}
	return r
}

// same reports whether b, which began after the epoch with the given number,
// is the rest of a, to the last bit.
func (a record) same(b record, after int) bool {
	return slices.Equal(a.reports[after:], b.reports) && slices.EqualFunc(a.saved[after:], b.saved, bytes.Equal) &&
		(len(b.reports) == 0 || b.first == after+1) && reflect.DeepEqual(a.result, b.result) && bytes.Equal(a.weights, b.weights)
}

// trainings are settings that put everything to use that a checkpoint keeps.
func trainings() map[string]Settings {
	all := make(map[string]Settings)
	for name, change := range map[string]func(*Settings){
		"the defaults":              func(*Settings) {},
		"much dropout, a layer out": func(s *Settings) { s.Dropout, s.FrozenLayers = 0.5, 1 },
		"two layers out":            func(s *Settings) { s.FrozenLayers = 2 },
		"the head alone, no warmup": func(s *Settings) { s.FrozenLayers, s.WarmupRatio = mlp.Hidden, 0 },
		"no dropout, cosine":        func(s *Settings) { s.Dropout, s.LRSchedulerType = 0, "cosine" },
		"constant, long warmup":     func(s *Settings) { s.LRSchedulerType, s.WarmupRatio, s.WeightDecay = "constant", 0.5, 1 },
		"uneven batches":            func(s *Settings) { s.BatchSize = 11 },
		"one batch per epoch":       func(s *Settings) { s.BatchSize = math.MaxInt },
		"one epoch":                 func(s *Settings) { s.NumTrainEpochs = 1 },
		"it stops early":            func(s *Settings) { s.LearningRate, s.LRSchedulerType, s.NumTrainEpochs = 0.02, "constant", 60 },
	} {
		s := Defaults()
		s.NumTrainEpochs = 8
		change(&s)
		all[name] = s
	}
	return all
}

func TestATrainingResumesFromAnyEpochBitForBit(t *testing.T) {
	task := digitsTask(t)
	task.Patience = 4
	for name, s := range trainings() {
		want := mustRecord(t, task, s, nil)
		if early := want.result.EpochsRun < s.NumTrainEpochs; early != (name == "it stops early") {
			t.Errorf("%s: %d epochs of %d", name, want.result.EpochsRun, s.NumTrainEpochs)
		}
		if name == "it stops early" && want.result.Best.Epoch < 2 {
			t.Errorf("%s: the best epoch is the first, so that no checkpoint is before it", name)
		}
		if plain := mustRun(t, task, s, 1); !reflect.DeepEqual(plain, want.result) {
			t.Errorf("%s: saving changes the result from %+v to %+v", name, plain, want.result)
		}
		for epoch, from := range slices.All(want.saved) {
			epoch++
			if got := mustRecord(t, task, s, from); !want.same(got, epoch) {
				t.Errorf("%s: from epoch %d the training goes another way: %+v, want %+v", name, epoch, got.result, want.result)
			}
		}
	}
}

// A stepContext ends before the step after so many.
type stepContext struct {
	context.Context
	left int
}

var errKilled = errors.New("killed")

func (c *stepContext) Err() error {
	if c.left == 0 {
		return errKilled
	}
	c.left--
	return nil
}

func TestATrainingThatIsInterruptedAgainAndAgainEndsTheSame(t *testing.T) {
	task := digitsTask(t)
	task.Patience = 4
	// Features come from memory, and finding those of each part is a step.
	const parts = 3
	for name, s := range trainings() {
		want := mustRecord(t, task, s, nil)
		steps := (75 + min(s.BatchSize, 75) - 1) / min(s.BatchSize, 75) // of an epoch
		for _, life := range []int{steps, steps + 1, 2*steps - 1, 2*steps + steps/2} {
			var from []byte
			epochs, lives := 0, 0
			for {
				got, err := recorded(t, &stepContext{t.Context(), life + parts}, task, s, from)
				lives++
				if len(got.reports) != len(got.saved) || !slices.Equal(got.reports, want.reports[epochs:epochs+len(got.reports)]) {
					t.Fatalf("%s, %d steps a life: the reports after epoch %d differ", name, life, epochs)
				}
				epochs += len(got.reports)
				if err == nil {
					if !reflect.DeepEqual(got.result, want.result) || !bytes.Equal(got.weights, want.weights) {
						t.Errorf("%s, %d steps a life: ends with %+v, want %+v, with the same weights", name, life, got.result, want.result)
					}
					break
				}
				if !errors.Is(err, errKilled) || len(got.saved) == 0 {
					t.Fatalf("%s, %d steps a life: error %v after %d epochs", name, life, err, len(got.saved))
				}
				from = got.saved[len(got.saved)-1]
			}
			// No epoch was run twice.
			if epochs != want.result.EpochsRun || epochs > 2 && lives < 2 {
				t.Errorf("%s, %d steps a life: %d epochs were run in %d lives, want %d", name, life, epochs, lives, want.result.EpochsRun)
			}
		}
	}
}

func TestAnErrorOfSaveEndsTheTraining(t *testing.T) {
	task, mine := digitsTask(t), errors.New("mine")
	task.CheckpointEvery = time.Nanosecond
	reported := 0
	r, err := task.RunFrom(t.Context(), Checkpoints{Save: func(epoch int, _ []byte) error {
		if epoch == 2 {
			return mine
		}
		return nil
	}}, Defaults(), 1, func(epoch int, _ train.Metrics) error {
		reported = epoch
		return nil
	})
	if err != mine || reported != 2 || !reflect.DeepEqual(r, Result{}) {
		t.Errorf("error %v after the report of epoch %d with %+v, want %v itself after epoch 2 with nothing", err, reported, r, mine)
	}
}

func TestATrainingContinuesWithoutCheckpointsThatAreTooLarge(t *testing.T) {
	s := Defaults()
	s.NumTrainEpochs = 3
	var largest int
	run := func(most int) (saved int, without bool, r Result) {
		task := digitsTask(t)
		task.CheckpointEvery = time.Nanosecond
		r, err := task.RunFrom(t.Context(), Checkpoints{MaxBytes: most, Save: func(_ int, data []byte) error {
			saved++
			largest = max(largest, len(data))
			return nil
		}}, s, 1, silent)
		if err != nil {
			t.Fatal(err)
		}
		return saved, task.large.Load(), r
	}
	saved, without, want := run(0)
	if saved != 3 || without {
		t.Errorf("with no limit %d states are saved, and that one was too large is %t", saved, without)
	}
	for _, c := range []struct {
		most, saved int
	}{{largest, 3}, {largest - 1, 2}, {1000, 0}} { // the header grows with the epochs
		saved, without, got := run(c.most)
		if saved != c.saved || without != (c.saved < 3) || !reflect.DeepEqual(got, want) {
			t.Errorf("at most %d bytes: %d states are saved, and that one was too large is %t, want %d; the result is %+v, want %+v",
				c.most, saved, without, c.saved, got.Best, want.Best)
		}
	}
}

// A checkpoint may take as much memory as the rest of a training.
func TestACheckpointIsNotKeptWhileTheTrainingContinues(t *testing.T) {
	task := digitsTask(t)
	task.CheckpointEvery = time.Nanosecond
	s := Defaults()
	s.NumTrainEpochs = 4
	var first []byte
	if _, err := task.RunFrom(t.Context(), Checkpoints{Save: func(epoch int, data []byte) error {
		if epoch == 1 {
			first = data
		}
		return nil
	}}, s, 1, silent); err != nil {
		t.Fatal(err)
	}
	at := weak.Make(&first[0])
	c := Checkpoints{From: first}
	first = nil
	reports, kept := 0, true
	if _, err := task.RunFrom(t.Context(), c, s, 1, func(int, train.Metrics) error {
		runtime.GC()
		reports, kept = reports+1, at.Value() != nil
		return nil
	}); err != nil || reports != 3 || kept {
		t.Errorf("after %d reports the checkpoint is kept: %t, want 3 and false (%v)", reports, kept, err)
	}
}

func TestAnEpochWhoseReportFailsIsNotSaved(t *testing.T) {
	task, mine := digitsTask(t), errors.New("mine")
	task.CheckpointEvery = time.Nanosecond
	_, err := task.RunFrom(t.Context(), Checkpoints{Save: func(epoch int, _ []byte) error {
		t.Errorf("epoch %d is saved", epoch)
		return nil
	}}, Defaults(), 1, func(int, train.Metrics) error { return mine })
	if err != mine {
		t.Errorf("error is %v, want %v", err, mine)
	}
}

// The clock of the test stands still but for the time that reports take, and
// saving.
func TestCheckpointsAreAsFarApartAsTheTaskSays(t *testing.T) {
	s := Defaults()
	s.NumTrainEpochs, s.FrozenLayers = 10, mlp.Hidden
	for _, c := range []struct {
		every, report, save time.Duration
		want                []int // the epochs that are saved
	}{
		{0, 100 * time.Millisecond, 0, []int{10}}, // the default is a second
		{0, 99 * time.Millisecond, 0, nil},        // a short training has none
		{0, 300 * time.Millisecond, 0, []int{4, 8}},
		{0, 300 * time.Millisecond, 120 * time.Millisecond, []int{4, 8}},
		{0, 300 * time.Millisecond, 180 * time.Millisecond, []int{4, 10}}, // a slow storage takes a tenth of the time at most
		{time.Nanosecond, 300 * time.Millisecond, time.Hour, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
		{time.Nanosecond, time.Millisecond, 0, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
		{2 * time.Second, 500 * time.Millisecond, 0, []int{4, 8}},
	} {
		synctest.Test(t, func(t *testing.T) {
			task := digitsTask(t)
			task.CheckpointEvery = c.every
			var got []int
			_, err := task.RunFrom(t.Context(), Checkpoints{Save: func(epoch int, _ []byte) error {
				got = append(got, epoch)
				time.Sleep(c.save)
				return nil
			}}, s, 1, func(int, train.Metrics) error {
				time.Sleep(c.report)
				return nil
			})
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("every %v, with epochs of %v: epochs %v are saved, want %v (%v)", c.every, c.report, got, c.want, err)
			}
		})
	}
}

func TestCheckpointEveryIsNotNegative(t *testing.T) {
	task := digitsTask(t)
	task.CheckpointEvery = -1
	if _, err := task.Run(t.Context(), Defaults(), 1, silent); err == nil || err.Error() != "Task.CheckpointEvery is -1ns, want above 0, or 0 for 1s" {
		t.Errorf("error is %v", err)
	}
}
