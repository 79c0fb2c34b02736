package trial

import (
	"slices"

	"github.com/bluefin-hpo/bluefin/space"
)

// A History is a snapshot of a study. It is immutable: any number of goroutines may read it, and
// nobody may modify what it returns.
type History struct {
	directions []Direction
	finished   []*Trial
	running    []*Trial
	best       *Trial
	reported   *Trial       // the first Complete one with reports
	complete   intersection // of the Complete trials
	ranked     intersection // of the Complete and Pruned trials
}

// Directions returns the direction of each objective, at least one.
func (h History) Directions() []Direction { return h.directions }

// Finished returns the finished trials in the order in which they finished. A later history of the
// same study starts with the same pointers, so the length is a cursor: code that has processed the
// first n continues at [n:].
func (h History) Finished() []*Trial { return slices.Clip(h.finished) }

// Running returns the trials that are running, by number.
func (h History) Running() []*Trial { return h.running }

// WithoutRunning returns h without its running trials.
func (h History) WithoutRunning() History {
	h.running = nil
	return h
}

// Space returns the parameters that every Complete trial has with the same distribution. It is
// empty if no trial is Complete.
func (h History) Space() space.Space { return h.complete.space }

// RankedSpace is Space over the Complete and Pruned trials.
func (h History) RankedSpace() space.Space { return h.ranked.space }

// NumRanked returns the number of Complete and Pruned trials, in constant time.
func (h History) NumRanked() int { return h.ranked.n }

// Best returns the best Complete and feasible trial by the first objective, and whether there is
// one. Of equal ones it is the first to finish.
func (h History) Best() (*Trial, bool) { return h.best, h.best != nil }

// FirstReported returns the first trial to finish as Complete with reports, and whether there is
// one. Pruners learn from it how long trials are, because it never changes.
func (h History) FirstReported() (*Trial, bool) { return h.reported, h.reported != nil }

// Before returns the history of the first n finished trials, with none running.
func (h History) Before(n int) History {
	log := NewLog(h.directions)
	for _, t := range h.finished[:min(n, len(h.finished))] {
		log.Put(t)
	}
	return log.History()
}

// ParetoFront returns the Complete and feasible trials that no other one dominates, by number.
func (h History) ParetoFront() []*Trial {
	// Domination is transitive, so comparing with the front so far is enough.
	var front []*Trial
	for _, t := range h.finished {
		if t.State != Complete || t.Violation() > 0 ||
			slices.ContainsFunc(front, func(u *Trial) bool { return h.dominates(u, t) }) {
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
