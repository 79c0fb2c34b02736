package train

import (
	"fmt"
	"math"
	"slices"
)

// Config says how to train. Fields are named as in Hugging Face's TrainingArguments where they
// exist there, and 0 means the default there.
type Config struct {
	LearningRate              float64 // peak of the schedule, above 0; 0 means 5e-5
	BatchSize                 int     // examples per pass (per_device_train_batch_size), at most all; 0: 8
	GradientAccumulationSteps int     // passes per optimizer step; 0 means 1; the last step of an epoch takes the rest
	Epochs                    int     // maximum (num_train_epochs); the schedule ends there; 0 means 3
	WeightDecay               float64 // of AdamW, at least 0; not on parameters without Decay
	AdamBeta1                 float64 // in (0, 1); 0 means 0.9
	AdamBeta2                 float64 // in (0, 1); 0 means 0.999
	AdamEpsilon               float64 // above 0; 0 means 1e-8
	MaxGradNorm               float64 // larger gradients are scaled down to this norm; 0 means 1, below 0: never

	// LabelSmoothingFactor is the share of each label that is spread over all classes, in [0, 1).
	// It affects training, not Scores.
	LabelSmoothingFactor float64

	// ClassWeights multiply the training loss of each class's examples, as the weight of PyTorch's
	// CrossEntropyLoss does; see Set.BalancedWeights. They do not affect Scores. nil: all 1.
	ClassWeights []float64

	Schedule    Schedule // of the learning rate; "" means Linear
	WarmupRatio float64  // share of the steps during which the learning rate rises to its peak, in [0, 1]
	WarmupSteps int      // number of these steps; above 0 it overrides WarmupRatio
	LREnd       float64  // final learning rate of Polynomial, below LearningRate; 0 means 1e-7
	Power       float64  // exponent of Polynomial, above 0; 0 means 1
	Timescale   int      // of InverseSqrt, in steps; 0 means the warmup's, or 10,000 without one

	// LayerDecay multiplies the learning rate of block i by LayerDecay^(blocks - i): the head has
	// 1, the last block LayerDecay. In (0, 1]; 0 means 1.
	LayerDecay float64

	// GradualUnfreezing trains the head alone in the first epoch and one more block, from the head
	// down, in each further one: J. Howard and S. Ruder, "Universal Language Model Fine-tuning for
	// Text Classification", 2018, section 3.3. Parameters that are Frozen stay so. A block's
	// moments start with its first step.
	GradualUnfreezing bool

	Metric                 Metric  // selects the best epoch, on the validation set; "" means MetricLoss
	Patience               int     // epochs without a better metric before stopping (early_stopping_patience); 0: never
	EarlyStoppingThreshold float64 // improvement that resets Patience, at least 0

	// EvaluateAtMost is how many training examples are scored after each epoch, a random sample
	// that stays the same; 0 means all, below 0 none, which leaves Metrics.Train zero.
	EvaluateAtMost int

	Seed uint64 // of the order of the examples and of dropout
}

// withDefaults returns c with every default set.
func (c Config) withDefaults() Config {
	c.LearningRate = or(c.LearningRate, 5e-5)
	c.BatchSize = or(c.BatchSize, 8)
	c.GradientAccumulationSteps = or(c.GradientAccumulationSteps, 1)
	c.Epochs = or(c.Epochs, 3)
	c.AdamBeta1 = or(c.AdamBeta1, 0.9)
	c.AdamBeta2 = or(c.AdamBeta2, 0.999)
	c.AdamEpsilon = or(c.AdamEpsilon, 1e-8)
	c.MaxGradNorm = or(c.MaxGradNorm, 1)
	c.Schedule = or(c.Schedule, Linear)
	c.LREnd = or(c.LREnd, 1e-7)
	c.Power = or(c.Power, 1)
	c.LayerDecay = or(c.LayerDecay, 1)
	c.Metric = or(c.Metric, MetricLoss)
	// Never reached, so it needs no case of its own.
	c.Patience = or(c.Patience, math.MaxInt)
	return c
}

// or returns x, or def if x is the zero value.
func or[T comparable](x, def T) T {
	var zero T
	if x == zero {
		return def
	}
	return x
}

// Check returns an error that names the first field out of range, its value and the range. Fit and
// Rehearse check too.
func (c Config) Check() error {
	c = c.withDefaults()
	// A table, so that every message names field, value and range in the same way.
	for _, f := range []struct {
		name  string
		value float64
		ok    bool
		want  string
	}{
		{"LearningRate", c.LearningRate, c.LearningRate > 0, "a finite number above 0, or 0 for 5e-5"},
		{"WeightDecay", c.WeightDecay, c.WeightDecay >= 0, "a finite number of at least 0"},
		{"AdamBeta1", c.AdamBeta1, c.AdamBeta1 > 0 && c.AdamBeta1 < 1, "above 0 and below 1, or 0 for 0.9"},
		{"AdamBeta2", c.AdamBeta2, c.AdamBeta2 > 0 && c.AdamBeta2 < 1, "above 0 and below 1, or 0 for 0.999"},
		{"AdamEpsilon", c.AdamEpsilon, c.AdamEpsilon > 0, "a finite number above 0, or 0 for 1e-8"},
		{"MaxGradNorm", c.MaxGradNorm, c.MaxGradNorm == c.MaxGradNorm, "a finite number: 0 for 1, below 0 for no limit"},
		{"LabelSmoothingFactor", c.LabelSmoothingFactor, c.LabelSmoothingFactor >= 0 && c.LabelSmoothingFactor < 1,
			"at least 0 and below 1"},
		{"WarmupRatio", c.WarmupRatio, c.WarmupRatio >= 0 && c.WarmupRatio <= 1, "0 to 1"},
		{"Power", c.Power, c.Power > 0, "a finite number above 0, or 0 for 1"},
		{"LayerDecay", c.LayerDecay, c.LayerDecay > 0 && c.LayerDecay <= 1, "above 0 and at most 1, or 0 for 1"},
		{"EarlyStoppingThreshold", c.EarlyStoppingThreshold, c.EarlyStoppingThreshold >= 0, "a finite number of at least 0"},
	} {
		// NaN passes no comparison and so is never ok.
		if !f.ok || !finite(f.value) {
			return fmt.Errorf("%s is %v, want %s", f.name, f.value, f.want)
		}
	}
	for _, f := range []struct {
		name  string
		value int
		low   int
		want  string
	}{
		{"BatchSize", c.BatchSize, 1, "at least 1, or 0 for 8"},
		{"GradientAccumulationSteps", c.GradientAccumulationSteps, 1, "at least 1, or 0 for 1"},
		{"Epochs", c.Epochs, 1, "at least 1, or 0 for 3"},
		{"WarmupSteps", c.WarmupSteps, 0, "at least 0"},
		{"Timescale", c.Timescale, 0, "at least 1, or 0 for the steps of the warmup"},
		{"Patience", c.Patience, 1, "at least 1, or 0 for no early stopping"},
	} {
		if f.value < f.low {
			return fmt.Errorf("%s is %d, want %s", f.name, f.value, f.want)
		}
	}
	if err := c.Schedule.Check(); err != nil {
		return err
	}
	// LREnd matters to one schedule only.
	if c.Schedule == Polynomial && !(c.LREnd >= 0 && c.LREnd < c.LearningRate) {
		return fmt.Errorf("LREnd is %v, want at least 0 and below LearningRate, %v", c.LREnd, c.LearningRate)
	}
	if err := c.Metric.Check(); err != nil {
		return err
	}
	// Weights of 0 leave a class out of the loss, which is allowed.
	bad := func(w float64) bool { return !(w >= 0) || !finite(w) }
	if i := slices.IndexFunc(c.ClassWeights, bad); i >= 0 {
		return fmt.Errorf("ClassWeights[%d] is %v, want a finite number of at least 0", i, c.ClassWeights[i])
	}
	return nil
}
