// Package finetune is an objective that really trains: it fine-tunes a
// pretrained network to a new task and returns the validation loss. A Task says
// what is trained on what; Settings how; a Space where a study searches for
// them.
//
// Tasks are made by Digits, by the packages fashion, text and tabular below
// this one, and by anyone who has a network of package nn and data.
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

// A Task is a fine-tuning task: a pretrained network, the parts of the data, and
// what we recommend. Its fields are set before its first use. Trainings do not
// change it and may run at the same time, each on one goroutine.
type Task struct {
	Name string // for messages and records

	// Network returns a network for settings s whose blocks have the pretrained
	// weights and whose head is fresh, drawn from rng. What s freezes the task
	// freezes itself; if networks are to share the memory of frozen parameters,
	// Network does it, by s.Freeze. It must be safe for concurrent use.
	Network func(s Settings, rng *rand.Rand) (*nn.Network, error)
	Layers  int // blocks of the network, all of which can be frozen

	Training   train.Set // what is learnt from
	Validation train.Set // what epochs and trials are chosen by
	Test       train.Set // what the choice is judged by; may be empty

	Defaults Settings // what trial 0 has, and all that is not searched
	Space    Space    // what is searched if nothing else is said

	// Metric is what epochs and trials are compared by, on the validation part;
	// "" means the loss. See train.MetricNames.
	Metric train.Metric

	// ClassWeights multiply the training loss of the examples of each class, as
	// train.Set.BalancedWeights does for classes of different sizes; nil: 1 each.
	ClassWeights []float64

	// Patience is for how many epochs in a row the metric may stay behind its
	// best before a training stops; 0 means 10.
	Patience int

	// EvaluateAtMost is on how many of the training examples the train metrics
	// of an epoch are; 0: on all, below 0: on none.
	EvaluateAtMost int

	// CheckpointEvery is how long a training runs, from its start or the last
	// checkpoint on, before the next epoch that ends gives a checkpoint: what a
	// killed training loses at most, and an epoch. Shorter trainings have none.
	// 0 means a second, or more where saving takes a tenth of that;
	// with a nanosecond each epoch gives one.
	CheckpointEvery time.Duration

	// Budget is how much a training may compute, in epochs of the whole network.
	// An epoch in which only some blocks train costs as much less as they and
	// the head are fewer; NumTrainEpochs is cut to what the budget affords. So
	// trials compare by their loss for the same compute, and a search learns
	// that who freezes more can afford more epochs. 0: no budget.
	Budget float64

	// Stages is how a trial is divided into trainings. The zero value is a
	// single one.
	Stages Stages

	// CacheBytes is how much memory the features of frozen blocks may take, which
	// all trainings of the task share; the least recently used go first. 0 means
	// 1 GiB, below 0: each training computes them for itself, once.
	CacheBytes int64

	// CacheDir is a folder where features are kept for other processes and later
	// studies, at most 4 GiB. It is made if it is not there. "": none.
	CacheDir string

	// Recompute computes frozen blocks again in each epoch, as if nothing could
	// be kept: for comparisons, and for data whose features fit no memory. The
	// results are the same, and nothing is kept.
	Recompute bool

	// Keep, if it is not nil, gets the network of each trial that Objective
	// trained to its end, with its value, before that is told. It may run on
	// several goroutines at once. Of several stages it is the network of the
	// last one: with folds one that a part of the examples was kept from.
	Keep func(trial int, value float64, net *nn.Network) error

	once        sync.Once
	cache       *prefix.Cache
	pretrained  []prefix.Hash // of the blocks
	fingerprint string        // of all that ID is of
	startError  error
	scale       scale       // see Standardize
	notes       sync.Map    // see Notes
	large       atomic.Bool // a state was too large for a checkpoint
}

// Result is how a trial ended. Training stops early; what is kept are the
// weights of the best epoch by the validation part, and the test describes
// those.
type Result struct {
	Best      train.Metrics // of the epoch whose weights are kept
	EpochsRun int           // at least Best.Epoch, at most NumTrainEpochs in each stage
	Test      train.Scores  // on the test part, which nothing was chosen by; zero without one

	// History has the metrics of each epoch, of the last training if there are
	// several: how the gap between training and validation grew.
	History []train.Metrics
}

// Run fine-tunes the network with settings s. The seed decides over the
// weights of the fresh head, the order of the examples and dropout; the same
// settings and seed give the same result, bit for bit on one architecture with
// one kernel (see package kernel).
//
// After each epoch, counted from 1, Run calls report; an error of report ends
// the training and is returned as it is. If Stages divides the trial, it is
// called after each stage instead. When ctx is cancelled Run stops before the
// next step and returns context.Cause(ctx). A loss that is not finite is an
// error that matches train.ErrDiverged. With any error the result is zero.
//
// Frozen blocks keep their weights and have no dropout, so that what they make
// of an example never changes: it is computed once, before the first epoch.
func (t *Task) Run(ctx context.Context, s Settings, seed uint64, report func(step int, m train.Metrics) error) (Result, error) {
	return t.RunFrom(ctx, Checkpoints{}, s, seed, report)
}

// RunFrom is Run for a training that can be interrupted, also by the end of
// the process, and continued by another: it ends with the same weights and the
// same result, bit for bit, as one that ran through, and the reports of both
// together are the same.
func (t *Task) RunFrom(ctx context.Context, c Checkpoints, s Settings, seed uint64, report func(step int, m train.Metrics) error) (Result, error) {
	_, r, err := t.Train(ctx, c, s, seed, report)
	return r, err
}

// Train is RunFrom and returns the trained network as well.
func (t *Task) Train(ctx context.Context, c Checkpoints, s Settings, seed uint64, report func(step int, m train.Metrics) error) (*nn.Network, Result, error) {
	if err := t.check(s); err != nil {
		return nil, Result{}, err
	}
	if err := t.start(); err != nil {
		return nil, Result{}, err
	}
	stages, err := t.stages(s, seed)
	if err != nil {
		return nil, Result{}, err
	}
	r := run{Task: t, settings: s, seed: seed, report: report, checkpoints: c, stages: stages, saved: time.Now()}
	r.of = origin{Task: t.fingerprint, Settings: s, Patience: cmp.Or(t.Patience, defaultPatience), Stages: t.Stages, Metric: t.metric(), Seed: seed}
	if c.From != nil {
		if err := r.resume(c.From); err != nil {
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
		return fmt.Errorf("patience is %d, want at least 1, or 0 for %d", t.Patience, defaultPatience)
	}
	if t.CheckpointEvery < 0 {
		return fmt.Errorf("CheckpointEvery is %v, want above 0, or 0 for %v", t.CheckpointEvery, defaultCheckpointEvery)
	}
	if !(t.Budget >= 0) || math.IsInf(t.Budget, 0) {
		return fmt.Errorf("Budget is %v, want a finite number above 0, or 0 for none", t.Budget)
	}
	return t.Stages.check()
}

// epochs is how many a training with settings s may have: what Budget affords,
// and one at least.
func (t *Task) epochs(s Settings) int {
	if t.Budget == 0 {
		return s.NumTrainEpochs
	}
	parts := t.Layers + 1 // the blocks and the head
	affords := t.Budget * float64(parts) / float64(parts-s.FrozenLayers)
	return int(max(min(affords, float64(s.NumTrainEpochs)), 1))
}

// config is how a training with settings s goes. Settings say what they mean,
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
