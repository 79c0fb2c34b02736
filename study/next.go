package study

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study/schedule"
	"github.com/bluefin-hpo/bluefin/trial"
)

// inOrder is the scheduler of a search that has none and a budget of steps: the trials that paused when an
// earlier one was used up come first, and each trial runs to its end.
type inOrder struct{}

// Next implements schedule.Scheduler.
func (inOrder) Next(v schedule.View) (schedule.Slice, error) {
	switch {
	case len(v.Paused) > 0:
		return schedule.Slice{Number: v.Paused[0].Number}, nil
	case v.New:
		return schedule.Slice{Number: schedule.Start}, nil
	}
	return schedule.Slice{Number: schedule.Wait}, nil
}

// onlyQueue is the scheduler of repetitions, which leaves paused trials alone.
type onlyQueue struct{}

// Next implements schedule.Scheduler.
func (onlyQueue) Next(v schedule.View) (schedule.Slice, error) {
	if v.New {
		return schedule.Slice{Number: schedule.Start}, nil
	}
	return schedule.Slice{Number: schedule.Wait}, nil
}

// next starts what the scheduler chooses, or fails with a *storage.BudgetError if it waits. Choosing
// and claiming are one step for the trials of this process. Another process may be faster: then the
// scheduler is asked again.
func (s *Study) next(
	ctx context.Context, c storage.Claim, by schedule.Scheduler, used func() bool,
) (*Trial, error) {
	s.scheduling.Lock()
	defer s.scheduling.Unlock()
	full := false
	for {
		if _, err := s.sync(ctx); err != nil {
			return nil, err
		}
		v, queued := s.view(c.Budget, full)
		slice, err := by.Next(v)
		if err == nil {
			err = check(slice, v, queued)
		}
		if err != nil {
			return nil, fmt.Errorf("the scheduler: %w", err)
		}
		claim := c
		claim.Slice = &storage.Slice{Number: max(slice.Number, schedule.Start), Until: slice.Until}
		if slice.Number == schedule.Wait {
			claim.Budget = 1 // which is used up: only an orphan can start
		}
		t, err := s.claim(ctx, claim, used)
		switch {
		case errors.Is(err, storage.ErrChanged):
			continue
		case errors.Is(err, storage.ErrBudget) && slice.Number == schedule.Start && !full:
			full = true // another process has started the last one: perhaps there is one to resume
			continue
		case err != nil:
			var used *storage.BudgetError
			if errors.As(err, &used) {
				used.Budget = c.Budget // not that of the claim
				err = fmt.Errorf("start a trial: %w", used)
			}
			return nil, err
		}
		if last, ok := t.record.load().LastReport(); ok && t.slice.until > 0 && last.Step >= t.slice.until {
			// Its worker ended after the checkpoint at which it should have paused.
			err := t.write(ctx, pause(t.record.load(), time.Time{}))
			s.forget(t)
			if err != nil && !isGone(err) {
				return nil, err
			}
			continue
		}
		t.start(slice.Params)
		return t, nil
	}
}

// view returns what the scheduler sees, and whether a queued trial starts next: for that, nothing is
// paused, so it chooses the slice of a new one.
func (s *Study) view(budget int, full bool) (v schedule.View, queued bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putLive()
	v.History, v.Paused = s.log.History(), s.pausedTrials()
	begun, steps := 0, 0
	for _, t := range s.log.Trials() {
		steps += t.Steps()
		if t.State == trial.Waiting && !t.Paused() {
			queued = true
		} else {
			begun++
		}
	}
	v.New = !full && (budget <= 0 || begun < budget)
	if queued = queued && v.New; queued {
		v.Paused = nil
	}
	if t, ok := v.History.FirstReported(); ok {
		last, _ := t.LastReport()
		v.Most = last.Step
	}
	s1, s2 := random(s.cfg.Seed, begun, fmt.Sprint("schedule ", steps))
	v.Rand = rand.New(rand.NewPCG(s1, s2))
	return v, queued
}

// check returns an error if the slice is none that the view allows.
func check(slice schedule.Slice, v schedule.View, queued bool) error {
	i := slices.IndexFunc(v.Paused, func(t *trial.Trial) bool { return t.Number == slice.Number })
	switch {
	case slice.Until < 0:
		return fmt.Errorf("the end of a slice is step %d, want at least 0", slice.Until)
	case slice.Number == schedule.Wait && !queued, slice.Number == schedule.Start && v.New:
		return nil
	case slice.Number == schedule.Start:
		return errors.New("it starts a new trial, and the budget allows none")
	case i < 0:
		return fmt.Errorf("it resumes trial %d, which is not paused", slice.Number)
	}
	if last, _ := v.Paused[i].LastReport(); slice.Until > 0 && slice.Until <= last.Step {
		return fmt.Errorf("it resumes trial %d until step %d, and the trial paused at step %d",
			slice.Number, slice.Until, last.Step)
	}
	return nil
}

// steps returns how many steps the trials of the study have reported in total.
func (s *Study) steps() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putLive()
	for _, t := range s.log.Trials() {
		n += t.Steps()
	}
	return n
}
