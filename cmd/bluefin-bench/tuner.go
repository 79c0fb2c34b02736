package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/objective/functions"
	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study"
)

// A tuner decides what to train, epoch by epoch.
type tuner interface {
	// next starts a trial or resumes one.
	next(ctx context.Context) (slice, error)
	close()
}

// A slice is a training, or a part of one.
type slice interface {
	number() int // the same for all slices of a trial
	suggest() functions.Ask
	until() int // the epoch at which it ends; 0: when report says so

	// report tells the values after an epoch, from 1 on, and those that follow it, until the slice
	// ends. It returns how many it took, and whether the slice ends after them.
	report(epoch int, values []float64) (taken int, stop bool, err error)

	// end tells what the training is worth after its last report; whole is whether it was full.
	end(ctx context.Context, value float64, whole bool) error
}

// A step is an improvement of a search: what the best full training was worth after some epochs.
type step struct {
	Epochs int     `json:"epochs"` // spent by the whole search
	Best   float64 `json:"best"`
	point  point   // that has it
}

// search runs a tuner until it has spent a number of epochs. A training that they cut off does not
// count, and neither does one that was stopped: its value is that of an early epoch. A resumed
// trial continues where it was, whatever its engine would do.
func search(ctx context.Context, t *tuning, by tuner, budget int) ([]step, error) {
	type progress struct {
		point  point
		epochs int
	}
	trials := map[int]*progress{}
	var steps []step
	best, idle := math.Inf(1), 0
	for spent := 0; spent < budget; {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		s, err := by.next(ctx)
		if err != nil {
			return nil, err
		}
		p := trials[s.number()]
		if p == nil {
			p = &progress{point: t.draw(s.suggest())}
			trials[s.number()] = p
		}
		before := spent
		var curve []float64
		end := t.epochs
		if until := s.until(); until > 0 {
			end = min(end, until)
		}
		for stop := false; !stop && p.epochs < end; {
			if spent == budget {
				return steps, nil
			}
			if curve, err = t.curve(ctx, p.point, p.epochs+1); err != nil {
				return nil, err
			}
			// All that is known at once, since each call of another process takes its time.
			values := curve[p.epochs:min(len(curve), end, p.epochs+budget-spent)]
			taken := len(values)
			if s.until() == 0 {
				if taken, stop, err = s.report(p.epochs+1, values); err != nil {
					return nil, err
				}
			}
			p.epochs, spent = p.epochs+taken, spent+taken
		}
		// A search that asks again and again for what is known would never end.
		if idle++; spent > before {
			idle = 0
		} else if idle > 1000 {
			return steps, nil
		}
		if curve == nil { // nothing was left to train
			if curve, err = t.curve(ctx, p.point, p.epochs); err != nil {
				return nil, err
			}
		}
		value, whole := t.value(curve[:p.epochs]), p.epochs == t.epochs
		if err := s.end(ctx, value, whole); err != nil {
			return nil, err
		}
		if whole && value < best {
			best = value
			steps = append(steps, step{spent, best, p.point})
		}
	}
	return steps, nil
}

// bestAt returns the best full training after a number of epochs, infinite if there was none.
func bestAt(steps []step, epochs int) float64 {
	best := math.Inf(1)
	for _, s := range steps {
		if s.Epochs <= epochs {
			best = s.Best
		}
	}
	return best
}

// ownPruners are what may follow the name of a sampler, after a plus.
var ownPruners = []string{"none", "median", "halving", "hyperband"}

// cutSearch splits the name of a search: a sampler, and a pruner or a scheduler.
func cutSearch(name string) (sampler, rest string) {
	sampler, rest, _ = strings.Cut(name, "+")
	return sampler, cmp.Or(rest, "none")
}

// newOwn returns a sampler and a pruner of this engine.
func newOwn(name string, t *tuning, seed uint64) (sampler.Sampler, pruner.Pruner, error) {
	first, rest := cutSearch(name)
	s, err := newSampler(first, plan{seed: seed, workers: 1})
	if err != nil {
		return nil, nil, err
	}
	switch rest {
	case "none":
		return s, nil, nil
	case "median":
		return s, pruner.Median{}, nil
	case "halving":
		return s, pruner.SuccessiveHalving{MinResource: 1, ReductionFactor: 3}, nil
	case "hyperband":
		return s, pruner.Hyperband{MaxResource: t.epochs}, nil
	}
	return nil, nil, usagef("--search has %q, want none, or after the plus one of %s", name, strings.Join(ownPruners, ", "))
}

// openOwn starts a search of this engine.
func openOwn(ctx context.Context, name string, t *tuning, from start, seed uint64) (own, error) {
	s, p, err := newOwn(name, t, seed)
	if err != nil {
		return own{}, err
	}
	if from.earlier != nil {
		s = &sampler.WarmStart{Sampler: s, Sources: from.earlier}
	}
	params := map[string]any{}
	for name, x := range from.first {
		d, _ := t.dims.Get(name)
		params[name] = d.External(x)
	}
	cfg := study.Config{Sampler: s, Pruner: p, Seed: seed, Logger: slog.New(slog.DiscardHandler)}
	if from.spread > 0 {
		if cfg.Space, err = from.beliefs(t.dims); err != nil {
			return own{}, err
		}
	}
	st, err := study.Open(ctx, cfg)
	if err != nil {
		return own{}, err
	}
	_, err = st.Enqueue(ctx, params)
	return own{st, t, from}, err
}

// beliefs returns the space with the belief that good settings are near the first one.
func (s start) beliefs(dims []space.Dimension) (space.Space, error) {
	believed := slices.Clone(dims)
	for i := range believed {
		d := &believed[i]
		x, ok := s.first[d.Name]
		if !ok {
			continue // it does not matter there
		}
		var err error
		if d.Belief, err = space.NewBelief(d.Dist, d.Dist.External(x), s.spread); err != nil {
			return nil, fmt.Errorf("parameter %q: %w", d.Name, err)
		}
	}
	return believed, nil
}

// own is a search of this engine, in memory.
type own struct {
	study *study.Study
	task  *tuning
	from  start
}

func (o own) close() {}

func (o own) next(ctx context.Context) (slice, error) {
	t, err := ask(ctx, o.study)
	return &ownTrial{own: o, trial: t}, err
}

type ownTrial struct {
	own
	trial   *study.Trial
	verdict error
}

func (t *ownTrial) number() int            { return t.trial.Number() }
func (t *ownTrial) until() int             { return 0 }
func (t *ownTrial) suggest() functions.Ask { return suggest(t.trial) }

func (t *ownTrial) report(epoch int, values []float64) (int, bool, error) {
	for i, value := range values {
		if t.verdict = t.trial.Report(epoch+i, value); errors.Is(t.verdict, study.ErrPruned) {
			return i + 1, true, nil
		} else if t.verdict != nil {
			return i, false, t.verdict
		}
	}
	return len(values), false, nil
}

func (t *ownTrial) end(ctx context.Context, value float64, whole bool) error {
	// The last epoch may be one where the pruner says no, but then nothing is left to save.
	if whole || t.verdict == nil {
		return tell(ctx, t.study, t.trial, value)
	}
	_, err := t.study.TellError(ctx, t.trial, t.verdict)
	return err
}

// peerTuner is a search of another package.
type peerTuner struct{ peer *peer }

// tunerNames are the searches of other packages, which speak of epochs.
var tunerNames = []string{
	"optuna-tpe", "optuna-tpe+median", "optuna-tpe+halving", "optuna-tpe+hyperband", "optuna-gp", "optuna-gp+median",
	"optuna-gp+halving", "optuna-gp+hyperband", "optuna-random+halving", "smac", "smac-hyperband", "hebo", "ngopt", "dehb",
	"syne-asha", "syne-bohb", "neps-priorband",
}

// isTuner reports whether a search of that name runs in another process.
func isTuner(name string) bool { return slices.Contains(tunerNames, name) }

// openTuner starts a search of another package.
func openTuner(ctx context.Context, python, name string, t *tuning, from start, seed uint64) (tuner, error) {
	params, err := peerParams(t.dims)
	if err != nil {
		return nil, err
	}
	script, sampler, err := liveScript(name)
	if err != nil {
		return nil, err
	}
	p, err := startPeer(ctx, python, script, peerTask{Sampler: sampler, Seed: seed, Workers: 1, Space: params,
		First: from.first, Epochs: t.epochs, Spread: float64(from.spread)})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return peerTuner{p}, nil
}

func (p peerTuner) close() { p.peer.close() }

func (p peerTuner) next(ctx context.Context) (slice, error) {
	f, err := p.peer.ask(ctx)
	if err != nil {
		return nil, err
	}
	return f.(*peerTrial), nil
}

func (t *peerTrial) number() int { return t.Number }
func (t *peerTrial) until() int  { return t.Until }

func (t *peerTrial) report(epoch int, values []float64) (int, bool, error) {
	var answer struct {
		Taken int
		Stop  bool
	}
	t.peer.call(map[string]any{"number": t.Number, "epoch": epoch, "report": values}, &answer)
	if t.peer.err == nil && (answer.Taken < 1 || answer.Taken > len(values)) {
		t.peer.err = fmt.Errorf("it took %d of %d reports", answer.Taken, len(values))
	}
	return answer.Taken, answer.Stop, t.peer.err
}

func (t *peerTrial) end(_ context.Context, value float64, whole bool) error {
	t.peer.call(map[string]any{"number": t.Number, "tell": value, "whole": whole}, &struct{}{})
	return t.peer.err
}
