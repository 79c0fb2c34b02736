package study

import (
	"fmt"

	"github.com/bluefin-hpo/bluefin/space"
)

// compatible says, for an error, how a parameter of an earlier trial may change.
func compatible(known space.Dist) string {
	if _, ok := known.(space.Categorical); ok {
		return fmt.Sprintf("%v, with new choices only after these, or another parameter name", known)
	}
	return fmt.Sprintf("a range of the kind and scale of %v, or another parameter name", known)
}

// An AbortError of an objective ends Optimize, which returns it: the next trial would fail for the
// same reason, such as a full disk. The trial returns to the queue with its parameters.
type AbortError struct{ Err error }

// Error implements error.
func (e *AbortError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *AbortError) Unwrap() error { return e.Err }

// A setupError is a mistake in the objective's ranges or in the settings of the sampler or pruner.
// It ends Optimize, because the next trial would repeat it.
type setupError struct{ error }

func (e setupError) Unwrap() error { return e.error }
