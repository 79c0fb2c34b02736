package trial

import (
	"slices"

	"github.com/bluefin-hpo/bluefin/space"
)

// A Log collects trials into a History. It is not safe for concurrent use; the histories it returns
// are.
type Log struct {
	h       History
	trials  []*Trial // by number, nil where there is none
	running []*Trial // by number
}

// NewLog returns an empty log of a study with the given directions.
func NewLog(directions []Direction) *Log { return &Log{h: History{directions: directions}} }

// Put adds t, or replaces the unfinished trial with its number. A finished trial is never replaced.
// The log owns t from then on.
func (l *Log) Put(t *Trial) {
	for t.Number >= len(l.trials) {
		l.trials = append(l.trials, nil)
	}
	old := l.trials[t.Number]
	if old == t || old != nil && old.State.Finished() {
		return
	}
	l.trials[t.Number] = t
	if t.State == Running || old != nil && old.State == Running {
		l.setRunning(t)
	}
	if !t.State.Finished() {
		return
	}
	// Earlier histories share the array but end before the new element.
	l.h.finished = append(l.h.finished, t)
	switch t.State {
	case Complete:
		l.h.complete = l.h.complete.with(t)
		l.h.ranked = l.h.ranked.with(t)
		if t.Violation() == 0 && (l.h.best == nil || l.h.directions[0].Better(t.Values[0], l.h.best.Values[0])) {
			l.h.best = t
		}
		if l.h.reported == nil && len(t.Reports) > 0 {
			l.h.reported = t
		}
	case Pruned:
		l.h.ranked = l.h.ranked.with(t)
		if t.Infeasible() {
			l.h.infeasible = append(l.h.infeasible, t)
		}
	}
}

// setRunning inserts, replaces or removes t among the running trials.
func (l *Log) setRunning(t *Trial) {
	i, found := slices.BinarySearchFunc(l.running, t.Number, func(u *Trial, n int) int { return u.Number - n })
	switch {
	case t.State != Running:
		l.running = slices.Delete(l.running, i, i+1)
	case found:
		l.running[i] = t
	default:
		l.running = slices.Insert(l.running, i, t)
	}
	l.h.running = nil // earlier histories keep their slice; the next one makes its own
}

// History returns a snapshot of the log. It costs a copy of the running
// trials if they have changed.
func (l *Log) History() History {
	if l.h.running == nil && len(l.running) > 0 {
		l.h.running = slices.Clone(l.running)
	}
	return l.h
}

// Trials returns all trials by number, including waiting ones.
func (l *Log) Trials() []*Trial {
	return slices.DeleteFunc(slices.Clone(l.trials), func(t *Trial) bool { return t == nil })
}

// Trial returns the trial with the given number, and whether there is one.
func (l *Log) Trial(number int) (*Trial, bool) {
	if number < 0 || number >= len(l.trials) || l.trials[number] == nil {
		return nil, false
	}
	return l.trials[number], true
}

// An intersection is the space that all trials so far have in common.
type intersection struct {
	n     int    // number of trials
	last  *Trial // nil if there is none
	space space.Space
}

func (i intersection) with(t *Trial) intersection {
	switch {
	case i.last == nil:
		return intersection{1, t, t.Space()}
	case sameParams(i.last.Params, t.Params): // the usual case
		return intersection{i.n + 1, t, i.space}
	}
	return intersection{i.n + 1, t, i.space.Intersect(t.Space())}
}

// sameParams reports whether the parameters have the same names and distributions, in the same
// order.
func sameParams(a, b []Param) bool {
	return slices.EqualFunc(a, b, func(p, q Param) bool { return p.Name == q.Name && space.Equal(p.Dist, q.Dist) })
}
