package train

import (
	"fmt"
	"math"
	"slices"
)

// A Schedule says how the learning rate goes after the warmup.
type Schedule string

// The schedules, named as in Hugging Face's TrainingArguments.lr_scheduler_type.
// Its constant has no warmup; here constant does what constant_with_warmup does
// there, which is the same for a warmup of 0.
const (
	Constant Schedule = "constant" // stays at the peak
	Linear   Schedule = "linear"   // falls to 0 in a straight line
	Cosine   Schedule = "cosine"   // falls to 0 along half a cosine
)

// Schedules are all of them.
func Schedules() []Schedule { return []Schedule{Constant, Linear, Cosine} }

// Check returns an error if s is none of the schedules.
func (s Schedule) Check() error {
	if !slices.Contains(Schedules(), s) {
		return fmt.Errorf("schedule is %q, want one of %q", s, Schedules())
	}
	return nil
}

// Factor is what the peak learning rate is multiplied by in a step, counted
// from 0, of total steps. In the first ⌈warmup·total⌉ steps it rises in a
// straight line from 0, its value in step 0. The linear and the cosine
// schedule would reach 0 in step total, which is one after the last.
func (s Schedule) Factor(step, total int, warmup float64) float64 {
	w := int(math.Ceil(warmup * float64(total)))
	if step < w {
		return float64(step) / float64(w)
	}
	// How far the way after the warmup is gone. max is for a warmup of all the
	// steps.
	progress := float64(step-w) / float64(max(total-w, 1))
	switch s {
	case Linear:
		return 1 - progress
	case Cosine:
		return (1 + math.Cos(math.Pi*progress)) / 2
	}
	return 1
}
