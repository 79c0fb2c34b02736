package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
)

// announced is how long a phase runs before it announces itself.
const announced = time.Second

// A timeoutError ends the context of a search after --timeout.
type timeoutError time.Duration

// Error names the flag, because this is shown to its user.
func (t timeoutError) Error() string { return fmt.Sprintf("--timeout %s is over", time.Duration(t)) }

// phase returns the results of work, which comes before the trials; doing describes it, such as
// "rehearsing". If it takes long, message is shown. It does not wait for work when ctx ends: long
// computations do not look at it, and the process is about to exit.
func phase[T any](ctx context.Context, con console, doing, message string, work func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	// Buffered: the work may end after its caller has given up.
	done := make(chan result, 1)
	go func() {
		value, err := work()
		done <- result{value, err}
	}()
	slow := time.NewTimer(announced)
	defer slow.Stop()
	for {
		select {
		case r := <-done:
			// If both happened, the interruption wins: the trials would not start.
			if ctx.Err() == nil {
				return r.value, r.err
			}
		case <-slow.C:
			if con.screen == nil {
				con.logf("%s", message)
				continue
			}
			defer con.working(message, time.Now().Add(-announced))()
			continue
		case <-ctx.Done():
		}
		var none T
		return none, phaseEnd(ctx, con, doing)
	}
}

// working shows on a terminal that work has been going on since began, until done is called.
func (con console) working(message string, began time.Time) (done func()) {
	if con.screen == nil {
		return func() {}
	}
	con.screen.show(func(width, _ int) []string {
		now := clock(time.Since(began))
		return []string{text.Snip(message, max(0, width-len(now)-1), "…") + " " + now}
	})
	return con.screen.hide
}

// phaseEnd returns the error for a phase that the end of ctx has stopped.
func phaseEnd(ctx context.Context, con console, doing string) error {
	if cause := context.Cause(ctx); errors.As(cause, new(timeoutError)) {
		return fmt.Errorf("%w while %s, before a trial began: want a longer one", cause, doing)
	}
	con.logf("Interrupted while %s, before a trial began.", doing)
	return errInterrupted
}
