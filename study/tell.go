package study

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Tell ends a trial from Ask as Complete with the given values, one per objective, and returns its
// record. If a value is NaN or a suggestion failed, the trial is Failed, and the reason is saved.
//
// Tell fails with storage.ErrLost or storage.ErrFinished if another worker now runs the trial or
// has ended it. If the number of values is wrong, the trial keeps running and can be told again.
func (s *Study) Tell(ctx context.Context, t *Trial, values ...float64) (*trial.Trial, error) {
	return s.tell(ctx, t, values, nil)
}

// TellError ends a trial from Ask without a value and returns its record. If err matches ErrPruned
// or ErrInfeasible, the trial is Pruned, with its last report as the value. Otherwise it is Failed,
// and the text of err is saved. If err matches ErrPaused, the trial waits to be resumed; it fails if it
// has no checkpoint of its last report. TellError fails as Tell does, and if err is nil.
func (s *Study) TellError(ctx context.Context, t *Trial, err error) (*trial.Trial, error) {
	if err == nil {
		return nil, fmt.Errorf("tell: trial %d: the error is nil", t.Number())
	}
	return s.tell(ctx, t, nil, err)
}

// tell ends a trial as its objective did. It may be called again after an error of the storage.
func (s *Study) tell(ctx context.Context, t *Trial, values []float64, err error) (*trial.Trial, error) {
	if err == nil && t.Err() == nil && len(values) != len(s.record.Directions) {
		return nil, fmt.Errorf("tell: trial %d: %d values, want %d", t.Number(), len(values), len(s.record.Directions))
	}
	u := outcome(t, values, err)
	if err := t.write(ctx, u); err != nil {
		if errors.Is(err, storage.ErrLost) || errors.Is(err, storage.ErrFinished) {
			s.forget(t)
		}
		return nil, fmt.Errorf("tell: %w", err)
	}
	return s.ended(ctx, t, u), nil
}

// outcome returns the update that ends a trial whose objective returned values and err.
func outcome(t *Trial, values []float64, err error) storage.Update {
	if sticky := t.Err(); sticky != nil {
		err = sticky
	}
	switch {
	case errors.Is(err, ErrInfeasible):
		u := failed(err)
		u.State, u.Values = trial.Pruned, prunedValues(t.record.load())
		u.Constraints = map[string]float64{sysattr.Infeasible: 1}
		return u
	case errors.Is(err, ErrPaused):
		return paused(t)
	case errors.Is(err, ErrPruned):
		return storage.Update{State: trial.Pruned, Values: prunedValues(t.record.load())}
	case err != nil:
		return failed(err)
	case slices.ContainsFunc(values, math.IsNaN):
		return failed(errors.New("the value is NaN, want a number"))
	}
	return storage.Update{State: trial.Complete, Values: values}
}

// failed returns the update of a trial that failed with err.
func failed(err error) storage.Update {
	reason, _ := json.Marshal(err.Error()) // a string never fails
	return storage.Update{State: trial.Failed, SystemAttrs: map[string]json.RawMessage{sysattr.Failure: reason}}
}

// prunedValues returns the last report, or nil if there is none or it is NaN.
func prunedValues(t *trial.Trial) []float64 {
	if r, ok := t.LastReport(); ok && !math.IsNaN(r.Value) {
		return []float64{r.Value}
	}
	return nil
}
