// Package finetune is an objective that really trains: it fine-tunes a small
// pretrained network to new classes and returns the validation loss. It needs
// nothing but this program: data and weights are embedded.
//
// The task is the classic transfer experiment on images of handwritten digits.
// The network, a multilayer perceptron with hidden layers of 128, 96 and 64
// units, was trained on 600 images of the digits 0 to 4; it gets a fresh head
// and learns 5 to 9 from 75 images, 15 of each. With so few, the settings
// decide how well it does. The other images of 5 to 9 choose among settings
// (300) and judge the choice (521). No image is in two parts.
//
// What the pretraining is worth here, and what a search gains, is measured in
// README.md: this task is no evidence that transfer helps.
package finetune

//go:generate go run ./internal/pretrain digits04.safetensors

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/digits"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/mlp"
	"github.com/bluefin-hpo/bluefin/objective/nn"
	"github.com/bluefin-hpo/bluefin/objective/safetensors"
	"github.com/bluefin-hpo/bluefin/objective/train"
)

//go:embed digits04.safetensors
var digits04 []byte

// split of the images of 5 to 9. It is fixed, so that the results of all
// studies compare.
var split = digits.Split{Digits: []uint8{5, 6, 7, 8, 9}, Train: 15, Validation: 60, Seed: 1}

// DefaultPatience is the Patience of a task that has none set.
const DefaultPatience = 10

// ErrDiverged is matched by the error of Run if the loss became infinite or
// NaN. It is an error and not a large value because no finite value would be
// honest: the trial fails, and says in which epoch. Within DefaultSpace it does
// not happen: there a bad setting has a large loss.
var ErrDiverged = train.ErrDiverged

// ErrCheckpoint is matched by the error of RunFrom if it cannot go on from the
// checkpoint: it is damaged, or of another version, task, setting or seed.
var ErrCheckpoint = train.ErrState

// DefaultCheckpointEvery is the CheckpointEvery of a task that has none set.
const DefaultCheckpointEvery = time.Second

// A Task is a fine-tuning task: a pretrained network and the parts of the
// data. Trainings do not change it and may run at the same time, each on one
// goroutine.
type Task struct {
	// Patience is for how many epochs in a row the validation loss may stay
	// above its best before a training stops; 0 means DefaultPatience.
	Patience int

	// CheckpointEvery is how long a training runs, from its start or the last
	// checkpoint on, before the next epoch that ends gives a checkpoint: what a
	// killed training loses at most, and an epoch. Shorter trainings have none.
	// 0 means DefaultCheckpointEvery; with a nanosecond each epoch gives one.
	CheckpointEvery time.Duration

	id                         string // of all that follows
	pretrained                 map[string]safetensors.Tensor
	training, validation, test train.Set
	classes                    int
}

// Digits returns the task with the embedded data and weights, decoded anew
// with each call.
func Digits() (*Task, error) {
	file, err := safetensors.Unmarshal(digits04)
	if err != nil {
		return nil, fmt.Errorf("finetune: pretrained weights: %w", err)
	}
	t := &Task{pretrained: file.Tensors, classes: len(split.Digits)}
	t.training, t.validation, t.test, err = digits.Load(split)
	if err != nil {
		return nil, fmt.Errorf("finetune: %w", err)
	}
	if t.id, err = fingerprint(t.pretrained, t.training, t.validation); err != nil {
		return nil, fmt.Errorf("finetune: %w", err)
	}
	return t, nil
}

// Metrics describe the network after an epoch: losses are means of the
// cross-entropy in nats, accuracies are in [0, 1], all with dropout off. A
// train loss far below the validation loss is over-fitting.
type Metrics struct {
	TrainLoss, TrainAccuracy           float64
	ValidationLoss, ValidationAccuracy float64
}

// Result is how a training ended. Training stops early; what is kept are the
// weights of the epoch with the lowest validation loss, and Metrics and the
// test describe those.
type Result struct {
	Metrics
	BestEpoch              int     // from 1 on
	EpochsRun              int     // at least BestEpoch, at most NumTrainEpochs
	TestLoss, TestAccuracy float64 // on the test part, which nothing was chosen by
}

// Run fine-tunes the network with settings s. The seed decides over the
// weights of the fresh head, the order of the examples and dropout; the same
// settings and seed give the same result, bit for bit on one architecture.
//
// After each epoch, counted from 1, Run calls report; an error of report ends
// the training and is returned as it is. When ctx is cancelled Run stops
// before the next step and returns context.Cause(ctx). A loss that is not
// finite is an error that matches ErrDiverged. With any error the result is
// zero.
//
// Frozen layers keep their weights and have no dropout, so that what they make
// of an image never changes: it is computed once, before the first epoch.
func (t *Task) Run(ctx context.Context, s Settings, seed uint64, report func(epoch int, m Metrics) error) (Result, error) {
	return t.RunFrom(ctx, Checkpoints{}, s, seed, report)
}

// RunFrom is Run for a training that can be interrupted, also by the end of
// the process, and continued by another: it ends with the same weights and the
// same result, bit for bit on one architecture, as one that ran through, and
// the reports of both together are the same.
func (t *Task) RunFrom(ctx context.Context, c Checkpoints, s Settings, seed uint64, report func(epoch int, m Metrics) error) (Result, error) {
	_, r, err := t.run(ctx, c, s, seed, report)
	return r, err
}

// run is RunFrom and returns the trained network as well.
func (t *Task) run(ctx context.Context, c Checkpoints, s Settings, seed uint64, report func(epoch int, m Metrics) error) (*nn.Network, Result, error) {
	if err := s.Check(); err != nil {
		return nil, Result{}, err
	}
	if t.Patience < 0 {
		return nil, Result{}, fmt.Errorf("finetune: patience is %d, want at least 1, or 0 for %d", t.Patience, DefaultPatience)
	}
	if t.CheckpointEvery < 0 {
		return nil, Result{}, fmt.Errorf("finetune: CheckpointEvery is %v, want above 0, or 0 for %v", t.CheckpointEvery, DefaultCheckpointEvery)
	}
	of := origin{Task: t.id, Settings: s, Patience: cmp.Or(t.Patience, DefaultPatience), Seed: seed}
	var from *train.State
	if c.From != nil {
		var err error
		if from, err = of.decode(c.From); err != nil {
			return nil, Result{}, err
		}
	}
	net := mlp.New(t.training.X.Cols, t.classes, s.Dropout, rand.New(rand.NewPCG(seed, 0)))
	if err := nn.Load(net.Blocks.Params(), t.pretrained); err != nil {
		return nil, Result{}, fmt.Errorf("finetune: pretrained weights: %w", err)
	}
	frozen, trained := net.Split(s.FrozenLayers)
	features := func(of train.Set) train.Set {
		of.Batch = frozen.Forward(of.Batch, nil)
		of.X.Data = slices.Clone(of.X.Data) // which the next Forward overwrites
		return of
	}
	last := time.Now() // when the state was saved
	r, err := train.Fit(ctx, trained, features(t.training), features(t.validation), s.config(of.Patience, seed), from, func(m train.Metrics, state train.State) error {
		if err := report(m.Epoch, metrics(m)); err != nil {
			return err
		}
		if c.Save == nil || time.Since(last) < cmp.Or(t.CheckpointEvery, DefaultCheckpointEvery) {
			return nil
		}
		data, err := of.encode(state)
		if err == nil {
			err = c.Save(m.Epoch, data)
		}
		last = time.Now()
		return err
	})
	if err != nil {
		return nil, Result{}, err
	}
	test := train.Evaluate(trained, features(t.test))
	return net, Result{
		Metrics:      metrics(r.Best),
		BestEpoch:    r.Best.Epoch,
		EpochsRun:    r.EpochsRun,
		TestLoss:     test.Loss,
		TestAccuracy: test.Accuracy,
	}, nil
}

func (s Settings) config(patience int, seed uint64) train.Config {
	return train.Config{
		LearningRate: s.LearningRate,
		BatchSize:    s.BatchSize,
		Epochs:       s.NumTrainEpochs,
		WeightDecay:  s.WeightDecay,
		Schedule:     train.Schedule(s.LRSchedulerType),
		WarmupRatio:  s.WarmupRatio,
		Patience:     patience,
		MaxGradNorm:  -1, // gradients keep their length
		Seed:         seed,
	}
}

func metrics(m train.Metrics) Metrics {
	return Metrics{
		TrainLoss:          m.Train.Loss,
		TrainAccuracy:      m.Train.Accuracy,
		ValidationLoss:     m.Validation.Loss,
		ValidationAccuracy: m.Validation.Accuracy,
	}
}
