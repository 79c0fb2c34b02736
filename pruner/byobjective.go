package pruner

import (
	"errors"
	"fmt"
	"sync"

	"github.com/bluefin-hpo/bluefin/trial"
)

// ByObjective lets a pruner for one objective judge the trials of several by one of them. Pruner sees
// that objective's values, reports and direction alone.
//
// Do not copy a ByObjective or change its fields after first use.
type ByObjective struct {
	Objective int    // counted from 0
	Pruner    Pruner // required

	mu    sync.Mutex
	known map[*trial.Trial]*trial.Trial // finished trials, and what Pruner sees of them
}

// Prune decides whether to stop t after its newest report. It is an error if the study has no such
// objective or there is no Pruner; other errors are those of Pruner.
func (p *ByObjective) Prune(h trial.History, t *trial.Trial) (Verdict, error) {
	if err := p.check(h); err != nil {
		return Verdict{}, err
	}
	return p.Pruner.Prune(p.history(h), p.view(t))
}

// Bracketing returns that of Pruner, nil if it has none.
func (p *ByObjective) Bracketing(h trial.History) Bracketing {
	b, ok := p.Pruner.(BracketPruner)
	if !ok || p.check(h) != nil {
		return nil
	}
	return b.Bracketing(p.history(h))
}

func (p *ByObjective) check(h trial.History) error {
	switch n := len(h.Directions()); {
	case p.Objective < 0 || p.Objective >= n:
		return fmt.Errorf("ByObjective.Objective is %d, want 0 to %d", p.Objective, n-1)
	case p.Pruner == nil:
		return errors.New("ByObjective.Pruner is nil, want a pruner")
	}
	return nil
}

// history returns what Pruner sees of h.
func (p *ByObjective) history(h trial.History) trial.History {
	log := trial.NewLog(h.Directions()[p.Objective : p.Objective+1])
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil {
		p.known = map[*trial.Trial]*trial.Trial{}
	}
	for _, t := range h.Finished() {
		view, ok := p.known[t]
		if !ok {
			view = p.view(t)
			p.known[t] = view
		}
		log.Put(view)
	}
	for _, t := range h.Running() {
		log.Put(p.view(t))
	}
	return log.History()
}

// view returns t as a trial of one objective.
func (p *ByObjective) view(t *trial.Trial) *trial.Trial {
	view := *t
	view.Reports, view.Values = nil, nil
	for _, at := range t.Curve() {
		if p.Objective < len(at.Values) {
			view.Reports = append(view.Reports, trial.Report{Step: at.Step, Value: at.Values[p.Objective]})
		}
	}
	if p.Objective < len(t.Values) {
		view.Values = t.Values[p.Objective : p.Objective+1]
	}
	return &view
}
