package train

import (
	"fmt"
	"math"
	"slices"
)

// A Schedule is the course of the learning rate after the warmup.
type Schedule string

// The schedules, named as in Hugging Face's TrainingArguments.lr_scheduler_type. Constant there
// ignores the warmup; here both names mean constant_with_warmup.
const (
	Constant           Schedule = "constant" // stays at the peak
	ConstantWithWarmup Schedule = "constant_with_warmup"
	Linear             Schedule = "linear"       // falls to 0 linearly
	Cosine             Schedule = "cosine"       // falls to 0 along half a cosine
	Polynomial         Schedule = "polynomial"   // falls to LREnd as a power of the remaining share
	InverseSqrt        Schedule = "inverse_sqrt" // falls as 1/√steps
)

// schedules returns all schedules.
func schedules() []Schedule {
	return []Schedule{Constant, ConstantWithWarmup, Linear, Cosine, Polynomial, InverseSqrt}
}

// Check returns an error if s is not one of the schedules.
func (s Schedule) Check() error {
	if !slices.Contains(schedules(), s) {
		return fmt.Errorf("schedule is %q, want one of %q", s, schedules())
	}
	return nil
}

// rate returns the learning rate of a step, counted from 0, out of total steps; c has its defaults.
// It rises linearly from 0 in the first WarmupSteps or ⌈WarmupRatio·total⌉ steps. Falling schedules
// would reach their end in step total, one after the last.
func (c Config) rate(step, total int) float64 {
	return c.LearningRate * c.factor(step, total)
}

// factor is the learning rate relative to its peak; c has its defaults.
func (c Config) factor(step, total int) float64 {
	w := c.WarmupSteps
	if w == 0 {
		w = int(math.Ceil(c.WarmupRatio * float64(total)))
	}
	if step < w {
		// The first step has rate 0, as in Hugging Face's schedules.
		return float64(step) / float64(w)
	}
	// max is for a warmup of all steps.
	progress := float64(step-w) / float64(max(total-w, 1))
	switch c.Schedule {
	case Linear:
		return 1 - progress
	case Cosine:
		return (1 + math.Cos(math.Pi*progress)) / 2
	// Relative to the peak, because rate multiplies by it.
	case Polynomial:
		return ((c.LearningRate-c.LREnd)*math.Pow(1-progress, c.Power) + c.LREnd) / c.LearningRate
	case InverseSqrt:
		// Shifted, so the curve starts at 1 where the warmup ends.
		scale := or(c.Timescale, or(w, 10_000))
		return 1 / math.Sqrt(float64(step-w+scale)/float64(scale))
	}
	return 1
}
