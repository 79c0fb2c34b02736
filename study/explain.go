package study

import (
	"context"
	"errors"
	"fmt"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Explain returns what this study's sampler knew when a trial started, and how it rates the
// trial's parameters. It says how the trial was drawn only if the same sampler, pruner and seed drew
// it, which Replay checks. The error matches errors.ErrUnsupported if the sampler is no
// sampler.Explainer.
func (s *Study) Explain(ctx context.Context, number int) (sampler.Explanation, error) {
	e, ok := s.cfg.Sampler.(sampler.Explainer)
	if !ok {
		return sampler.Explanation{}, fmt.Errorf("explain trial %d: %T: %w", number, s.cfg.Sampler, errors.ErrUnsupported)
	}
	t, record, err := s.rewound(ctx, number)
	if err != nil {
		return sampler.Explanation{}, fmt.Errorf("explain trial %d: %w", number, err)
	}
	defer t.cancel(nil)
	t.record.now.Params = record.Params
	return e.Explain(t.request(""))
}

// rewound returns a trial as it was when it started, without parameters, and its record. The caller
// cancels it.
func (s *Study) rewound(ctx context.Context, number int) (*Trial, *trial.Trial, error) {
	h, err := s.sync(ctx)
	if err != nil {
		return nil, nil, err
	}
	record, ok := s.lookup(number)
	if !ok {
		return nil, nil, fmt.Errorf("%w in study %q", storage.ErrNotExist, s.Name())
	}
	blank := *record
	blank.State, blank.Params, blank.Joint, blank.Values = trial.Running, nil, nil, nil
	past, beside := s.past(record, h)
	return newTrial(ctx, s, storage.Lease{}, &blank, past, beside), record, nil
}
