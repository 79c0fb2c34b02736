package study

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/process"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// An Objective runs one trial and returns its value. It should return soon after t.Context() has
// ended. A panic fails the trial like an error.
type Objective func(t *Trial) (float64, error)

// A MultiObjective runs one trial and returns a value for each objective.
type MultiObjective func(t *Trial) ([]float64, error)

// A TrialError is the failure of one trial.
type TrialError struct {
	Number int
	Err    error
}

// Error implements error.
func (e *TrialError) Error() string { return fmt.Sprintf("trial %d failed: %v", e.Number, e.Err) }

// Unwrap returns the reason.
func (e *TrialError) Unwrap() error { return e.Err }

// Optimize runs trials of a study with one objective until the budget is used up, Stop is called,
// or a sampler.FiniteSampler such as sampler.Grid has nothing left to try (see Exhausted). A study
// that already has its trials is left as it is, so running a program again runs only what is
// missing.
//
// With a Config.Scheduler, trials pause and resume, and Optimize also returns when the scheduler has
// nothing left to run. Without one, paused trials run to their ends once the budget lets no other
// start.
//
// A trial whose objective returns an error or NaN, or panics, is Failed, and the search continues.
// If all trials of this call failed, Optimize returns the error of the last one, which matches
// *TrialError.
//
// An invalid range, a parameter with two distributions (ErrConflict), an error of the sampler or
// pruner, and an *AbortError of the objective end Optimize at once, and the trial returns to the
// queue. When ctx ends, Optimize
// returns its cause, and the running trials return to the queue with their parameters, except those
// whose objective still returns a value.
//
// When the budget is used up but other workers are still running trials, Optimize waits for at most
// one Lease, to restart the trials of workers that are gone. It abandons a trial once another
// worker has restarted it.
func (s *Study) Optimize(ctx context.Context, f Objective, b Budget) error {
	if f == nil {
		return errNoObjective
	}
	if n := len(s.record.Directions); n != 1 {
		return fmt.Errorf("study %q has %d objectives, want 1 for Optimize: OptimizeMulti takes several", s.Name(), n)
	}
	return s.OptimizeMulti(ctx, func(t *Trial) ([]float64, error) {
		v, err := f(t)
		return []float64{v}, err
	}, b)
}

// OptimizeMulti is Optimize for any number of objectives.
func (s *Study) OptimizeMulti(ctx context.Context, f MultiObjective, b Budget) error {
	if f == nil {
		return errNoObjective
	}
	if err := b.check(len(s.record.Directions)); err != nil {
		return err
	}
	if b.Trials > 0 && s.repeated.Load() { // repetitions are beyond the budget
		trials, err := s.Trials(ctx)
		if err != nil {
			return err
		}
		b.Trials += repetitions(trials)
	}
	return s.optimize(ctx, f, b)
}

// optimize is OptimizeMulti with a checked budget that counts repetitions, too.
func (s *Study) optimize(ctx context.Context, f MultiObjective, b Budget) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := run{study: s, objective: f, budget: b, cancel: cancel, start: time.Now(), stops: s.stops.Load()}
	unfollow, err := r.follow(ctx)
	if err != nil {
		return err
	}
	var workers sync.WaitGroup
	for range max(b.Workers, 1) {
		workers.Go(func() {
			if err := r.work(ctx); err != nil {
				cancel(err) // the first one is the cause for all
			}
		})
	}
	workers.Wait()
	unfollow()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return r.outcome()
}

var errNoObjective = errors.New("the objective is nil")

// A run is one call of Optimize.
type run struct {
	study     *Study
	objective MultiObjective
	budget    Budget
	cancel    context.CancelCauseFunc
	start     time.Time
	stops     uint64      // calls of Stop before the start
	stopped   atomic.Bool // by StopAll since the start

	waiting sync.Once // guards the message about waiting for other workers

	mu        sync.Mutex
	failures  int
	last      *TrialError // the last failure
	succeeded bool        // a trial of this call was complete or pruned
	counted   int         // finished trials in cost
	cost      time.Duration
	bounded   int // finished trials that regret is the bound for
	regret    float64
}

// work runs trials until the budget is used up.
func (r *run) work(ctx context.Context) error {
	w := waiter{run: r, pause: saveDelay}
	for ctx.Err() == nil {
		if enough, err := r.enough(ctx); enough || err != nil {
			return err
		}
		trials, fewer, err := r.limit(ctx)
		if err != nil {
			return err
		}
		t, err := r.study.ask(ctx, storage.Claim{Lease: storage.Lease{Process: process.Self()}, Budget: trials},
			r.scheduler(), r.used(ctx))
		var used *storage.BudgetError
		if errors.As(err, &used) {
			if !w.wait(ctx, used, fewer || r.study.cfg.Scheduler != nil) {
				return nil
			}
			continue
		}
		if err != nil {
			return err
		}
		w.pause = saveDelay
		if err := r.one(ctx, t); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// one runs the objective and saves the outcome, even when ctx has ended.
func (r *run) one(ctx context.Context, t *Trial) error {
	unstoppable := context.WithoutCancel(ctx)
	returned := false
	defer func() {
		if !returned { // runtime.Goexit, as by t.Fatal in a test, unwinds this goroutine
			err := errors.New("the objective ended its goroutine")
			_, tellErr := r.tell(unstoppable, t, nil, err)
			r.cancel(errors.Join(&TrialError{t.Number(), err}, tellErr))
		}
	}()
	values, err := call(r.objective, t)
	returned = true
	reason := t.Err()
	if errors.As(reason, new(setupError)) || errors.As(err, new(*AbortError)) {
		r.cancel(fmt.Errorf("trial %d: %w", t.Number(), cmp.Or(reason, err))) // before another worker claims the trial
		return r.study.release(unstoppable, t)
	}
	// An error after ctx has ended most likely means that the objective obeyed it, not that it
	// failed.
	if ctx.Err() != nil && err != nil && !errors.Is(err, ErrPruned) && !errors.Is(err, ErrPaused) {
		return errors.Join(context.Cause(ctx), r.study.release(unstoppable, t))
	}
	if n := len(r.study.record.Directions); err == nil && len(values) != n {
		err = fmt.Errorf("the objective returned %d values, want %d", len(values), n)
	}
	record, tellErr := r.tell(unstoppable, t, values, err)
	switch {
	case errors.Is(tellErr, storage.ErrFinished):
		r.study.cfg.Logger.Info("another program has ended the trial", "trial", t.Number())
		if record, err := r.study.Trial(unstoppable, t.Number()); err == nil {
			r.study.hook(r.study.cfg.OnTrialEnd, record)
		}
		return nil
	case errors.Is(tellErr, storage.ErrLost):
		return nil // another worker has restarted the trial: its result counts
	case tellErr != nil:
		return tellErr
	case record.State == trial.Failed:
		return r.failed(unstoppable, record, cmp.Or(t.Err(), err, errors.New(record.Failure())))
	case errors.Is(err, ErrInfeasible):
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.succeeded = true
	return nil
}

// tell is Tell, and tries again if the storage fails, since a result may be the work of hours. If
// the storage keeps failing, the trial is left for a later run.
func (r *run) tell(ctx context.Context, t *Trial, values []float64, err error) (*trial.Trial, error) {
	for try := 1; ; try++ {
		record, tellErr := r.study.tell(ctx, t, values, err)
		if tellErr == nil || errors.Is(tellErr, storage.ErrLost) || errors.Is(tellErr, storage.ErrFinished) {
			return record, tellErr
		}
		if try == tellTries {
			return nil, errors.Join(tellErr, r.study.release(ctx, t))
		}
		time.Sleep(tellPause)
	}
}

// How often tell tries, and how long it waits in between.
const (
	tellTries = 4
	tellPause = 500 * time.Millisecond
)

// failed counts a failed trial, queues its repetition if there are Retries, and returns an error if
// too many have failed.
func (r *run) failed(ctx context.Context, t *trial.Trial, reason error) error {
	if err := r.study.retry(ctx, t, r.budget.Retries); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures++
	r.last = &TrialError{t.Number, reason}
	switch most, first := r.budget.Failures, cmp.Or(r.budget.InitialFailures, initialFailures); {
	case most > 0 && r.failures > most:
		return fmt.Errorf("more than %d trials failed, the last: %w", most, r.last)
	case first > 0 && r.failures >= first && !r.succeeded && !r.study.everSucceeded():
		return fmt.Errorf("all of the first %d trials failed, the last: %w", r.failures, r.last)
	}
	return nil
}

// outcome returns an error if all trials of the call failed.
func (r *run) outcome() error {
	if r.last == nil || r.succeeded {
		return nil
	}
	if r.failures == 1 {
		return r.last
	}
	return fmt.Errorf("all %d trials failed, the last: %w", r.failures, r.last)
}

// everSucceeded reports whether any trial of the study is complete or paused, or pruned and not infeasible.
func (s *Study) everSucceeded() bool {
	s.mu.Lock()
	h, paused := s.log.History(), len(s.pausedTrials())
	s.mu.Unlock()
	return paused > 0 || slices.ContainsFunc(h.Finished(), func(t *trial.Trial) bool {
		return t.State == trial.Complete || t.State == trial.Pruned && t.Violation() == 0
	})
}

// running returns how many trials this Study is running.
func (s *Study) running() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.live)
}

// release returns the trial to the queue, with its parameters.
func (s *Study) release(ctx context.Context, t *Trial) error {
	err := t.write(ctx, storage.Update{State: trial.Waiting})
	s.forget(t)
	if errors.Is(err, storage.ErrLost) || errors.Is(err, storage.ErrFinished) {
		return nil
	}
	return err
}

// call runs the objective and turns a panic into an error with its stack: one bad trial must not
// end a search of hours.
func call(f MultiObjective, t *Trial) (values []float64, err error) {
	defer func() {
		if p := recover(); p != nil {
			values, err = nil, fmt.Errorf("panic: %v\n\n%s", p, objectiveStack(debug.Stack()))
		}
	}()
	return f(t)
}

// objectiveStack returns the part of a stack between the panic and the call of the objective.
func objectiveStack(stack []byte) []byte {
	if _, below, ok := bytes.Cut(stack, []byte("\npanic(")); ok {
		if _, below, ok = bytes.Cut(below, []byte(".go:")); ok { // the line of panic itself
			_, stack, _ = bytes.Cut(below, []byte("\n"))
		}
	}
	for _, engine := range []string{"/study.(*Study).Optimize.func", "/study.call("} {
		if i := bytes.Index(stack, []byte(engine)); i >= 0 {
			stack = stack[:bytes.LastIndexByte(stack[:i], '\n')+1]
		}
	}
	return stack
}
