package study

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/study/schedule"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A Budget limits a call of Optimize. The zero Budget has no limit: the call runs until its context
// ends, Stop is called, or the sampler has nothing left to try.
type Budget struct {
	// Trials is the total number of trials of the study, whichever program started them and however
	// they ended. 0: no limit.
	Trials int

	// Steps is the total number of steps that the trials of the study report, whichever program runs
	// them: the sum of their last steps, each plus one if its first is 0. Then no trial starts, and
	// running ones pause at their next checkpoint, so a larger budget resumes them. One worker meets
	// it exactly if it saves a checkpoint after each report when it should; each more may exceed it
	// by one report. A trial that saves no checkpoint runs to its end. 0: no limit.
	Steps int

	// Workers is how many trials run at once. 0: one.
	Workers int

	// Timeout is how long this call may start trials. 0: no limit.
	Timeout time.Duration

	// Target is a value that is good enough: no trial starts once the best one reaches it. nil:
	// none.
	Target *float64

	// NoImprovement is how many trials in a row may end, complete or pruned, without a new best
	// one. Then no more start. 0: no limit.
	NoImprovement int

	// Noise returns by how much the value of a trial changes by luck, such as the choice of the
	// validation examples, given the best trial so far. No trial starts once another one can improve on
	// it by no more: when sampler.Regret is at most this. nil: no such limit.
	Noise func(best *trial.Trial) float64

	// Cost is how long the trials of the study may have run in total, whichever program ran them: no
	// trial starts once Cost of the finished ones has reached it. 0: no limit.
	Cost time.Duration

	// Failures is how many trials of this call may fail. One more ends the call with its error. 0:
	// no limit.
	Failures int

	// InitialFailures is how many trials of this call fail before it ends, as long as no trial of
	// the study has succeeded: the objective is most likely broken. 0: 3. Negative: no limit.
	InitialFailures int

	// Retries is how often a failed trial is repeated. A repetition is a new trial, counted in
	// Trials, with the same parameters. As in Optuna, its system attributes failed_trial and
	// retry_history name the trials that it repeats.
	Retries int

	queue bool // only queued trials run, and none that is paused
}

// initialFailures is the default of Budget.InitialFailures.
const initialFailures = 3

func (b Budget) check(objectives int) error {
	for _, field := range []struct {
		name  string
		value int
	}{
		{"Budget.Trials", b.Trials},
		{"Budget.Steps", b.Steps},
		{"Budget.Workers", b.Workers},
		{"Budget.NoImprovement", b.NoImprovement},
		{"Budget.Failures", b.Failures},
		{"Budget.Retries", b.Retries},
	} {
		if field.value < 0 {
			return fmt.Errorf("%s is %d, want at least 0", field.name, field.value)
		}
	}
	switch {
	case b.Timeout < 0:
		return fmt.Errorf("Budget.Timeout is %v, want at least 0", b.Timeout)
	case b.Cost < 0:
		return fmt.Errorf("Budget.Cost is %v, want at least 0", b.Cost)
	case b.Target != nil && math.IsNaN(*b.Target):
		return errors.New("Budget.Target is NaN, want a number")
	case objectives > 1 && (b.Target != nil || b.NoImprovement > 0 || b.Noise != nil || b.Steps > 0):
		return fmt.Errorf("Budget.Target, NoImprovement, Noise and Steps are for one objective, the study has %d", objectives)
	}
	return nil
}

// enough reports whether no more trials may start, for a reason other than their number.
func (r *run) enough(ctx context.Context) (bool, error) {
	b := r.budget
	switch {
	case r.study.stops.Load() != r.stops, r.stopped.Load():
		r.study.stopped.Store(true)
		return true, nil
	case b.Timeout > 0 && time.Since(r.start) >= b.Timeout:
		return true, nil
	case b.Target == nil && b.NoImprovement == 0 && b.Cost == 0 && b.Noise == nil && b.Steps == 0:
		return false, nil
	}
	// Only these need the history. Reading it here sees the results of other workers, too.
	h, err := r.study.sync(ctx)
	if err != nil {
		return false, err
	}
	if b.Cost > 0 && r.spent(h) >= b.Cost || b.Steps > 0 && r.study.steps() >= b.Steps {
		return true, nil
	}
	best, ok := h.Best()
	if ok && b.Target != nil && !h.Directions()[0].Better(*b.Target, best.Values[0]) {
		return true, nil
	}
	if b.NoImprovement > 0 && stale(h, best, b.NoImprovement) {
		return true, nil
	}
	return ok && b.Noise != nil && r.settled(h, b.Noise(best)), nil
}

// Cost returns how long the finished and the paused ones among some trials have run in total, from
// their starts to their ends or pauses. A trial that waited because its worker was gone counts that
// time, too.
func Cost(trials []*trial.Trial) (total time.Duration) {
	for _, t := range trials {
		switch {
		case t.Paused():
			total += t.Worked()
		case t.State.Finished() && t.End.After(t.Start) && !t.Start.IsZero():
			total += t.Duration()
		}
	}
	return total
}

// spent is the Cost of a history and the paused trials. It adds only what has finished since the last call.
func (r *run) spent(h trial.History) time.Duration {
	r.study.mu.Lock()
	paused := Cost(r.study.pausedTrials())
	r.study.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if all := h.Finished(); len(all) > r.counted {
		r.cost += Cost(all[r.counted:])
		r.counted = len(all)
	}
	return r.cost + paused
}

// settled reports whether no trial can be better than the best one by more than the noise. The bound is
// computed once for each number of finished trials.
func (r *run) settled(h trial.History, noise float64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(h.Finished()); n != r.bounded {
		r.bounded = n
		var ok bool
		if r.regret, ok = sampler.Regret(h); !ok {
			r.regret = math.Inf(1)
		}
	}
	return r.regret <= noise // false if it is NaN
}

// scheduler returns what chooses the trials of the call, nil if the storage does.
func (r *run) scheduler() schedule.Scheduler {
	switch {
	case r.budget.queue:
		return onlyQueue{}
	case r.study.cfg.Scheduler == nil && r.budget.Steps > 0:
		return inOrder{}
	}
	return r.study.cfg.Scheduler
}

// used returns a function that reports whether the steps are used up, or nil if they have no limit.
func (r *run) used(ctx context.Context) func() bool {
	if r.budget.Steps == 0 {
		return nil
	}
	return func() bool {
		_, _ = r.study.sync(ctx) // after an error, what is known decides
		return r.study.steps() >= r.budget.Steps
	}
}

// stale reports whether n trials have ended, complete or pruned, since the best one.
func stale(h trial.History, best *trial.Trial, n int) bool {
	// Counting from the end stops after n trials, however long the study is.
	finished := h.Finished()
	for i := len(finished) - 1; i >= 0 && finished[i] != best && n > 0; i-- {
		if finished[i].State != trial.Failed {
			n--
		}
	}
	return n == 0
}
