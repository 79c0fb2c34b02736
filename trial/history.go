package trial

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"sync/atomic"

	"github.com/bluefin-hpo/bluefin/space"
)

// A Request is what a sampler is asked: draw for this trial, from this
// history, with this randomness. Rand is a function of the study's seed, the
// trial's number and the name of the parameter, so it is fresh for every
// request and no one else uses it.
type Request struct {
	History History
	Trial   *Trial // the trial to draw for, with the parameters it has so far; it changes once the draw is made
	Rand    *rand.Rand
}

// A Verdict is what a pruner says about a running trial.
type Verdict struct {
	Prune bool                       // stop the trial
	Attrs map[string]json.RawMessage // system attributes to store with the trial, for later verdicts
}

// A History is what is known of a study at one moment. It is a value that
// never changes: any number of goroutines may read it, nobody may write to
// what it returns.
type History struct {
	directions []Direction
	finished   []*Trial
	running    []*Trial
	best       *Trial
	reported   *Trial       // the first Complete one with reports
	complete   intersection // of the Complete trials
	ranked     intersection // of the Complete and the Pruned ones
	looked     *atomic.Bool // see Watched; nil: nobody wants to know
}

// Directions returns the direction of each objective, at least one.
func (h History) Directions() []Direction { return h.directions }

// Finished returns the finished trials in the order in which they finished. A
// later history of the same study begins with the same pointers, so that its
// length is a cursor: whoever has folded the first n goes on at [n:].
func (h History) Finished() []*Trial { return slices.Clip(h.finished) }

// Running returns the trials that are running, by number. The trial that a
// Request is about may be among them.
func (h History) Running() []*Trial {
	if h.looked != nil {
		h.looked.Store(true)
	}
	return h.running
}

// Watched returns h, but sets looked when Running is called. So the engine
// knows whether an answer depends on more than the finished trials.
func (h History) Watched(looked *atomic.Bool) History {
	h.looked = looked
	return h
}

// WithRunning returns h with the given running trials, by number, in place of
// its own. It takes over running.
func (h History) WithRunning(running []*Trial) History {
	h.running = running
	return h
}

// Space returns the parameters that every Complete trial has (with pruned,
// every Complete and every Pruned one), each with the same distribution.
// Failed trials do not count. It is empty if there is no such trial.
func (h History) Space(pruned bool) space.Space {
	if pruned {
		return h.ranked.space
	}
	return h.complete.space
}

// Ranked returns how many Complete and Pruned trials there are, at no cost.
func (h History) Ranked() int { return h.ranked.n }

// Best returns the best Complete and feasible trial by the first objective;
// of several equal ones the one that finished first.
func (h History) Best() (*Trial, bool) { return h.best, h.best != nil }

// FirstReported returns the trial that was the first to finish as Complete with
// reports. Pruners learn from it how long trials are, because it never changes.
func (h History) FirstReported() (*Trial, bool) { return h.reported, h.reported != nil }

// Before returns the history as it was when n trials had finished, and none
// were running.
func (h History) Before(n int) History {
	log := NewLog(h.directions)
	for _, t := range h.finished[:min(n, len(h.finished))] {
		log.Put(t)
	}
	return log.History()
}

// ParetoFront returns the Complete and feasible trials that no other one
// dominates, by number.
func (h History) ParetoFront() []*Trial {
	var front []*Trial
	for _, t := range h.finished {
		if t.State != Complete || t.Violation() > 0 || slices.ContainsFunc(front, func(u *Trial) bool { return h.dominates(u, t) }) {
			continue
		}
		front = slices.DeleteFunc(front, func(u *Trial) bool { return h.dominates(t, u) })
		front = append(front, t)
	}
	slices.SortFunc(front, func(a, b *Trial) int { return a.Number - b.Number })
	return front
}

// dominates reports whether a is nowhere worse than b and somewhere better.
func (h History) dominates(a, b *Trial) bool {
	better := false
	for i, d := range h.directions {
		if d.Better(b.Values[i], a.Values[i]) {
			return false
		}
		better = better || d.Better(a.Values[i], b.Values[i])
	}
	return better
}
