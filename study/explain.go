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
	e, err := s.explainer()
	if err != nil {
		return sampler.Explanation{}, err
	}
	t, record, err := s.rewound(ctx, number)
	if err != nil {
		return sampler.Explanation{}, fmt.Errorf("explain trial %d: %w", number, err)
	}
	return explain(e, t, record.Params)
}

// ExplainNext is Explain for a trial that would start now with the given parameters, perhaps none:
// it rates them before they are tried.
func (s *Study) ExplainNext(ctx context.Context, params []trial.Param) (sampler.Explanation, error) {
	e, err := s.explainer()
	if err != nil {
		return sampler.Explanation{}, err
	}
	h, split, err := s.syncSplit(ctx)
	if err != nil {
		return sampler.Explanation{}, err
	}
	s.mu.Lock()
	record := trial.Trial{Number: len(s.log.Trials()), Seen: len(h.Finished())}
	s.mu.Unlock()
	beside := split.beside(record.Number, h.Running())
	return explain(e, newTrial(ctx, s, storage.Lease{}, &record, split.of(record.Number), beside), params)
}

// explainer returns the sampler.
func (s *Study) explainer() (sampler.Explainer, error) {
	e, ok := s.cfg.Sampler.(sampler.Explainer)
	if !ok {
		return nil, fmt.Errorf("explain a draw of %T: %w", s.cfg.Sampler, errors.ErrUnsupported)
	}
	return e, nil
}

// explain asks about t with the given parameters, and ends it.
func explain(e sampler.Explainer, t *Trial, params []trial.Param) (sampler.Explanation, error) {
	defer t.cancel(nil)
	t.record.now.Params = params
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
