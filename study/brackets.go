package study

import (
	"slices"

	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/trial"
)

// brackets sorts the finished trials of a study by bracket. The zero value is empty. It is not safe
// for concurrent use; the histories it returns are.
type brackets struct {
	by   pruner.Bracketing
	seen int // number of finished trials in the brackets
	all  []bracket
}

// A bracket is a log of copies of trials, whose Seen counts trials of the log: a sampler that folds
// a history relies on Finished()[:Seen], and must not notice that there are other brackets.
type bracket struct {
	log    *trial.Log
	places []int // where its trials are in the finishing order of the study
}

// split splits a history. If the last call was for an earlier history of the same study and an
// equal by, it continues from there; else it starts over. A nil by puts all trials into one
// bracket.
func (b *brackets) split(h trial.History, by pruner.Bracketing) splitHistory {
	if by == nil {
		return splitHistory{whole: h}
	}
	finished := h.Finished()
	if b.by != by || len(finished) < b.seen {
		*b = brackets{by: by}
	}
	for ; b.seen < len(finished); b.seen++ {
		t := finished[b.seen]
		i := by.Bracket(t.Number)
		for i >= len(b.all) {
			b.all = append(b.all, bracket{log: trial.NewLog(h.Directions())})
		}
		b.all[i].put(t, b.seen)
	}
	s := splitHistory{whole: h, by: by, finished: make([]trial.History, len(b.all))}
	for i := range b.all {
		s.finished[i] = b.all[i].log.History()
	}
	return s
}

// put adds a trial, given its place in the finishing order.
func (b *bracket) put(t *trial.Trial, place int) {
	c := *t
	c.Seen, _ = slices.BinarySearch(b.places, t.Seen)
	b.places = append(b.places, place)
	b.log.Put(&c)
}

// A splitHistory is a history split into brackets. It is immutable.
type splitHistory struct {
	whole    trial.History
	by       pruner.Bracketing // nil: one bracket
	finished []trial.History   // of each bracket, up to the last one with a finished trial
}

// of returns the finished trials in the bracket of the given trial. They are copies whose Seen
// counts within the bracket, so a trial was drawn from Finished()[:Seen] here too. Later histories
// have the same pointers.
func (s splitHistory) of(number int) trial.History {
	if s.by == nil {
		return s.whole.WithoutRunning()
	}
	if own := s.by.Bracket(number); own < len(s.finished) {
		return s.finished[own]
	}
	return trial.NewLog(s.whole.Directions()).History()
}

// beside returns the running trials in the bracket of the given trial, unchanged.
func (s splitHistory) beside(number int, running []*trial.Trial) []*trial.Trial {
	if s.by == nil {
		return running
	}
	own := s.by.Bracket(number)
	var beside []*trial.Trial
	for _, t := range running {
		if s.by.Bracket(t.Number) == own {
			beside = append(beside, t)
		}
	}
	return beside
}
