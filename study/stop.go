package study

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// glance is how often a running call of Optimize looks whether other programs have stopped it, and a
// live trial whether others have ended it.
const glance = 2 * time.Second

// Stop makes the running calls of Optimize return, with a nil error, once their running trials have
// ended. Hooks and objectives may call it.
func (s *Study) Stop() { s.stops.Add(1) }

// StopAll is Stop for the calls of Optimize in all programs that share the storage. They notice it
// within some seconds. Calls that start later are not affected, so the study can resume at any time.
func (s *Study) StopAll(ctx context.Context) error {
	text, _ := json.Marshal(time.Now().UTC().Format(time.RFC3339Nano)) // a string always marshals
	u := storage.StudyUpdate{SystemAttrs: map[string]json.RawMessage{sysattr.Stop: text}}
	if err := s.cfg.Storage.WriteStudy(ctx, s.record.ID, u); err != nil {
		return fmt.Errorf("stop study %q: %w", s.Name(), err)
	}
	return nil
}

// Stopped reports whether the last call of Optimize ended because of Stop or StopAll.
func (s *Study) Stopped() bool { return s.stopped.Load() }

// StopTrial ends a running trial of any program as Pruned, with its last report as the value. Its
// worker notices within some seconds: the trial's context ends, with a cause that matches ErrPruned.
// StopTrial fails as ReportNumber does.
func (s *Study) StopTrial(ctx context.Context, number int) (*trial.Trial, error) {
	t, err := s.endNumber(ctx, number, storage.Update{State: trial.Pruned})
	if err != nil {
		return nil, fmt.Errorf("stop: %w", err)
	}
	return t, nil
}

// An endedError is the error of writing to a trial that another program has ended. The objective
// should return, as if the trial were pruned.
type endedError struct{ err error }

// Error implements error.
func (endedError) Error() string { return "another program has ended the trial" }

// Unwrap returns ErrPruned and the error of the storage.
func (e endedError) Unwrap() []error { return []error{ErrPruned, e.err} }

// follow sets r.stopped once another program has called StopAll. The function that it returns ends
// that, and waits for it. A look costs one read of the study's attributes, however fast trials are.
func (r *run) follow(ctx context.Context) (end func(), err error) {
	r.study.stopped.Store(false)
	before, err := r.study.stopMark(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil && !r.stopped.Load() {
			sleep(ctx, glance)
			// A study that is gone ends the trials by itself.
			if now, err := r.study.stopMark(ctx); err == nil && now != before {
				r.study.cfg.Logger.Info("another program has stopped the study: running trials end first")
				r.stopped.Store(true)
			}
		}
	}()
	return func() { cancel(); <-done }, nil
}

// stopMark returns the text that the last StopAll has left, or "".
func (s *Study) stopMark(ctx context.Context) (string, error) {
	record, err := s.cfg.Storage.Load(ctx, s.record.Name)
	return string(record.SystemAttrs[sysattr.Stop]), err
}
