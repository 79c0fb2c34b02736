package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A shift is the time in which a worker runs trials. It ends in two steps: first no more trials start and
// those that run may finish; then they are stopped and return to the queue.
type shift struct {
	worker *workerCommand
	console
	ration *ration
	show   *progress
	grace  time.Duration // from a signal, or before the end of --max-time, until the worker has ended
	stop   time.Duration // the part of it that stopped programs get
	hurry  func()        // ends that part early

	initial int // failures of this worker before the first success that end it; below 1: no limit

	study     *study.Study
	interrupt context.CancelCauseFunc // the second step
	closing   atomic.Bool             // the first step has been made
	closed    chan struct{}           // closed by it

	mu     sync.Mutex // guards the following
	ended  map[trial.State]int
	reason error // that all trials of this worker failed
}

// The causes for which running trials return to the queue.
var (
	errSignal = errors.New("a signal came")
	errTime   = errors.New("--max-time is over")
)

// run runs trials. check is called with the study before the first one.
func (s *shift) run(ctx context.Context, cfg study.Config, budget study.Budget,
	check func(context.Context, *study.Study) (study.MultiObjective, error)) error {
	cfg.Storage, s.ended, s.closed = s.ration, map[trial.State]int{}, make(chan struct{})
	shown := cfg.OnTrialEnd
	cfg.OnTrialEnd = func(t *trial.Trial) {
		shown(t)
		s.count(t)
	}
	s.ration.changed = s.show.total
	var err error
	if s.study, err = study.Load(ctx, cfg); err != nil {
		return err
	}
	objective, err := check(ctx, s.study)
	if err != nil {
		if _, readErr := s.study.UserAttrs(ctx); readErr == nil { // the storage is not the reason
			err = noRetry{err}
		}
		return err
	}
	if err := s.show.follow(ctx, s.study); err != nil {
		return err
	}
	work, interrupt := context.WithCancelCause(context.WithoutCancel(ctx))
	s.interrupt = interrupt
	defer s.watch(ctx)()
	// The ration has the budget: it may change.
	budget.Trials, budget.InitialFailures = 0, -1
	err = s.study.OptimizeMulti(work, func(t *study.Trial) ([]float64, error) {
		values, err := objective(t)
		return values, s.failed(err)
	}, budget)
	s.show.end()
	return s.outcome(context.WithoutCancel(ctx), err)
}

// watch ends the shift when a signal or the time comes. Call the function that it returns at the end.
func (s *shift) watch(ctx context.Context) (done func()) {
	signals, end := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	var late <-chan time.Time
	if s.worker.maxTime > 0 {
		late = time.After(s.worker.maxTime - s.grace)
	}
	var first time.Time
	var patience <-chan time.Time
	var cause error
	begin := func(why error, text string) {
		if first = time.Now(); cause == nil {
			cause, patience = why, time.After(s.grace-s.stop)
			s.logf("%s: no more trials start, and running ones have %v to finish.", text, s.grace-s.stop)
			s.close()
		}
	}
	go func() {
		stopped := ctx.Done() // a signal that came before this function, or the end of a test
		for {
			select {
			case <-end:
				return
			case <-stopped:
				stopped = nil
				begin(errSignal, "Stopping")
			case <-signals:
				if cause != errSignal {
					begin(errSignal, "Stopping")
				} else if time.Since(first) > time.Second { // schedulers send the first one twice
					s.hurry()
					s.interrupt(errSignal)
				}
			case <-late:
				begin(errTime, "The time of --max-time is nearly over")
			case <-patience:
				s.interrupt(cause)
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(end)
	}
}

// close makes the first step.
func (s *shift) close() {
	if !s.closing.Swap(true) {
		close(s.closed)
		s.study.Stop()
	}
}

// failed returns the error of a trial, unless a signal is the reason, which schedulers send to the program
// too: then the trial returns to the queue.
func (s *shift) failed(err error) error {
	var exit *exec.ExitError
	if err == nil || errors.Is(err, study.ErrPruned) || errors.Is(err, study.ErrPaused) {
		return err
	}
	if errors.As(err, &exit) && killed(exit) {
		select { // the program may have been quicker than this process
		case <-s.closed:
		case <-time.After(time.Second):
		}
	}
	if s.closing.Load() {
		s.interrupt(errSignal)
	}
	return err
}

// killed reports whether a program ended by a signal, or as a shell or Python reports one.
func killed(exit *exec.ExitError) bool {
	code := exit.ExitCode()
	return code < 0 || code > 128
}

// count notes how a trial of this worker ended. If all of the first ones failed, the program or the machine
// is broken, and more trials would fail.
func (s *shift) count(t *trial.Trial) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended[t.State]++
	if n := s.ended[trial.Failed]; s.initial > 0 && n >= s.initial && len(s.ended) == 1 && s.reason == nil {
		s.reason = &brokenError{n, failureLine(t)}
		s.close()
	}
}

// outcome says how the shift ended, and returns what decides about the exit code.
func (s *shift) outcome(ctx context.Context, err error) error {
	if s.reason != nil {
		return noRetry{s.reason}
	}
	interrupted := errors.Is(err, errSignal) || errors.Is(err, errTime)
	switch {
	case errors.As(err, new(*study.AbortError)):
		s.logf("The trial returned to the queue.")
		return errorWith{reasonOnly(err), exitAgain}
	case err != nil && !interrupted && !errors.As(err, new(*study.TrialError)):
		return errorWith{reasonOnly(err), exitOf(err)}
	}
	left, err := s.left(ctx)
	if err != nil {
		return err
	}
	if left && s.closing.Load() && !s.ration.done() {
		return exitCode(exitAgain)
	}
	return nil
}

// left prints what this worker did, and reports whether trials of the study are left to start.
func (s *shift) left(ctx context.Context) (bool, error) {
	record, err := s.ration.Load(ctx, s.study.Name())
	if err != nil {
		return false, err
	}
	tally, err := s.ration.Tally(ctx, record.ID)
	if err != nil {
		return false, err
	}
	trials, begun := s.ration.budget()
	finished := tally.States[trial.Complete] + tally.States[trial.Pruned] + tally.States[trial.Failed]
	s.logf("This worker ran %s. Study %q has %d of %s.", counted(begun, "trial"), s.study.Name(), finished,
		counted(trials, "trial"))
	return trials == 0 || tally.States[trial.Waiting] > 0 || finished+tally.States[trial.Running] < trials, nil
}

// A brokenError says that all trials of a worker failed.
type brokenError struct {
	n    int
	last string
}

// Error implements error.
func (e *brokenError) Error() string {
	return "all of the first " + counted(e.n, "trial") + " of this worker failed, the last with: " + e.last
}
