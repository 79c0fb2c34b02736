package study

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Best returns the best complete and feasible trial of a study with one objective, or fails with
// ErrNoBest. If some trials have been repeated, it is the first of Repeated.
func (s *Study) Best(ctx context.Context) (*trial.Trial, error) {
	if n := len(s.record.Directions); n > 1 {
		return nil, fmt.Errorf("study %q has %d objectives and so no single best trial, use BestTrials", s.Name(), n)
	}
	if s.repeated.Load() {
		if all, err := s.Repeated(ctx); err != nil || len(all) > 0 {
			if err != nil {
				return nil, err
			}
			return all[0].Trial, nil
		}
	}
	s.mu.Lock()
	unread := s.revision == 0
	s.mu.Unlock()
	if unread { // reading one trial is cheaper than reading all
		best, err := s.cfg.Storage.Best(ctx, s.record.ID)
		if !errors.Is(err, storage.ErrNotExist) { // then read all to say why
			return best, err
		}
	}
	h, err := s.sync(ctx)
	if err != nil {
		return nil, err
	}
	best, ok := h.Best()
	if !ok {
		return nil, noBest(h)
	}
	return best, nil
}

// noBest explains why a history has no best trial.
func noBest(h trial.History) error {
	if len(h.Finished()) == 0 {
		return fmt.Errorf("%w: none has finished", ErrNoBest)
	}
	var counts [trial.Waiting + 1]int
	infeasible, reason := 0, ""
	for _, t := range h.Finished() {
		if t.Violation() > 0 {
			infeasible++
		} else {
			counts[t.State]++
		}
		if t.Failure() != "" {
			line, _, _ := strings.Cut(t.Failure(), "\n") // a panic has its stack below
			reason = fmt.Sprintf(", trial %d because: %s", t.Number, line)
		}
	}
	return fmt.Errorf("%w: %d infeasible, %d pruned, %d failed%s",
		ErrNoBest, infeasible, counts[trial.Pruned], counts[trial.Failed], reason)
}

// BestTrials returns the Pareto front, by number: the complete and feasible trials that no other
// one dominates.
func (s *Study) BestTrials(ctx context.Context) ([]*trial.Trial, error) {
	h, err := s.sync(ctx)
	return h.ParetoFront(), err
}

// Minimize runs f for the given number of trials with the default sampler, in memory, and returns
// the trial with the lowest value. Every call draws the same parameters: Open a study with
// another Config.Seed for others, and for anything more.
func Minimize(ctx context.Context, f Objective, trials int) (*trial.Trial, error) {
	return search(ctx, trial.Minimize, f, trials)
}

// Maximize is Minimize for the highest value.
func Maximize(ctx context.Context, f Objective, trials int) (*trial.Trial, error) {
	return search(ctx, trial.Maximize, f, trials)
}

// search is Minimize or Maximize.
func search(ctx context.Context, d trial.Direction, f Objective, trials int) (*trial.Trial, error) {
	if trials < 1 {
		return nil, fmt.Errorf("number of trials is %d, want at least 1", trials)
	}
	s, err := Open(ctx, Config{Directions: []trial.Direction{d}})
	if err != nil {
		return nil, err
	}
	if err := s.Optimize(ctx, f, Budget{Trials: trials}); err != nil {
		return nil, err
	}
	return s.Best(ctx)
}
