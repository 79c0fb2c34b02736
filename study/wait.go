package study

import (
	"context"
	"time"

	"github.com/bluefin-hpo/bluefin/storage"
)

// A waiter waits for running trials when a worker may not start more.
type waiter struct {
	run      *run
	pause    time.Duration // before the next look at trials of this process; grows
	patience time.Time     // when to stop waiting for workers that may be gone; zero: not waiting
}

// wait waits a little and returns true if the worker should ask for a trial again: the running
// trials may show the sampler more to try (fewer, as from limit), or those of other workers may
// turn out to be orphans.
func (w *waiter) wait(ctx context.Context, used *storage.BudgetError, fewer bool) bool {
	study, lease := w.run.study, w.run.study.cfg.Lease
	own := study.running()
	if fewer && own > 0 {
		study.await(ctx, w.pause)
		w.pause, w.patience = min(2*w.pause, time.Second), time.Time{}
		return true
	}
	w.pause = saveDelay
	// Within one lease, those of workers that are gone expire; live ones are renewed.
	others := used.Leased - own
	if others > 0 && study.cfg.Scheduler != nil && study.slices() > own { // they pause, and then there may be one to resume
		sleep(ctx, min(lease/20, time.Second))
		return true
	}
	if others <= 0 || !w.patience.IsZero() && time.Now().After(w.patience) {
		return false
	}
	if w.patience.IsZero() {
		w.patience = time.Now().Add(lease)
	}
	if left := time.Until(w.patience).Round(time.Second); left < lease-time.Second {
		w.run.waiting.Do(func() {
			study.cfg.Logger.Info("waiting for trials of other workers, in case one is gone",
				"trials", others, "at most", left)
		})
	}
	sleep(ctx, min(lease/20, time.Second))
	return true
}

// slices counts the running trials that are to pause.
func (s *Study) slices() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.log.History().Running() {
		if until(t) > 0 {
			n++
		}
	}
	return n
}

// await returns when a trial of this Study ends, after d, or when ctx ends.
func (s *Study) await(ctx context.Context, d time.Duration) {
	s.mu.Lock()
	if s.ending == nil {
		s.ending = make(chan struct{})
	}
	ending := s.ending
	s.mu.Unlock()
	select {
	case <-ending:
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// sleep returns after d, or when ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
