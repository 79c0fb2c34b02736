package study

import (
	"fmt"

	"github.com/bluefin-hpo/bluefin/space"
)

// compatible says what a parameter of an earlier trial may be now.
func compatible(known space.Dist) string {
	if _, ok := known.(space.Categorical); ok {
		return fmt.Sprintf("%v, with new choices only after these, or another parameter name", known)
	}
	return fmt.Sprintf("a range of the kind and scale of %v, or another parameter name", known)
}

// A setupError is a mistake in the objective's ranges or in the settings of the
// sampler or pruner. The next trial would repeat it, so it ends Optimize.
type setupError struct{ error }

func (e setupError) Unwrap() error { return e.error }
