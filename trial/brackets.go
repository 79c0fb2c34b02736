package trial

import "slices"

// A Bracketing parts the trials of a study by their numbers, as Hyperband does.
// Bracketings are compared with ==: equal ones part alike.
type Bracketing interface {
	// Bracket returns the bracket of a trial, from 0.
	Bracket(number int) int
}

// Brackets are the trials of a study, as they finish, in brackets. The zero
// value has none. They are not safe for concurrent use; the histories are.
type Brackets struct {
	by   Bracketing
	seen int // so many finished trials are in the brackets
	all  []bracket
}

// A bracket is a log of copies of trials, whose Seen counts those in the log.
type bracket struct {
	log    *Log
	places []int // in the finishing order of the study
}

// Part parts a history. It goes on from the last call if that was for an
// earlier history of the same study, with an equal by; else it begins anew. If
// by is nil, all trials are in one bracket.
func (b *Brackets) Part(h History, by Bracketing) Parted {
	if by == nil {
		return Parted{whole: h}
	}
	if b.by != by || len(h.finished) < b.seen {
		*b = Brackets{by: by}
	}
	for ; b.seen < len(h.finished); b.seen++ {
		t := h.finished[b.seen]
		i := by.Bracket(t.Number)
		b.reach(i, h)
		b.all[i].put(t, b.seen)
	}
	p := Parted{whole: h, by: by, finished: make([]History, len(b.all))}
	for i := range b.all {
		p.finished[i] = b.all[i].log.h
	}
	return p
}

// reach makes brackets up to i.
func (b *Brackets) reach(i int, h History) {
	for i >= len(b.all) {
		b.all = append(b.all, bracket{log: NewLog(h.directions)})
	}
}

// put adds a trial that is at the given place in the finishing order.
func (b *bracket) put(t *Trial, place int) {
	c := *t
	c.Seen, _ = slices.BinarySearch(b.places, t.Seen) // how many of the places are below
	b.places = append(b.places, place)
	b.log.Put(&c)
}

// A Parted is a history in brackets. It never changes.
type Parted struct {
	whole    History
	by       Bracketing // nil: one bracket
	finished []History  // of each bracket, without running trials; there may be more brackets
}

// WithRunning returns p with the given running trials, by number, in place of its
// own. It takes over running.
func (p Parted) WithRunning(running []*Trial) Parted {
	p.whole = p.whole.WithRunning(running)
	return p
}

// Of returns the history of the trials in the bracket of the given trial. Its
// finished trials are copies whose Seen counts those of the bracket, so that a
// trial was drawn from Finished()[:Seen] in this history too. Their pointers
// stay the same in later histories. Running trials are as they are in the study,
// and so are all numbers: only Seen and places in Finished compare.
func (p Parted) Of(number int) History {
	if p.by == nil {
		return p.whole
	}
	own := p.by.Bracket(number)
	h := History{directions: p.whole.directions}
	if own < len(p.finished) {
		h = p.finished[own]
	}
	for _, t := range p.whole.running {
		if p.by.Bracket(t.Number) == own {
			h.running = append(h.running, t)
		}
	}
	return h
}
