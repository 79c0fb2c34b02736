package finetune

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/safetensors"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// Checkpoints describe where a training resumes from, and what saves its state.
type Checkpoints struct {
	// From is data that Save received: the training resumes with the next epoch. If it is from
	// another task, settings or seed, the error matches train.ErrState. nil starts from the
	// beginning.
	From []byte

	// Save is called after report, once Task.CheckpointEvery is over, with the state of the
	// training after that epoch. It may keep data, which is 16 bytes per trained parameter. Its
	// error ends the training and is returned as is. nil saves nothing.
	Save func(epoch int, data []byte) error

	// Due reports whether Save should be called after this epoch, whatever CheckpointEvery is. After the
	// last epoch, whose result follows, nothing is saved then. nil: never.
	Due func() bool

	// MaxBytes is the largest data that Save takes; 0 means no limit. A training with a larger
	// state has no checkpoints and starts over after a kill.
	MaxBytes int
}

// A checkpoint is a safetensors file, which keeps every bit of a float32, followed by its SHA-256.
// The file's metadata are the format and a JSON header, which keeps every bit of a float64. The
// format changes whenever trainings of an older one could not be resumed exactly.
const (
	format    = "bluefin finetune 2"
	formatKey = "format"
	headerKey = "training"
)

type header struct {
	Origin  origin          `json:"origin"`
	Epoch   int             `json:"epoch"`
	Stale   int             `json:"stale"`
	Best    train.Metrics   `json:"best"`
	History []train.Metrics `json:"history"`
	Done    []Result        `json:"done,omitempty"`
}

// progress is the state of a trial.
type progress struct {
	Done    []Result        // of the finished stages
	History []train.Metrics // of the epochs of the current one
	State   train.State     // of its training
}

// An origin determines a training.
type origin struct {
	Task     string       `json:"task"` // its fingerprint
	Settings Settings     `json:"settings"`
	Patience int          `json:"patience"`
	Stages   Stages       `json:"stages"`
	Metric   train.Metric `json:"metric"`
	Seed     uint64       `json:"seed"`
}

// arrays returns the arrays of s by the prefix of their tensors' names, which the index of the
// parameter follows.
func arrays(s *train.State) map[string]*[][]float32 {
	return map[string]*[][]float32{"weights": &s.Weights, "best": &s.BestWeights, "m": &s.M, "v": &s.V}
}

func tensorName(prefix string, i int) string { return fmt.Sprintf("%s.%d", prefix, i) }

// bytesOf returns the size of the arrays of s, which are nearly all of a checkpoint.
func bytesOf(s *train.State) (n int) {
	for _, a := range arrays(s) {
		for _, x := range *a {
			n += 4 * len(x)
		}
	}
	return n
}

// encode returns the checkpoint of a training of that origin.
func (o origin) encode(p progress) ([]byte, error) {
	s := p.State
	text, err := json.Marshal(header{o, s.Epoch, s.Stale, s.Best, p.History, p.Done})
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	f := safetensors.File{Metadata: map[string]string{formatKey: format, headerKey: string(text)},
		Tensors: make(map[string]safetensors.Tensor)}
	for prefix, a := range arrays(&s) {
		for i, x := range *a {
			f.Tensors[tensorName(prefix, i)] = safetensors.Tensor{Shape: []int{len(x)}, Data: x}
		}
	}
	b, err := safetensors.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	return seal(b), nil
}

// decode returns the contents of a checkpoint of that origin. train.Fit checks whether the state
// fits the network.
func (o origin) decode(b []byte) (*progress, error) {
	file, ok := unseal(b)
	if !ok {
		return nil, badCheckpoint("its %d bytes are damaged: the checksum is wrong", len(b))
	}
	f, err := safetensors.Unmarshal(file)
	if err != nil {
		return nil, badCheckpoint("%v", err)
	}
	if got := f.Metadata[formatKey]; got != format {
		return nil, badCheckpoint("the format is %q, want %q", got, format)
	}
	var h header
	if err := json.Unmarshal([]byte(f.Metadata[headerKey]), &h); err != nil {
		return nil, badCheckpoint("header: %v", err)
	}
	switch got := h.Origin; {
	case got.Task != o.Task:
		return nil, badCheckpoint("it belongs to another task")
	case got.Settings != o.Settings:
		return nil, badCheckpoint("it has settings %+v, want %+v", got.Settings, o.Settings)
	case got.Patience != o.Patience:
		return nil, badCheckpoint("it has patience %d, want %d", got.Patience, o.Patience)
	case got.Metric != o.Metric:
		return nil, badCheckpoint("it has metric %q, want %q", got.Metric, o.Metric)
	case got.Stages != o.Stages:
		return nil, badCheckpoint("it has stages %+v, want %+v", got.Stages, o.Stages)
	case got.Seed != o.Seed:
		return nil, badCheckpoint("it has seed %d, want %d", got.Seed, o.Seed)
	}
	if len(h.History) != h.Epoch {
		return nil, badCheckpoint("it has the metrics of %d epochs, want %d", len(h.History), h.Epoch)
	}
	p := &progress{Done: h.Done, History: h.History, State: train.State{Epoch: h.Epoch, Best: h.Best, Stale: h.Stale}}
	s := &p.State
	n := 0
	for prefix, a := range arrays(s) {
		for {
			t, ok := f.Tensors[tensorName(prefix, len(*a))]
			if !ok {
				break
			}
			*a = append(*a, t.Data)
			n++
		}
	}
	if n != len(f.Tensors) {
		return nil, badCheckpoint("%d of its %d tensors are unknown", len(f.Tensors)-n, len(f.Tensors))
	}
	return p, nil
}

// seal appends the checksum of b.
func seal(b []byte) []byte {
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// unseal returns what was sealed; ok is false if it has changed.
func unseal(b []byte) (file []byte, ok bool) {
	n := len(b) - sha256.Size
	if n < 0 {
		return nil, false
	}
	sum := sha256.Sum256(b[:n])
	return b[:n], bytes.Equal(sum[:], b[n:])
}

func badCheckpoint(form string, args ...any) error {
	return fmt.Errorf("%w: %s", train.ErrState, fmt.Sprintf(form, args...))
}
