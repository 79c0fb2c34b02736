package study

import (
	"context"
	"errors"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
)

// Fixed returns a trial whose suggestions return the given parameters, in external form, for
// testing an objective. It belongs to a study of its own and is never pruned. A parameter that is
// not given, or whose range does not contain the value, is an error of the trial: check
// Trial.Err after the objective, which may return without an error all the same.
func Fixed(params map[string]any) *Trial {
	ctx := context.Background()
	// The lease is never renewed, so a trial that no test ends costs nothing in the background.
	s, err := Open(ctx, Config{Sampler: noSampler{}, Lease: 1 << 62})
	if err == nil {
		_, err = s.Enqueue(ctx, params)
	}
	t, askErr := s.Ask(ctx) // a study in memory does not fail
	if err = errors.Join(err, askErr); err != nil {
		t.fail(err)
	}
	return t
}

// A noSampler draws nothing, because all parameters are fixed.
type noSampler struct{}

func (noSampler) Sample(sampler.Request, string, space.Dist) (float64, error) {
	return 0, errors.New("the fixed parameters do not have it")
}
