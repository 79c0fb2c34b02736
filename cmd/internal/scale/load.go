// Package scale measures studies that many workers share: it starts the servers and the workers, and
// reports how long calls take and what the servers need.
package scale

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"
)

// A Load is what the workers of one process do: each runs trials, one after the other.
type Load struct {
	Form    string        `json:"form"`    // how they reach the study, one of Forms
	Address string        `json:"address"` // of the storage or server
	Workers int           `json:"workers"`
	First   int           `json:"first"`  // number of the first worker
	Trials  int           `json:"trials"` // of all workers together
	Steps   int           `json:"steps"`  // reports of a trial
	Step    time.Duration `json:"step"`   // how long a step takes, on average
	Sampler string        `json:"sampler"`
}

// Study is the name of the study of every measurement.
const Study = "scale"

// A client is the connection of one worker to the study. Only one goroutine uses it.
type client interface {
	// ask starts a trial and returns its number and the value of a parameter, which is in [0, 1].
	ask(ctx context.Context) (number int, x float64, err error)

	// report reports a value of the trial that was asked for last, and returns whether to stop.
	report(ctx context.Context, step int, value float64) (prune bool, err error)

	// tell ends that trial.
	tell(ctx context.Context, value float64) error

	close() error
}

// Times are how long calls took.
type Times struct {
	Ask    []time.Duration `json:"ask"`
	Report []time.Duration `json:"report"`
	Tell   []time.Duration `json:"tell"`
	Errors map[string]int  `json:"errors"` // how often calls failed, by message

	Start, End time.Time     // of the trials
	CPU        time.Duration // of the workers' processes
}

// add adds the times of other workers.
func (t *Times) add(o Times) {
	t.Ask, t.Report, t.Tell = append(t.Ask, o.Ask...), append(t.Report, o.Report...), append(t.Tell, o.Tell...)
	if t.Errors == nil {
		t.Errors = map[string]int{}
	}
	for message, n := range o.Errors {
		t.Errors[message] += n
	}
	t.CPU += o.CPU
	if t.Start.IsZero() || o.Start.Before(t.Start) {
		t.Start = o.Start
	}
	if o.End.After(t.End) {
		t.End = o.End
	}
}

// ErrorCount returns how many calls failed, and the most frequent message.
func (t *Times) ErrorCount() (n int, most string) {
	for _, message := range slices.Sorted(maps.Keys(t.Errors)) {
		n += t.Errors[message]
		if t.Errors[message] > t.Errors[most] {
			most = message
		}
	}
	return n, most
}

// Quantile returns the value below which a part p of the durations are; 0 if there are none.
func Quantile(all []time.Duration, p float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(int(p*float64(len(sorted))), len(sorted)-1)]
}

// Run connects all workers, calls ready, and runs their trials.
func (l Load) Run(ctx context.Context, ready func() error) (all Times, err error) {
	clients := make([]client, l.Workers)
	defer func() {
		for _, c := range clients {
			if c != nil {
				_ = c.close()
			}
		}
	}()
	connections, gate := sync.WaitGroup{}, make(chan struct{}, 32) // that many connect at once
	failed := make([]error, l.Workers)
	for i := range clients {
		connections.Go(func() {
			gate <- struct{}{}
			clients[i], failed[i] = l.connect(ctx, l.First+i)
			<-gate
		})
	}
	connections.Wait()
	for i, err := range failed {
		if err != nil {
			return all, fmt.Errorf("worker %d: %w", l.First+i, err)
		}
	}
	if err := ready(); err != nil {
		return all, err
	}
	workers, before := sync.WaitGroup{}, processor([]int{os.Getpid()})
	times := make([]Times, l.Workers)
	for i, c := range clients {
		share := l.Trials / l.Workers
		if i < l.Trials%l.Workers {
			share++
		}
		workers.Go(func() { times[i] = l.work(ctx, c, share) })
	}
	workers.Wait()
	for _, t := range times {
		all.add(t)
	}
	all.CPU = processor([]int{os.Getpid()}) - before
	return all, ctx.Err()
}

// mostErrors is after how many failed calls a worker gives up.
const mostErrors = 5

// work runs trials with one client.
func (l Load) work(ctx context.Context, c client, trials int) (t Times) {
	t.Errors, t.Start = map[string]int{}, time.Now()
	errors := 0
	call := func(list *[]time.Duration, f func() error) bool {
		start := time.Now()
		if err := f(); err != nil {
			t.Errors[err.Error()]++
			errors++
			return false
		}
		*list = append(*list, time.Since(start))
		return true
	}
	pause(l.Step * time.Duration(l.Steps)) // they do not all start at once
	for done := 0; done < trials && errors < mostErrors && ctx.Err() == nil; done++ {
		var x float64
		if !call(&t.Ask, func() (err error) { _, x, err = c.ask(ctx); return err }) {
			continue
		}
		value := (x - 0.3) * (x - 0.3)
		for step := range l.Steps {
			pause(l.Step)
			var prune bool
			if !call(&t.Report, func() (err error) { prune, err = c.report(ctx, step, value+1/float64(step+1)); return err }) {
				break
			}
			if prune {
				break
			}
		}
		call(&t.Tell, func() error { return c.tell(ctx, value) })
	}
	t.End = time.Now()
	return t
}

// pause sleeps for d on average.
func pause(d time.Duration) {
	if d > 0 {
		time.Sleep(time.Duration(rand.Int64N(int64(2 * d))))
	}
}
