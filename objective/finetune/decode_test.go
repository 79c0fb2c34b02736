package finetune

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/mlp"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/safetensors"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// small are settings whose checkpoints are small: those of the head alone.
func small() Settings {
	s := Defaults()
	s.NumTrainEpochs, s.FrozenLayers, s.BatchSize = 4, mlp.Hidden, 75
	return s
}

func TestADamagedCheckpointIsRefused(t *testing.T) {
	task := digitsTask(t)
	good := mustRecord(t, task, small(), nil).saved[1]
	refused := func(what string, b []byte) {
		t.Helper()
		_, err := task.RunFrom(t.Context(), Checkpoints{From: b}, small(), 1, silent)
		if !errors.Is(err, train.ErrState) || !strings.Contains(err.Error(), "damaged") {
			t.Fatalf("%s: error is %v, want train.ErrState that says so", what, err)
		}
	}
	for i := range good {
		b := bytes.Clone(good)
		b[i] ^= 1 << (i % 8)
		refused("a bit is flipped", b)
		refused("the end is missing", good[:i])
	}
	refused("something follows", append(bytes.Clone(good), 0))
}

func TestACheckpointOfSomethingElseIsRefused(t *testing.T) {
	task, other := digitsTask(t), digitsTask(t)
	other.Training.Labels[0] ^= 1
	impatient := digitsTask(t)
	impatient.Patience = 3
	good := mustRecord(t, task, small(), nil).saved[1]
	rate := small()
	rate.LearningRate *= 2
	for want, run := range map[string]func() (Result, error){
		"it belongs to another task": func() (Result, error) {
			return other.RunFrom(t.Context(), Checkpoints{From: good}, small(), 1, silent)
		},
		"it has seed 1, want 2": func() (Result, error) {
			return task.RunFrom(t.Context(), Checkpoints{From: good}, small(), 2, silent)
		},
		"it has patience 10, want 3": func() (Result, error) {
			return impatient.RunFrom(t.Context(), Checkpoints{From: good}, small(), 1, silent)
		},
		"it has settings {LearningRate:0.001 BatchSize:75": func() (Result, error) {
			return task.RunFrom(t.Context(), Checkpoints{From: good}, rate, 1, silent)
		},
	} {
		if _, err := run(); !errors.Is(err, train.ErrState) || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want train.ErrState with %q", err, want)
		}
	}
	same := digitsTask(t)
	same.Patience = defaultPatience // by its value, not by 0
	if _, err := same.RunFrom(t.Context(), Checkpoints{From: good}, small(), 1, silent); err != nil {
		t.Errorf("another copy of the task: %v", err)
	}
}

// A checkpoint that was not damaged but made so.
func TestACheckpointThatMakesNoSenseIsRefused(t *testing.T) {
	task := digitsTask(t)
	good := mustRecord(t, task, small(), nil).saved[1]
	inHeader := func(change func(*header)) func(*safetensors.File) {
		return func(f *safetensors.File) {
			var h header
			if err := json.Unmarshal([]byte(f.Metadata[headerKey]), &h); err != nil {
				t.Fatal(err)
			}
			change(&h)
			text, err := json.Marshal(h)
			if err != nil {
				t.Fatal(err)
			}
			f.Metadata[headerKey] = string(text)
		}
	}
	for want, change := range map[string]func(*safetensors.File){
		`the format is "bluefin finetune 0", want "bluefin finetune 2"`: func(f *safetensors.File) { f.Metadata[formatKey] = "bluefin finetune 0" },
		`the format is "", want`:                                 func(f *safetensors.File) { f.Metadata = nil },
		"header: unexpected end":                                 func(f *safetensors.File) { delete(f.Metadata, headerKey) },
		"header: json: cannot unmarshal number 1e999":            func(f *safetensors.File) { f.Metadata[headerKey] = `{"best":{"Epoch":1e999}}` },
		"1 of its 9 tensors are unknown":                         func(f *safetensors.File) { f.Tensors["weights.3"] = f.Tensors["weights.1"] },
		"there are second moments of 1 parameters, want 2":       func(f *safetensors.File) { delete(f.Tensors, "v.1") },
		"there are 320 weights of parameter 1, want 5":           func(f *safetensors.File) { f.Tensors["weights.1"] = f.Tensors["weights.0"] },
		"there are weights of 3 parameters, want 2":              func(f *safetensors.File) { f.Tensors["weights.2"] = f.Tensors["weights.0"] },
		"epoch is 5, want 1 to 4":                                inHeader(func(h *header) { h.Epoch, h.History = 5, make([]train.Metrics, 5) }),
		"it has the metrics of 2 epochs, want 3":                 inHeader(func(h *header) { h.Epoch = 3 }),
		"2 of 1 stages are over":                                 inHeader(func(h *header) { h.Done = make([]Result, 2) }),
		"the best epoch is 3 of 2, want at least 1":              inHeader(func(h *header) { h.Best.Epoch = 3 }),
		"2 of its 8 tensors are unknown":                         func(f *safetensors.File) { rename(f, "best.0", "beast.0") },
		"header: invalid character":                              func(f *safetensors.File) { f.Metadata[headerKey] = "training" },
		"header: json: cannot unmarshal string into Go struct f": func(f *safetensors.File) { f.Metadata[headerKey] = `{"epoch":"2"}` },
	} {
		file, ok := unseal(good)
		f, err := safetensors.Unmarshal(file)
		if !ok || err != nil {
			t.Fatal(err)
		}
		change(&f)
		b, err := safetensors.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		_, err = task.RunFrom(t.Context(), Checkpoints{From: seal(b)}, small(), 1, silent)
		if !errors.Is(err, train.ErrState) || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want train.ErrState with %q", err, want)
		}
	}
	if _, err := task.RunFrom(t.Context(), Checkpoints{From: seal([]byte("no file"))}, small(), 1, silent); !errors.Is(err, train.ErrState) {
		t.Errorf("a checkpoint without a file: error is %v, want train.ErrState", err)
	}
}

func rename(f *safetensors.File, old, new string) {
	f.Tensors[new] = f.Tensors[old]
	delete(f.Tensors, old)
}

func TestEveryTaskHasItsOwnFingerprint(t *testing.T) {
	seen := make(map[string]string)
	for name, change := range map[string]func(task *Task){
		"the task": func(*Task) {},
		"a weight": func(task *Task) {
			network := task.Network
			task.Network = func(s Settings, rng *rand.Rand) (*nn.Network, error) {
				net, err := network(s, rng)
				net.Blocks.Params()[2].Value[7]++
				return net, err
			}
		},
		"a pixel":               func(task *Task) { task.Training.X.Data[0]++ },
		"a label":               func(task *Task) { task.Training.Labels[0] ^= 1 },
		"a pixel to choose by":  func(task *Task) { task.Validation.X.Data[9]++ },
		"a label to choose by":  func(task *Task) { task.Validation.Labels[299] = 0 },
		"one example less":      func(task *Task) { task.Training = first(task.Training, 74) },
		"one less to choose by": func(task *Task) { task.Validation = first(task.Validation, 299) },
		"class weights":         func(task *Task) { task.ClassWeights = []float64{1, 2, 1, 1, 1} },
		"train scores on less":  func(task *Task) { task.EvaluateAtMost = 10 },
		"another kind of head": func(task *Task) {
			network := task.Network
			task.Network = func(s Settings, rng *rand.Rand) (*nn.Network, error) {
				net, err := network(s, rng)
				net.Head = nn.Sequential{&nn.Tanh{}, net.Head}
				return net, err
			}
		},
		"the parts exchanged": func(task *Task) { task.Training, task.Validation = task.Validation, task.Training },
	} {
		task := digitsTask(t)
		change(task)
		if err := task.start(); err != nil {
			t.Fatal(err)
		}
		id := task.fingerprint
		if seen[id] != "" {
			t.Errorf("%s and %s have the same fingerprint", name, seen[id])
		}
		seen[id] = name
		again := digitsTask(t)
		change(again)
		if err := again.start(); err != nil || again.fingerprint != id {
			t.Errorf("%s: the fingerprint changes from %s to %s (%v)", name, id, again.fingerprint, err)
		}
	}
}

// first is the first n examples of s.
func first(s train.Set, n int) train.Set {
	s.X.Rows, s.X.Data, s.Labels = n, s.X.Data[:n*s.X.Cols], s.Labels[:n]
	return s
}

// No checkpoint makes a training panic, also none with a right checksum.
func FuzzCheckpoint(f *testing.F) {
	task := digitsTask(f)
	for _, b := range mustRecord(f, task, small(), nil).saved {
		file, _ := unseal(b)
		f.Add(file)
		f.Add(b)
		f.Add(slices.Concat(file[:len(file)/2], file))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, from := range [][]byte{append([]byte{}, b...), seal(bytes.Clone(b))} {
			if _, err := task.RunFrom(t.Context(), Checkpoints{From: from}, small(), 1, silent); err != nil && !errors.Is(err, train.ErrState) && !errors.Is(err, train.ErrDiverged) {
				t.Fatalf("error is %v, want train.ErrState", err)
			}
		}
	})
}
