package report

import (
	"slices"

	"github.com/bluefin-hpo/bluefin/trial"
)

// The largest table of trials: more does not fit on paper.
const (
	shownTrials = 10
	shownParams = 6
)

// trialTable lists trials with their values and the parameters that come first in order.
func (s Source) trialTable(trials []*trial.Trial, order []string) Table {
	t := Table{Left: 0, Head: []Text{say("Trial")}}
	for _, n := range s.Names {
		t.Head = append(t.Head, say("%v", name(n)))
	}
	shown := order[:min(len(order), shownParams)]
	for _, param := range shown {
		t.Head = append(t.Head, say("%v", name(param)))
	}
	t.Head = append(t.Head, say("Time"))
	for _, u := range trials {
		row := []Text{say("%d", u.Number)}
		for _, x := range u.Values {
			row = append(row, say("%s", number(x)))
		}
		for _, param := range shown {
			row = append(row, valueOf(u, param))
		}
		t.Rows = append(t.Rows, append(row, say("%s", duration(u.Duration()))))
	}
	return t
}

// top lists the best trials of a study with one objective; those of several are the front.
func (s Source) top(f Found, m Mattered) Section {
	if f.Chosen == nil || len(f.Front) > 0 {
		return Section{}
	}
	d := s.History.Directions()[0]
	best := slices.DeleteFunc(slices.Clone(s.History.Finished()), func(t *trial.Trial) bool {
		return t.State != trial.Complete || t.Violation() > 0
	})
	slices.SortStableFunc(best, func(a, b *trial.Trial) int { return order(d, a.Values[0], b.Values[0]) })
	best = best[:min(len(best), shownTrials)]
	if len(best) < 2 {
		return Section{}
	}
	order := m.order(s)
	section := Section{Title: "The best trials", Tables: []Table{s.trialTable(best, order)}}
	if n := len(order); n > shownParams {
		section.Notes = []Text{say("The table has the %d most important of %d parameters.", shownParams, n)}
	}
	return section
}
