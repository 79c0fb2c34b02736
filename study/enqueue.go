package study

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Enqueue queues a trial with the given parameters, in external form, and returns its number. Other
// parameters will be drawn. The values are checked when the objective suggests them: the trial
// fails if one is out of range.
func (s *Study) Enqueue(ctx context.Context, params map[string]any) (number int, err error) {
	return s.enqueue(ctx, params, -1)
}

// EnqueueFirst is Enqueue if the study has no trial yet, and reports whether it queued one. If
// several programs call it at once, only one does.
func (s *Study) EnqueueFirst(ctx context.Context, params map[string]any) (bool, error) {
	_, err := s.enqueue(ctx, params, 0)
	if errors.Is(err, storage.ErrExist) {
		return false, nil
	}
	return err == nil, err
}

// EnqueueOnce is Enqueue, unless the study has a trial with the same parameters in any state. It
// returns the number of that trial, or of the new one, and whether it is new. Two programs that
// call it at the same moment may both queue one.
func (s *Study) EnqueueOnce(ctx context.Context, params map[string]any) (number int, added bool, err error) {
	trials, err := s.Trials(ctx)
	if err != nil {
		return 0, false, err
	}
	text, err := fixed(params)
	if err != nil {
		return 0, false, err
	}
	for _, t := range trials {
		if bytes.Equal(t.SystemAttrs[sysattr.FixedParams], text) || hasParams(t, params) {
			return t.Number, false, nil
		}
	}
	number, err = s.enqueue(ctx, params, -1)
	return number, err == nil, err
}

func (s *Study) enqueue(ctx context.Context, params map[string]any, number int) (int, error) {
	text, err := fixed(params)
	if err != nil {
		return 0, err
	}
	number, err = s.cfg.Storage.Add(ctx, s.record.ID, &trial.Trial{
		Number: number, State: trial.Waiting, SystemAttrs: map[string]json.RawMessage{sysattr.FixedParams: text},
	})
	if err != nil {
		return 0, fmt.Errorf("enqueue: %w", err)
	}
	return number, nil
}

// fixed returns the JSON of the parameters of a queued trial.
func fixed(params map[string]any) ([]byte, error) {
	for name := range params {
		if err := storage.CheckName("parameter name", name); err != nil {
			return nil, err
		}
	}
	text, err := pyjson.Marshal(params)
	if err != nil {
		return nil, fmt.Errorf("enqueue %v: %w, want nil, true, false, a number or a string", params, err)
	}
	return text, nil
}

// hasParams reports whether a trial has exactly these parameters, in external form.
func hasParams(t *trial.Trial, params map[string]any) bool {
	if len(t.Params) != len(params) {
		return false
	}
	for _, p := range t.Params {
		v, ok := params[p.Name]
		if !ok {
			return false
		}
		if x, err := p.Dist.Internal(v); err != nil || x != p.Value {
			return false
		}
	}
	return true
}

// retry queues a repetition of a failed trial, unless that has been repeated often enough. If the
// process is killed between the end of the trial and this call, the trial is not repeated.
func (s *Study) retry(ctx context.Context, t *trial.Trial, retries int) error {
	if retries == 0 {
		return nil
	}
	_, again := storage.Orphans{Policy: storage.Retry, Limit: retries}.Abandon(t, 0)
	if again == nil {
		return nil
	}
	if _, err := s.cfg.Storage.Add(ctx, s.record.ID, again); err != nil {
		return fmt.Errorf("retry trial %d: %w", t.Number, err)
	}
	return nil
}
