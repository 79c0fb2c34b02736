package train

import (
	"fmt"
	"math"
	"slices"
)

// A Schedule says how the learning rate goes after the warmup.
type Schedule string

// The schedules, named as in Hugging Face's TrainingArguments.lr_scheduler_type.
// Its constant has no warmup; here both names mean constant_with_warmup, which
// is the same for a warmup of 0.
const (
	Constant           Schedule = "constant" // stays at the peak
	ConstantWithWarmup Schedule = "constant_with_warmup"
	Linear             Schedule = "linear"       // falls to 0 in a straight line
	Cosine             Schedule = "cosine"       // falls to 0 along half a cosine
	Polynomial         Schedule = "polynomial"   // falls to LREnd as a power of the way that is left
	InverseSqrt        Schedule = "inverse_sqrt" // falls as one over the root of the steps
)

// schedules are all of them.
func schedules() []Schedule {
	return []Schedule{Constant, ConstantWithWarmup, Linear, Cosine, Polynomial, InverseSqrt}
}

// Check returns an error if s is none of the schedules.
func (s Schedule) Check() error {
	if !slices.Contains(schedules(), s) {
		return fmt.Errorf("schedule is %q, want one of %q", s, schedules())
	}
	return nil
}

// Rate returns the learning rate in a step, counted from 0, of total steps,
// for a Config without errors. In the WarmupSteps, or the first
// ⌈WarmupRatio·total⌉, it rises in a straight line from 0, its value in step 0.
// The schedules that fall to an end would reach it in step total, which is one
// after the last.
func (c Config) Rate(step, total int) float64 {
	c = c.withDefaults()
	return c.LearningRate * c.factor(step, total)
}

// factor is what the peak learning rate is multiplied by; c has its defaults.
func (c Config) factor(step, total int) float64 {
	w := c.WarmupSteps
	if w == 0 {
		w = int(math.Ceil(c.WarmupRatio * float64(total)))
	}
	if step < w {
		return float64(step) / float64(w)
	}
	// How far the way after the warmup is gone. max is for a warmup of all the
	// steps.
	progress := float64(step-w) / float64(max(total-w, 1))
	switch c.Schedule {
	case Linear:
		return 1 - progress
	case Cosine:
		return (1 + math.Cos(math.Pi*progress)) / 2
	case Polynomial:
		return ((c.LearningRate-c.LREnd)*math.Pow(1-progress, c.Power) + c.LREnd) / c.LearningRate
	case InverseSqrt:
		scale := or(c.Timescale, or(w, 10_000))
		return 1 / math.Sqrt(float64(step-w+scale)/float64(scale))
	}
	return 1
}
