package study

import (
	"context"
	"time"

	"github.com/bluefin-hpo/bluefin/trial"
)

// Stop makes the calls of Optimize that are running return once their running
// trials have ended. It may be called from a hook or an objective.
func (s *Study) Stop() { s.stops.Add(1) }

// enough reports whether no more trials may start, for a reason other than their
// number.
func (r *run) enough(ctx context.Context) (bool, error) {
	b := r.budget
	switch {
	case r.study.stops.Load() != r.stops, b.Timeout > 0 && time.Since(r.start) >= b.Timeout:
		return true, nil
	case b.Target == nil && b.NoImprovement == 0:
		return false, nil
	}
	h, err := r.study.sync(ctx)
	if err != nil {
		return false, err
	}
	best, ok := h.Best()
	if ok && b.Target != nil && !h.Directions()[0].Better(*b.Target, best.Values[0]) {
		return true, nil
	}
	return b.NoImprovement > 0 && stale(h, best, b.NoImprovement), nil
}

// stale reports whether n trials have ended, complete or pruned, since the best
// one.
func stale(h trial.History, best *trial.Trial, n int) bool {
	finished := h.Finished()
	for i := len(finished) - 1; i >= 0 && finished[i] != best && n > 0; i-- {
		if finished[i].State != trial.Failed {
			n--
		}
	}
	return n == 0
}
