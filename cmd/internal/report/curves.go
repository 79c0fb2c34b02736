package report

import (
	"cmp"
	"slices"

	"github.com/bluefin-hpo/bluefin/trial"
)

// Pruned is what pruning did.
type Pruned struct {
	Trials int // that were pruned
	Steps  int // that they reported
	Full   int // steps of a usual complete trial, the median; 0: none has reports
	Saved  int // steps that they would have reported in addition
	All    int // steps that all finished trials reported
}

// pruning measures what pruning did.
func pruning(h trial.History) (p Pruned) {
	var full []int
	for _, t := range h.Finished() {
		p.All += len(t.Reports)
		if t.State == trial.Complete && len(t.Reports) > 0 {
			full = append(full, len(t.Reports))
		}
	}
	if len(full) > 0 {
		slices.Sort(full)
		p.Full = full[len(full)/2]
	}
	for _, t := range h.Finished() {
		if t.State == trial.Pruned && t.Violation() == 0 {
			p.Trials++
			p.Steps += len(t.Reports)
			p.Saved += max(0, p.Full-len(t.Reports))
		}
	}
	return p
}

// pruned tells what pruning saved.
func (s Source) pruned() Section {
	p, n := pruning(s.History), s.tally()
	if p.Trials == 0 {
		return Section{}
	}
	step := cmp.Or(s.Step, "step")
	t := say("%d of %s (%s) stopped early, after %s on average.", p.Trials, counted(n.Finished(), "finished trial"),
		percent(float64(p.Trials)/float64(n.Finished())), counted((p.Steps+p.Trials/2)/p.Trials, step))
	switch {
	case p.Full == 0:
		t = append(t, say(" No complete trial has reports, so what that saved is unknown.")...)
	case p.Saved == 0:
		t = append(t, say(" A usual complete trial has %s, so that saved nothing.", counted(p.Full, step))...)
	default:
		t = append(t, say(" A usual complete trial has %s, so pruning saved about %s, %s of what the search would have taken "+
			"without it.", counted(p.Full, step), counted(p.Saved, step), percent(float64(p.Saved)/float64(p.Saved+p.All)))...)
	}
	return Section{Title: "What pruning saved", Text: []Text{t}}
}
