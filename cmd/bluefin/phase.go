package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"
)

// announced is after what time a phase says what it is.
const announced = time.Second

// phase returns what work returns, which comes before the trials and is called
// doing: rehearsing, say. If it takes long it says so first. It does not wait
// for work when ctx ends: long sums do not look at it, and the command ends.
func phase[T any](ctx context.Context, c *cli.Context, doing, says string, work func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
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
			if ctx.Err() == nil {
				return r.value, r.err
			}
		case <-slow.C:
			logf(c, "%s", says)
			continue
		case <-ctx.Done():
		}
		var none T
		return none, phaseEnd(ctx, c, doing)
	}
}

// phaseEnd says why a phase before the trials was stopped.
func phaseEnd(ctx context.Context, c *cli.Context, doing string) error {
	if errors.Is(context.Cause(ctx), errTimeout) {
		return fmt.Errorf("--timeout %s is over while %s, before a trial began: want a longer one", c.Duration("timeout"), doing)
	}
	logf(c, "Interrupted while %s, before a trial began.", doing)
	return errInterrupted
}
