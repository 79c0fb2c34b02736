package trial

import (
	"slices"

	"github.com/bluefin-hpo/bluefin/internal/pareto"
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
	infeasible []*Trial     // by when they finished
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

// Infeasible returns the trials of which Trial.Infeasible holds, in the order in which they finished.
func (h History) Infeasible() []*Trial { return slices.Clip(h.infeasible) }

// Before returns the history of the first n finished trials, with none running.
func (h History) Before(n int) History {
	log := NewLog(h.directions)
	for _, t := range h.finished[:min(n, len(h.finished))] {
		log.Put(t)
	}
	return log.History()
}

// ParetoFront returns the Complete and feasible trials that no other one dominates, by number. It
// takes n log n steps for up to three objectives and at worst n² for more.
func (h History) ParetoFront() []*Trial {
	trials := slices.DeleteFunc(slices.Clone(h.finished), func(t *Trial) bool {
		return t.State != Complete || t.Violation() > 0
	})
	order, ranks := make([]int, len(trials)), make([][]float64, len(trials)) // ranks[t][i]: 0 is best by objective i
	for t := range trials {
		order[t], ranks[t] = t, make([]float64, len(h.directions))
	}
	for i, d := range h.directions {
		better := func(a, b int) bool { return d.Better(trials[a].Values[i], trials[b].Values[i]) }
		slices.SortFunc(order, func(a, b int) int {
			switch {
			case better(a, b):
				return -1
			case better(b, a):
				return 1
			}
			return 0
		})
		for j := 1; j < len(order); j++ {
			ranks[order[j]][i] = ranks[order[j-1]][i]
			if better(order[j-1], order[j]) {
				ranks[order[j]][i]++
			}
		}
	}
	var front []*Trial
	for _, t := range pareto.Front(ranks) {
		front = append(front, trials[t])
	}
	slices.SortFunc(front, func(a, b *Trial) int { return a.Number - b.Number })
	return front
}
