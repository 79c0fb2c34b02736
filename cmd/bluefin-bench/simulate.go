package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	"github.com/bluefin-hpo/bluefin/internal/pareto"
	"github.com/bluefin-hpo/bluefin/objective/functions"
	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// samplerSeed is the seed of the study that belongs to a seed of the protocol.
func samplerSeed(seed int) uint64 { return 1000 + uint64(seed) }

// internal is a distribution whose values stay in internal form.
type internal struct{ dist space.Dist }

// Dist returns the distribution.
func (d internal) Dist() space.Dist { return d.dist }

// Decode leaves the internal form, because problems compute with it.
func (d internal) Decode(x float64) float64 { return x }

// suggest is the ask of a problem that a trial answers.
func suggest(t *study.Trial) functions.Ask {
	return func(name string, d space.Dist) float64 { return study.Suggest(t, name, internal{d}) }
}

// An engine runs the trials of one search.
type engine interface {
	// ask starts a trial. Its answers are valid until the trial is told.
	ask(ctx context.Context) (flight, error)
	close()
}

// A flight is a trial that is running.
type flight interface {
	suggest() functions.Ask
	tell(ctx context.Context, values []float64) error
}

// A bluefin is a search of this engine, in memory.
type bluefin struct{ study *study.Study }

// openStudy starts a search with the sampler of the given name.
func openStudy(ctx context.Context, name string, p plan) (engine, error) {
	s, err := newSampler(name, p)
	if err != nil {
		return nil, err
	}
	// In memory, so a disk does not count towards the search.
	st, err := study.Open(ctx, study.Config{Sampler: s, Seed: p.seed,
		Directions: make([]trial.Direction, p.objectives())})
	return bluefin{st}, err
}

// ask starts a trial of the study.
func (b bluefin) ask(ctx context.Context) (flight, error) {
	t, err := ask(ctx, b.study)
	return bluefinTrial{b.study, t}, err
}

// close has nothing to close.
func (bluefin) close() {}

// bluefinTrial is a running trial with its study.
type bluefinTrial struct {
	study *study.Study
	trial *study.Trial
}

func (t bluefinTrial) suggest() functions.Ask { return suggest(t.trial) }

func (t bluefinTrial) tell(ctx context.Context, values []float64) error {
	return tell(ctx, t.study, t.trial, values...)
}

// gaps searches a problem and returns the gap to its minimum for each trial, in
// the order of their results. With several objectives it is the share of the true front's
// hypervolume that the trials so far lack.
//
// Workers are simulated: all trials take equally long, and the workers start
// one after the other. So each asks once before anything is known; from then on
// the worker with the oldest trial tells its value and asks again. A draw knows
// all values except those of the workers - 1 trials in flight.
func gaps(ctx context.Context, p functions.Problem, e engine, trials, workers int) ([]float64, error) {
	type running struct {
		flight
		values []float64
	}
	// In the order of their start, which is that of their results.
	var flights []running
	gap := gapOf(p)
	found := make([]float64, 0, trials)
	for len(found) < trials {
		// The number of trials is exact: near the end fewer workers ask.
		for len(flights) < workers && len(found)+len(flights) < trials {
			f, err := e.ask(ctx)
			if err != nil {
				return nil, err
			}
			// Computed now, told later: the value is not yet known to other draws.
			flights = append(flights, running{f, valuesOf(p, f.suggest())})
		}
		f := flights[0]
		flights = flights[1:]
		if err := f.tell(ctx, f.values); err != nil {
			return nil, err
		}
		found = append(found, gap(f.values))
	}
	return found, nil
}

// valuesOf returns the values of a problem where ask leads.
func valuesOf(p functions.Problem, ask functions.Ask) []float64 {
	if p.Several != nil {
		return p.Several.Values(ask)
	}
	return []float64{p.Value(ask)}
}

// gapOf returns a function that returns the gap after each trial in turn.
func gapOf(p functions.Problem) func(values []float64) float64 {
	if p.Several == nil {
		return func(values []float64) float64 { return values[0] - p.Minimum }
	}
	volume, front := 0.0, [][]float64{}
	return func(values []float64) float64 {
		if added := pareto.Added(values, front, p.Several.Reference); added > 0 {
			volume += added
			front = append(slices.DeleteFunc(front, func(q []float64) bool { return pareto.Dominates(values, q) }), values)
		}
		return 1 - volume/p.Several.Volume
	}
}

// ask starts a trial, unless ctx has ended: a storage in memory does not check.
func ask(ctx context.Context, st *study.Study) (*study.Trial, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return st.Ask(ctx)
}

// tell ends a trial with its value. A trial that fails is an error: it was
// given a suggestion that is none.
func tell(ctx context.Context, st *study.Study, t *study.Trial, values ...float64) error {
	record, err := st.Tell(ctx, t, values...)
	// Tell records a failed trial without an error of its own.
	if err == nil && record.State != trial.Complete {
		err = fmt.Errorf("trial %d failed: %s", record.Number, record.Failure())
	}
	return err
}

// A pruned is the cost and the result of a search with a pruner.
type pruned struct {
	epochs int
	gap    float64 // of the best trial that was not pruned; infinite if there is none
}

// prune searches a problem with learning curves for a number of trials, or until
// a number of epochs was trained; 0 is no limit. Step 1 is the first epoch. A
// trial that exceeds the epochs does not count.
func prune(ctx context.Context, p functions.Problem, s sampler.Sampler, pr pruner.Pruner,
	seed, trials, epochs int) (pruned, error) {
	result := pruned{gap: math.Inf(1)}
	st, err := study.Open(ctx, study.Config{Sampler: s, Pruner: pr, Seed: samplerSeed(seed)})
	if err != nil {
		return result, err
	}
	// One trial after the other: pruners judge by what has finished.
	for n := 0; trials == 0 || n < trials; n++ {
		t, err := ask(ctx, st)
		if err != nil {
			return result, err
		}
		curve := p.Curve(suggest(t))
		var verdict error
		for i, value := range curve {
			// The budget ends within a trial too; its epochs are spent all the same.
			if epochs > 0 && result.epochs == epochs {
				return result, nil
			}
			result.epochs++
			if verdict = t.Report(i+1, value); verdict != nil {
				break
			}
		}
		switch last := curve[len(curve)-1]; {
		case errors.Is(verdict, study.ErrPruned):
			_, err = st.TellError(ctx, t, verdict)
		// Any other error is one of the engine.
		case verdict != nil:
			err = verdict
		default:
			err = tell(ctx, st, t, last)
			// Only whole trainings count: the value of a pruned one is that of an early epoch.
			result.gap = math.Min(result.gap, last-p.Minimum)
		}
		if err != nil {
			return result, err
		}
	}
	return result, nil
}

// each calls f for 0 to n-1 on all processors and returns the results in order,
// or the first error.
func each[T any](ctx context.Context, n int, f func(ctx context.Context, i int) (T, error)) ([]T, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	results := make([]T, n)
	// Handed out one by one, because searches take very different times.
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		workers.Go(func() {
			for i := range next {
				var err error
				// Each worker has its own element, so no lock is needed, and the order is that of
				// i.
				if results[i], err = f(ctx, i); err != nil {
					cancel(err) // the first one is the cause for all
				}
			}
		})
	}
	// Searches that run are canceled by ctx.
	for i := 0; i < n && ctx.Err() == nil; i++ {
		next <- i
	}
	close(next)
	workers.Wait()
	return results, context.Cause(ctx)
}
