// Package train fits a network to a training set: minibatches, AdamW, a
// learning-rate schedule, and early stopping by the validation loss.
package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/bluefin-hpo/bluefin/objective/nn"
)

// ErrDiverged is matched by the error of a training whose loss became infinite
// or NaN.
var ErrDiverged = errors.New("finetune: training diverged")

// A Set is labelled examples. Nobody changes one, so that trainings may share
// it.
type Set struct {
	nn.Batch       // all examples
	Labels   []int // of each, below the number of classes
}

// Config says how to train.
type Config struct {
	LearningRate float64  // peak of the schedule, above 0
	BatchSize    int      // examples per step, at least 1, more than there are means all; the last batch of an epoch may be smaller
	Epochs       int      // passes over the training set at most, at least 1; the schedule ends there
	WeightDecay  float64  // of AdamW, at least 0
	Schedule     Schedule // how the learning rate goes
	WarmupRatio  float64  // share of the steps in which the learning rate rises to its peak, in [0, 1]
	Patience     int      // epochs in a row without a lower validation loss that end the training, at least 1
	Seed         uint64   // of the order of the examples and of dropout
}

// Metrics describe a network after an epoch. Losses are means over examples
// (cross-entropy in nats), accuracies the share of examples whose most
// probable class is the right one; both with dropout off, so that training
// and validation compare.
type Metrics struct {
	Epoch                              int // from 1 on
	TrainLoss, TrainAccuracy           float64
	ValidationLoss, ValidationAccuracy float64
}

// Result is how a training went.
type Result struct {
	Best      Metrics // the epoch with the lowest validation loss, the first of equal ones
	EpochsRun int     // fewer than Config.Epochs if the training stopped early
}

// Fit trains net, a classifier without its softmax, on training and leaves it
// with the weights of the best epoch. After each epoch it calls after with its
// metrics and the state of the training, of which after keeps nothing; an error
// ends the training and is returned as it is. When ctx is cancelled Fit stops
// before the next step and returns context.Cause(ctx). After an error the
// weights are those of the moment and Result says what came before.
//
// With a state, from, of a training with the same other arguments Fit goes on
// with the epoch after it, and ends as that training would have, bit for bit:
// all randomness of an epoch is a function of the seed and its number. A state
// that does not fit is an error that matches ErrState. A nil one starts the
// training at its beginning. Fit does not change it.
func Fit(ctx context.Context, net nn.Layer, training, validation Set, c Config, from *State, after func(Metrics, State) error) (Result, error) {
	n := len(training.Labels)
	c.BatchSize = min(c.BatchSize, n)
	steps := (n + c.BatchSize - 1) / c.BatchSize // of an epoch
	f := fit{net: net, params: net.Params(), training: training, c: c, opt: nn.AdamW{WeightDecay: c.WeightDecay}, total: c.Epochs * steps}
	best := Metrics{ValidationLoss: math.Inf(1)}
	var kept [][]float32
	var r Result
	if from != nil {
		if err := from.check(f.params, c); err != nil {
			return Result{}, err
		}
		best = from.Best
		r = Result{Best: best, EpochsRun: from.Epoch}
		put(f.params, from.BestWeights)
		kept = keep(nil, f.params)
		put(f.params, from.Weights)
		f.step = from.Epoch * steps
		f.opt.Restore(f.step, from.M, from.V)
	}
	for epoch := r.EpochsRun + 1; epoch <= c.Epochs && epoch-best.Epoch <= c.Patience; epoch++ {
		if err := f.epoch(ctx, epoch); err != nil {
			return r, err
		}
		m := Metrics{Epoch: epoch}
		m.TrainLoss, m.TrainAccuracy = Evaluate(net, training)
		m.ValidationLoss, m.ValidationAccuracy = Evaluate(net, validation)
		if !finite(m.TrainLoss) || !finite(m.ValidationLoss) {
			return r, diverged(epoch)
		}
		if m.ValidationLoss < best.ValidationLoss {
			best, kept = m, keep(kept, f.params)
		}
		r = Result{Best: best, EpochsRun: epoch}
		if err := after(m, f.state(r, kept)); err != nil {
			return r, err
		}
	}
	put(f.params, kept)
	return r, nil
}

// fit is a training under way.
type fit struct {
	net      nn.Layer
	params   []*nn.Param
	training Set
	c        Config
	opt      nn.AdamW
	loss     nn.SoftmaxCrossEntropy
	step     int // taken so far
	total    int // to take if nothing stops the training

	batch Set // of the step
}

// Random streams of one seed.
const (
	streamOrder = iota << 32
	streamDropout
)

func (f *fit) epoch(ctx context.Context, epoch int) error {
	order := rand.New(rand.NewPCG(f.c.Seed, streamOrder+uint64(epoch))).Perm(len(f.training.Labels))
	dropout := rand.New(rand.NewPCG(f.c.Seed, streamDropout+uint64(epoch)))
	for batch := range slices.Chunk(order, f.c.BatchSize) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		s := f.gather(batch)
		sum, _ := f.loss.Forward(f.net.Forward(s.Batch, dropout).X, s.Labels)
		if !finite(sum) {
			return diverged(epoch)
		}
		for _, p := range f.params {
			clear(p.Grad)
		}
		f.net.Backward(f.loss.Backward(), false)
		f.opt.Step(f.params, f.c.LearningRate*f.c.Schedule.Factor(f.step, f.total, f.c.WarmupRatio))
		f.step++
	}
	return nil
}

// gather copies the examples with the given indices into a batch.
func (f *fit) gather(batch []int) Set {
	d := f.training.X.Cols
	b := &f.batch
	b.X.Data, b.Labels = b.X.Data[:0], b.Labels[:0]
	for _, i := range batch {
		b.X.Data = append(b.X.Data, f.training.X.Data[i*d:(i+1)*d]...)
		b.Labels = append(b.Labels, f.training.Labels[i])
	}
	b.X.Rows, b.X.Cols, b.X.Stride = len(batch), d, d
	return *b
}

// Evaluate returns the mean loss and the accuracy of net on s, with dropout
// off.
func Evaluate(net nn.Layer, s Set) (loss, accuracy float64) {
	var l nn.SoftmaxCrossEntropy
	sum, correct := l.Forward(net.Forward(s.Batch, nil).X, s.Labels)
	n := float64(len(s.Labels))
	return sum / n, float64(correct) / n
}

// keep copies the values of the parameters, into dst if it is not nil.
func keep(dst [][]float32, params []*nn.Param) [][]float32 {
	if dst == nil {
		dst = make([][]float32, len(params))
	}
	for i, p := range params {
		dst[i] = append(dst[i][:0], p.Value...)
	}
	return dst
}

// put copies values into the parameters.
func put(params []*nn.Param, values [][]float32) {
	for i, p := range params {
		copy(p.Value, values[i])
	}
}

func diverged(epoch int) error {
	return fmt.Errorf("%w: the loss is not finite in epoch %d", ErrDiverged, epoch)
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
