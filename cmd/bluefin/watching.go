package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/bluefin-hpo/bluefin/study"
)

// watching shows a study while others run it, like progress: on a terminal as a live board, elsewhere a
// line for each trial that ends, or an object for each state.
type watching struct {
	*statusCommand
	*progress
	con  console
	seen int    // finished trials that were shown
	last string // the last state that was printed

	mu  sync.Mutex
	now studyState
}

// watching begins with a first state.
func (s *statusCommand) watching(con console, now studyState) *watching {
	if con.screen == nil {
		con.err = con.out // rows are data
	}
	cfg := study.Config{Directions: now.directions}
	w := &watching{statusCommand: s, progress: newProgress(con, now.outline, &cfg), con: con,
		seen: len(now.history.Finished())}
	w.front = now.history.ParetoFront()
	if con.screen != nil && s.format == "text" {
		w.stop = con.screen.hide
		con.screen.show(func(width, height int) []string {
			w.mu.Lock()
			b, h := w.now.board(), w.now.history
			w.mu.Unlock()
			return b.block(h, time.Now(), width, height)
		})
	}
	w.next(now)
	return w
}

// next shows a later state.
func (w *watching) next(now studyState) {
	w.mu.Lock()
	w.now = now
	w.mu.Unlock()
	finished := now.history.Finished()
	if w.format != "text" {
		if state := now.key(); state != w.last {
			w.last = state
			_ = w.print(w.con, now, true) // the writer keeps the error
		}
		return
	}
	for _, t := range finished[min(w.seen, len(finished)):] {
		w.row(t)
	}
	w.seen = len(finished)
	w.changed()
}

// key differs for states that look different, apart from clocks.
func (now studyState) key() string {
	key := fmt.Sprint(len(now.history.Finished()), now.waiting)
	for _, t := range now.history.Running() {
		key += fmt.Sprint(" ", t.Number, len(t.Reports), now.workers[t.Number].Gone)
	}
	return key
}
