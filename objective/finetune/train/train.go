// Package train trains networks: minibatches, AdamW, a learning-rate schedule, frozen and gradually
// unfrozen layers, and early stopping on a validation set.
//
// A training runs on the goroutine that calls Fit. The same arguments give the same bits with the
// same kernel on one architecture.
package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/batch"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// Errors of Fit, to be tested with errors.Is.
var (
	ErrDiverged = errors.New("training diverged") // the loss or gradient became infinite or NaN
	ErrState    = errors.New("bad checkpoint")    // the state to resume from does not fit
)

// Metrics describe a network after an epoch. Dropout is off on both sets, so their scores are
// comparable: a train loss far below the validation loss is over-fitting.
type Metrics struct {
	Epoch             int // from 1 on
	Train, Validation Scores
}

// Result is the outcome of a training.
type Result struct {
	Best      Metrics // the best epoch by Config.Metric, the first if equal
	EpochsRun int     // below Config.Epochs if the training stopped early
}

// Fit trains net, a classifier without its softmax or a regression, and leaves it with the weights
// of the best epoch. After each epoch it calls after, if not nil, with the metrics and the state,
// valid only during the call. An error of after ends the training and is returned as is. When ctx
// ends, Fit stops before the next pass and returns context.Cause(ctx). After an error the weights
// are the current ones, and Result describes the epochs before it.
//
// Frozen parameters keep every bit, and there is no backward pass below the first parameter that
// trains. Blocks that are frozen as a whole, from the input on, stay in evaluation mode (see
// nn.Network.FrozenBlocks).
//
// A state from a training with the same other arguments resumes it: Fit continues with the next
// epoch and ends as that training would have, bit for bit, because all randomness of an epoch is a
// function of the seed and the epoch. A state that does not fit is an error matching ErrState. Fit
// does not change it; nil starts from the beginning.
func Fit(ctx context.Context, net *nn.Network, training, validation Set, c Config, from *State,
	after func(Metrics, State) error) (Result, error) {
	if err := check(net, training, validation, c); err != nil {
		return Result{}, err
	}
	f := newFit(net, training, c)
	defer f.leave()
	// Epoch 0: none yet.
	best := Metrics{}
	stale := 0
	var kept [][]float32
	var r Result
	// After newFit, because a state has the shape of the parameters that train.
	if from != nil {
		var err error
		if kept, err = f.restore(from); err != nil {
			return Result{}, err
		}
		best, stale = from.Best, from.Stale
		r = Result{Best: best, EpochsRun: from.Epoch}
	}
	// Once, because the sample stays the same in all epochs.
	scored := f.scored()
	// Patience is in the condition, so a resumed training stops where the first would have.
	for epoch := r.EpochsRun + 1; epoch <= f.c.Epochs && stale < f.c.Patience; epoch++ {
		if err := f.epoch(ctx, epoch); err != nil {
			return r, err
		}
		m := Metrics{Epoch: epoch, Validation: Evaluate(net, validation)}
		if scored.Len() > 0 {
			m.Train = Evaluate(net, scored)
		}
		// Before the metrics are reported: a NaN would become the best epoch or a trial's value.
		if !finite(m.Train.Loss) || !finite(m.Validation.Loss) {
			return r, fmt.Errorf("%w: the loss is not finite after epoch %d, step %d", ErrDiverged, epoch, f.step)
		}
		gain := f.c.gain(m, best)
		// Smaller improvements count as best epoch but not as progress.
		if stale++; gain > f.c.EarlyStoppingThreshold {
			stale = 0
		}
		if gain > 0 {
			best, kept = m, snapshot(kept, f.params)
		}
		r = Result{Best: best, EpochsRun: epoch}
		if after != nil {
			if err := after(m, f.state(r, stale, kept)); err != nil {
				return r, err
			}
		}
	}
	// Only at the regular end; after an error the caller may want to look at the current
	// weights.
	put(f.params, kept)
	return r, nil
}

// gain returns by how much the validation metric of m exceeds that of the best epoch; Epoch 0 means
// that there is none.
func (c Config) gain(m, best Metrics) float64 {
	if best.Epoch == 0 {
		return math.Inf(1)
	}
	// check has made sure that the metric is defined on this set.
	now, _ := c.Metric.Of(m.Validation)
	then, _ := c.Metric.Of(best.Validation)
	if c.Metric.Higher() {
		return now - then
	}
	return then - now
}

// check returns an error if the arguments of Fit are invalid.
func check(net *nn.Network, training, validation Set, c Config) error {
	if err := c.Check(); err != nil {
		return err
	}
	if !net.Trains() {
		return errors.New("all parameters are frozen, want one that trains")
	}
	// The set's own shape first, since the network is about to see it.
	if err := training.check(); err != nil {
		return fmt.Errorf("%w, in the training set", err)
	}
	// One example tells how many outputs there are.
	outputs := net.Forward(batch.Slice(training.Batch, batch.Offsets(training.Batch), 0, 1), nil).X.Cols
	if err := training.Check(outputs); err != nil {
		return fmt.Errorf("%w, in the training set", err)
	}
	if err := validation.Check(outputs); err != nil {
		return fmt.Errorf("%w, in the validation set", err)
	}
	if training.Labels != nil && !training.varied() {
		return fmt.Errorf("the training set has examples of class %d only, want at least two classes", training.Labels[0])
	}
	// An option that would be ignored is refused.
	if training.Labels == nil && (c.ClassWeights != nil || c.LabelSmoothingFactor != 0) {
		return fmt.Errorf("ClassWeights are %v and LabelSmoothingFactor is %v, want neither in a regression", c.ClassWeights,
			c.LabelSmoothingFactor)
	}
	if c.ClassWeights != nil && len(c.ClassWeights) != outputs {
		return fmt.Errorf("there are %d ClassWeights, want one for each of the %d classes", len(c.ClassWeights), outputs)
	}
	return c.withDefaults().Metric.fits(validation, outputs)
}

// fit is a running training.
type fit struct {
	net    *nn.Network
	c      Config
	params []*nn.Param // unfrozen in some epoch
	groups []*group    // of params, in their order
	loss   criterion
	batch  gatherer // from the training set
	step   int      // taken so far
	steps  int      // of an epoch
}

// newFit prepares a training; the arguments have passed check.
func newFit(net *nn.Network, training Set, c Config) *fit {
	c = c.withDefaults()
	n := training.Len()
	// Limits first: steps per epoch, and with them the schedule, follow from these.
	c.BatchSize = min(c.BatchSize, n)
	passes := (n + c.BatchSize - 1) / c.BatchSize
	c.GradientAccumulationSteps = min(c.GradientAccumulationSteps, passes)
	f := &fit{
		net:    net,
		c:      c,
		groups: c.groups(net),
		loss:   criterion{entropy: nn.SoftmaxCrossEntropy{Smoothing: c.LabelSmoothingFactor, Weights: c.ClassWeights}},
	}
	f.steps = (passes + c.GradientAccumulationSteps - 1) / c.GradientAccumulationSteps
	for _, s := range f.groups {
		// In the order of groups, which is that of states.
		f.params = append(f.params, s.params...)
	}
	f.batch.reset(training)
	return f
}

// Random streams of one seed. Package split has the next one.
const (
	streamOrder = iota << 32
	streamDropout
	streamScored
)

// scored returns the training examples that are scored.
func (f *fit) scored() Set {
	all := f.batch.from
	n := f.c.scoredExamples(all.Len())
	if n == all.Len() {
		return all
	}
	// A stream of its own, so scoring does not move the order of the examples.
	return all.Select(rand.New(rand.NewPCG(f.c.Seed, streamScored)).Perm(all.Len())[:n])
}

// scoredExamples returns how many of n training examples are scored.
func (c Config) scoredExamples(n int) int {
	if c.EvaluateAtMost == 0 {
		return n
	}
	return max(min(c.EvaluateAtMost, n), 0)
}

// epoch trains for one epoch, or until ctx ends between two passes.
func (f *fit) epoch(ctx context.Context, epoch int) error {
	for _, s := range f.groups {
		s.enter(epoch)
	}
	training := f.batch.from
	// A function of seed and epoch, so a resumed training sees the same order.
	order := rand.New(rand.NewPCG(f.c.Seed, streamOrder+uint64(epoch))).Perm(training.Len())
	dropout := f.dropout(epoch)
	for examples := range slices.Chunk(order, f.c.BatchSize*f.c.GradientAccumulationSteps) {
		// The whole step's weight: passes of different sizes then add up to the mean of the step.
		total := f.loss.weight(training, examples)
		for _, p := range f.params {
			// Backward adds to the gradients, pass after pass.
			clear(p.Grad)
		}
		for batch := range slices.Chunk(examples, f.c.BatchSize) {
			// A pass is short and is never broken off.
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if !f.pass(f.batch.gather(batch), total, dropout) {
				return f.diverged("loss", epoch)
			}
		}
		// A norm that is not finite shows a diverged training before it spoils the weights.
		if most := f.c.MaxGradNorm; most > 0 && !finite(nn.ClipGradNorm(f.params, most)) {
			return f.diverged("gradient", epoch)
		}
		// By the planned number of epochs: stopping early does not change the schedule.
		rate := f.c.rate(f.step, f.c.Epochs*f.steps)
		for _, s := range f.groups {
			// A group that is still frozen has no moments, which begin with its first step.
			if epoch >= s.start {
				s.opt.Step(s.params, rate)
			}
		}
		f.step++
	}
	return nil
}

// dropout returns the generator of that epoch.
func (f *fit) dropout(epoch int) *rand.Rand {
	return rand.New(rand.NewPCG(f.c.Seed, streamDropout+uint64(epoch)))
}

// pass sends a batch through the network, forward and backward, and adds its part of the gradient
// of a step with that total weight. If the loss is not finite it returns false before the backward
// pass.
func (f *fit) pass(s Set, total float64, dropout *rand.Rand) bool {
	// In each pass, because gradual unfreezing changes it.
	front, back := f.net.Split(f.net.FrozenBlocks())
	y := back.Forward(front.Forward(s.Batch, nil), dropout)
	if !finite(f.loss.forward(y.X, s)) {
		return false
	}
	back.Backward(f.loss.backward(total), false)
	return true
}

// diverged returns the error for the current step.
func (f *fit) diverged(what string, epoch int) error {
	return fmt.Errorf("%w: the %s is not finite in epoch %d, step %d", ErrDiverged, what, epoch, f.step+1)
}

// finite reports whether x is a number.
func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
