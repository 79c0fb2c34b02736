package study

import (
	"slices"

	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/trial"
)

// brackets gather the finished trials of a study by bracket. The zero value has
// none. They are not safe for concurrent use; the histories they return are.
type brackets struct {
	by   pruner.Bracketing
	seen int // how many finished trials are in the brackets
	all  []bracket
}

// A bracket is a log of copies of trials, whose Seen counts the trials of the log.
type bracket struct {
	log    *trial.Log
	places []int // of its trials in the finishing order of the study
}

// split splits a history. It continues from the last call if that was for an
// earlier history of the same study with an equal by, else it starts over. A nil
// by puts all trials into one bracket.
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

// put adds the trial at the given place of the finishing order.
func (b *bracket) put(t *trial.Trial, place int) {
	c := *t
	c.Seen, _ = slices.BinarySearch(b.places, t.Seen) // how many of the places are below
	b.places = append(b.places, place)
	b.log.Put(&c)
}

// A splitHistory is a history split into brackets. It never changes.
type splitHistory struct {
	whole    trial.History
	by       pruner.Bracketing // nil: one bracket
	finished []trial.History   // of the brackets that have any
}

// of returns the finished trials in the bracket of the given trial. They are
// copies whose Seen counts within the bracket, so that a trial was drawn from
// Finished()[:Seen] in this history too. Their pointers stay the same in later
// histories.
func (s splitHistory) of(number int) trial.History {
	if s.by == nil {
		return s.whole.WithoutRunning()
	}
	if own := s.by.Bracket(number); own < len(s.finished) {
		return s.finished[own]
	}
	return trial.NewLog(s.whole.Directions()).History()
}

// beside returns those of the running trials that are in the bracket of the given
// trial. They are as they are in the study.
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
