package optuna

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// FailSilent fails every RUNNING trial that has not changed for the given time, until ctx ends, and
// queues a copy if o.Policy is Retry, at most o.Limit times. It leaves trials with a lease alone,
// which end by themselves.
//
// Optuna's protocol has no heartbeats, so silence is all that a dead client shows. The time must be
// longer than a client that lives is silent: it must report within it, or set an attribute.
// Heartbeats that Optuna's workers write to a database do not count. It is measured from the start
// of FailSilent or later, so a restart of the server only postpones a failure.
func FailSilent(ctx context.Context, s storage.Viewer, log *slog.Logger, after time.Duration, o storage.Orphans) error {
	watched := map[int64]*watch{} // by study
	ticker := time.NewTicker(max(after/8, time.Millisecond))
	defer ticker.Stop()
	for {
		all, err := s.Studies(ctx)
		if err != nil && ctx.Err() == nil {
			log.ErrorContext(ctx, "looking for silent clients of Optuna", "err", err)
		}
		next := map[int64]*watch{}
		for _, study := range all {
			w := watched[study.ID]
			if w == nil {
				w = &watch{study: study, running: map[int]*lastSeen{}}
			}
			next[study.ID] = w
			if err := w.look(ctx, s, log, after, o); err != nil && ctx.Err() == nil && !errors.Is(err, storage.ErrNotExist) {
				log.ErrorContext(ctx, "looking for silent clients of Optuna", "study", study.Name, "err", err)
			}
		}
		if err == nil {
			watched = next
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// A watch follows the running trials of a study.
type watch struct {
	study    storage.Study
	revision int64
	running  map[int]*lastSeen
}

type lastSeen struct {
	trial *trial.Trial
	at    time.Time
}

func (w *watch) look(ctx context.Context, s storage.Viewer, log *slog.Logger, after time.Duration, o storage.Orphans) error {
	for {
		c, err := s.Some(ctx, w.study.ID, w.revision, part, false)
		if err != nil {
			return err
		}
		for _, t := range c.Trials {
			delete(w.running, t.Number)
			if t.State == trial.Running {
				w.running[t.Number] = &lastSeen{t, time.Now()}
			}
		}
		w.revision = c.Revision
		if len(c.Trials) == 0 {
			break
		}
	}
	if len(w.running) == 0 {
		return nil
	}
	leased, err := s.Workers(ctx, w.study.ID)
	if err != nil {
		return err
	}
	for number, seen := range w.running {
		if _, ok := leased[number]; ok || time.Since(seen.at) < after {
			continue
		}
		failed, retry := o.Abandon(seen.trial, 0)
		// Without the reports, which a copy does not have either.
		switch err := s.Write(ctx, w.study.ID, number, failed); {
		case errors.Is(err, storage.ErrFinished), errors.Is(err, storage.ErrLost):
			continue
		case err != nil:
			return err
		}
		log.WarnContext(ctx, "a trial failed because its client was silent", "study", w.study.Name, "trial", number,
			"for", time.Since(seen.at).Round(time.Second).String())
		if retry != nil {
			if _, err := s.Add(ctx, w.study.ID, retry); err != nil {
				return err
			}
		}
	}
	return nil
}
