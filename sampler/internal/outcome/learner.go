package outcome

import (
	"sync"

	"github.com/bluefin-hpo/bluefin/trial"
)

// A Learner learns from the histories of a study. It sorts each trial once, and keeps what it learned
// last. It is safe for concurrent use.
type Learner struct {
	mu   sync.Mutex
	seen int
	last *trial.Trial // the last of the seen ones

	run, infeasible, failed []*trial.Trial
	chances                 *Chances // of the seen trials; nil: not known yet
}

// Chances returns the chances after some finished trials; nil if all of them ran.
func (l *Learner) Chances(finished []*trial.Trial) *Chances {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(finished)
	if l.seen > n || l.seen > 0 && finished[l.seen-1] != l.last {
		l.seen, l.run, l.infeasible, l.failed, l.chances = 0, nil, nil, nil, nil
	}
	for _, t := range finished[l.seen:] {
		l.sort(t)
		l.chances = nil
	}
	if n > 0 {
		l.seen, l.last = n, finished[n-1]
	}
	if len(l.infeasible)+len(l.failed) == 0 {
		return nil
	}
	if l.chances == nil {
		misses := 0
		for _, t := range finished[max(0, n-lookBack):] {
			if t.Infeasible() || t.State == trial.Failed && len(t.Params) > 0 {
				misses++
			}
		}
		l.chances = newChances(l.run, l.infeasible, l.failed, misses)
	}
	return l.chances
}

// sort notes one more trial. A trial that failed before it had parameters says nothing about them.
func (l *Learner) sort(t *trial.Trial) {
	switch {
	case t.Infeasible():
		l.infeasible = append(l.infeasible, t)
	case t.State != trial.Failed:
		l.run = append(l.run, t)
	case len(t.Params) > 0:
		l.failed = append(l.failed, t)
	}
}
