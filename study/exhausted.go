package study

import (
	"context"
	"math"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Exhausted reports whether the sampler has nothing left to try: it is a sampler.FiniteSampler, and
// each of its combinations has been tried or is running. A further trial would repeat one.
func (s *Study) Exhausted(ctx context.Context) (bool, error) {
	f, ok := s.cfg.Sampler.(sampler.FiniteSampler)
	if !ok {
		return false, nil
	}
	h, err := s.sync(ctx)
	s.mu.Lock()
	paused := s.pausedTrials()
	s.mu.Unlock()
	return err == nil && f.Left(withTried(h, paused)) == 0, err
}

// limit returns the total number of trials that the study may start, 0 for no limit: that of the
// budget, or fewer if the sampler has fewer left to try. Queued trials start in any case.
func (r *run) limit(ctx context.Context) (trials int, fewer bool, err error) {
	f, ok := r.study.cfg.Sampler.(sampler.FiniteSampler)
	if !ok {
		return r.budget.Trials, false, nil
	}
	h, err := r.study.sync(ctx)
	if err != nil {
		return 0, false, err
	}
	r.study.mu.Lock()
	paused := r.study.pausedTrials()
	r.study.mu.Unlock()
	left, begun := f.Left(withTried(h, paused)), len(h.Finished())+len(h.Running())+len(paused)
	if left == 0 { // queued trials run although the sampler has nothing to draw
		left = r.study.waiting()
	}
	trials = max(begun+min(left, math.MaxInt-begun), 1) // 0 means no limit
	if r.budget.Trials > 0 && r.budget.Trials <= trials {
		return r.budget.Trials, false, nil
	}
	return trials, true, nil
}

// waiting returns the length of the queue.
func (s *Study) waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, t := range s.log.Trials() {
		if t.State == trial.Waiting && !t.Paused() {
			n++
		}
	}
	return n
}
