// Package finetune is an objective that really trains: it fine-tunes a pretrained network on a new
// task and returns the validation loss. A Task is the network and the data, Settings are the
// hyperparameters, and a Space is where a study searches for them.
//
// Digits and the packages fashion, text and tabular make tasks. Others consist of a network of
// package nn and data.
package finetune

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/prefix"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// What zero fields of a Task mean.
const (
	defaultPatience        = 10
	defaultCheckpointEvery = time.Second
)

// A Task is a pretrained network, data, and recommended settings. Set its fields before its first
// use. Trainings do not modify it and may run concurrently, each on one goroutine.
type Task struct {
	Name string // for messages and records

	// Network returns a network for settings s with pretrained blocks and a fresh head drawn from
	// rng. The task then calls s.Freeze; a Network whose results share the memory of frozen
	// parameters calls s.Freeze itself. It must be safe for concurrent use.
	Network func(s Settings, rng *rand.Rand) (*nn.Network, error)
	Layers  int // number of blocks, all of which can be frozen

	Training   train.Set // to train on
	Validation train.Set // selects epochs and trials
	Test       train.Set // for the final test; may be empty

	Defaults Settings // of the first trial, and of whatever is not searched
	Space    Space    // searched by default

	// Metric compares epochs and trials on the validation set; "" means the loss.
	// See train.MetricNames.
	Metric train.Metric

	// ClassWeights multiply the training loss of each class's examples, see
	// train.Set.BalancedWeights; nil: all 1.
	ClassWeights []float64

	// Patience is how many epochs in a row may pass without a better metric before a training
	// stops; 0 means 10.
	Patience int

	// EvaluateAtMost is how many training examples the train metrics of an epoch use; 0: all, below
	// 0: none.
	EvaluateAtMost int

	// CheckpointEvery is the time between checkpoints: the first epoch that ends after it gives
	// one. A killed training loses at most that time and an epoch; shorter trainings have no
	// checkpoint. 0 means a second, or ten times the time that saving takes if that is longer.
	CheckpointEvery time.Duration

	// Budget limits the compute of a training, in epochs of the whole network. Epochs in which only
	// some blocks train cost proportionally less, and NumTrainEpochs is cut to what the budget
	// affords. So trials are compared at the same compute, and a search learns that freezing more
	// affords more epochs. 0: no limit.
	Budget float64

	// Stages divides a trial into several trainings. The zero value is a single one.
	Stages Stages

	// CacheBytes limits the memory for the outputs of frozen blocks, which all trainings of the
	// task share; the least recently used go first. 0 means 1 GiB, below 0: each training computes
	// them once for itself.
	CacheBytes int64

	// CacheDir is a folder that keeps these outputs for other processes and later studies, up to 4
	// GiB. It is created if missing. "": none.
	CacheDir string

	// Recompute runs frozen blocks again in each epoch and keeps nothing: for comparisons, and for
	// data whose features do not fit into memory. The results are the same.
	Recompute bool

	// Keep, if not nil, receives the network and the value of each trial that Objective trained to
	// its end, before the value is saved. It may run concurrently. With Stages it is the network of
	// the last stage; with folds, it has not seen part of the data.
	Keep func(trial int, value float64, net *nn.Network) error

	once        sync.Once
	cache       *prefix.Cache
	pretrained  []prefix.Hash // of the blocks
	fingerprint string        // see ID
	startError  error
	scale       scale       // see Standardize
	notes       sync.Map    // see Notes
	large       atomic.Bool // a state was too large for a checkpoint
}

// Result is the outcome of a trial. The weights kept, and tested, are those of the best epoch by
// the validation set.
type Result struct {
	Best      train.Metrics // of the epoch whose weights are kept
	EpochsRun int           // at least Best.Epoch, at most NumTrainEpochs in each stage
	Test      train.Scores  // on the test set, which played no part in any choice; zero without one

	// History has the metrics of each epoch, of the last training if there are several.
	History []train.Metrics
}

// Run fine-tunes the network with settings s. The seed determines the weights of the fresh head,
// the order of the examples and dropout. The same settings and seed give the same result, bit for
// bit with the same kernel on one architecture.
//
// After each epoch, counted from 1, or each stage if there are several, Run calls report; its error
// ends the training and is returned as is. When ctx ends, Run stops before the next step and
// returns context.Cause(ctx). If the loss is not finite the error matches train.ErrDiverged: no
// finite value would be honest. After an error the result is zero.
//
// Frozen blocks keep their weights and have no dropout, so their outputs never change. They are
// computed once, before the first epoch.
func (t *Task) Run(ctx context.Context, s Settings, seed uint64,
	report func(step int, m train.Metrics) error) (Result, error) {
	return t.RunFrom(ctx, Checkpoints{}, s, seed, report)
}

// RunFrom is Run for a training that can be interrupted, even by the end of the process, and
// resumed by another: together they report the same and end with the same weights and result, bit
// for bit, as an uninterrupted one.
func (t *Task) RunFrom(ctx context.Context, c Checkpoints, s Settings, seed uint64,
	report func(step int, m train.Metrics) error) (Result, error) {
	_, r, err := t.Train(ctx, c, s, seed, report)
	return r, err
}

// Train is RunFrom and also returns the trained network.
func (t *Task) Train(ctx context.Context, c Checkpoints, s Settings, seed uint64,
	report func(step int, m train.Metrics) error) (*nn.Network, Result, error) {
	return t.train(ctx, run{report: report, checkpoints: c, settings: s, seed: seed})
}

func (t *Task) train(ctx context.Context, r run) (*nn.Network, Result, error) {
	s := r.settings
	if err := t.check(s); err != nil {
		return nil, Result{}, err
	}
	if err := t.start(); err != nil {
		return nil, Result{}, err
	}
	stages, err := t.stages(s, r.seed)
	if err != nil {
		return nil, Result{}, err
	}
	r.Task, r.stages, r.saved = t, stages, time.Now()
	r.of = origin{Task: t.fingerprint, Settings: s, Patience: cmp.Or(t.Patience, defaultPatience), Stages: t.Stages,
		Metric: t.metric(), Seed: r.seed}
	if r.checkpoints.From != nil {
		if err := r.resume(r.checkpoints.From); err != nil {
			return nil, Result{}, err
		}
	}
	return r.all(ctx)
}

func (t *Task) metric() train.Metric { return cmp.Or(t.Metric, train.MetricLoss) }

func (t *Task) check(s Settings) error {
	if err := s.Check(t.Layers); err != nil {
		return err
	}
	if t.Patience < 0 {
		return fmt.Errorf("Task.Patience is %d, want at least 1, or 0 for %d", t.Patience, defaultPatience)
	}
	if t.CheckpointEvery < 0 {
		return fmt.Errorf("Task.CheckpointEvery is %v, want above 0, or 0 for %v", t.CheckpointEvery, defaultCheckpointEvery)
	}
	if !(t.Budget >= 0) || math.IsInf(t.Budget, 0) {
		return fmt.Errorf("Task.Budget is %v, want a finite number above 0, or 0 for none", t.Budget)
	}
	return t.Stages.check()
}

// epochs returns the number of epochs that Budget affords, at least one.
func (t *Task) epochs(s Settings) int {
	if t.Budget == 0 {
		return s.NumTrainEpochs
	}
	parts := t.Layers + 1 // the blocks and the head
	affords := t.Budget * float64(parts) / float64(parts-s.FrozenLayers)
	return int(max(min(affords, float64(s.NumTrainEpochs)), 1))
}

// config returns the configuration of a training with settings s. A zero of Settings is literal,
// while a zero of a Config may stand for a default.
func (t *Task) config(s Settings, seed uint64) train.Config {
	return train.Config{
		LearningRate:              s.LearningRate,
		BatchSize:                 s.BatchSize,
		GradientAccumulationSteps: s.GradientAccumulationSteps,
		Epochs:                    t.epochs(s),
		WeightDecay:               s.WeightDecay,
		MaxGradNorm:               cmp.Or(s.MaxGradNorm, -1),
		LabelSmoothingFactor:      s.LabelSmoothing,
		ClassWeights:              t.ClassWeights,
		Schedule:                  train.Schedule(s.LRSchedulerType),
		WarmupRatio:               s.WarmupRatio,
		LayerDecay:                s.LayerwiseLRDecay,
		GradualUnfreezing:         s.GradualUnfreezing,
		Metric:                    t.Metric,
		Patience:                  cmp.Or(t.Patience, defaultPatience),
		EvaluateAtMost:            t.EvaluateAtMost,
		Seed:                      seed,
	}
}
