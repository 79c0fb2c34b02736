package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/bluefin-hpo/bluefin/storage"
)

// A writer runs writes one after the other, on one connection. The goroutine
// that has the turn commits for all that wait, so that many writes share one
// fsync. Between processes the turn goes by a lock file, because SQLite's own
// waiting lets a greedy process starve the others.
type writer struct {
	path    string
	file    os.FileInfo // what was at path when it was opened
	session *session
	turn    *turn

	mu      sync.Mutex
	waiting []*write
	led     bool // some goroutine leads
}

// A write is one call, waiting or running.
type write struct {
	ctx  context.Context
	f    func(*tx) error
	done chan error    // the result, from the leader
	lead chan struct{} // the order to lead
}

// maxGroup is how many writes share a commit at most.
const maxGroup = 64

// write runs f in a transaction that holds the write lock from its start. Once
// it is f's turn the end of ctx is not looked at any more.
func (db *DB) write(ctx context.Context, f func(*tx) error) error {
	if db.writer == nil {
		return storage.ErrReadOnly
	}
	w := &write{ctx: ctx, f: f, done: make(chan error, 1), lead: make(chan struct{}, 1)}
	db.writer.enter(w)
	select {
	case err := <-w.done:
		return err
	case <-w.lead:
		return db.writer.run(w)
	case <-ctx.Done():
	}
	if db.writer.leave(w) {
		return context.Cause(ctx)
	}
	select { // too late to leave
	case err := <-w.done:
		return err
	case <-w.lead:
		return db.writer.run(w)
	}
}

// enter puts w in the queue and lets it lead if nobody does.
func (wr *writer) enter(w *write) {
	wr.mu.Lock()
	defer wr.mu.Unlock()
	if wr.led {
		wr.waiting = append(wr.waiting, w)
		return
	}
	wr.led = true
	w.lead <- struct{}{}
}

// leave takes w out of the queue and reports whether it was there.
func (wr *writer) leave(w *write) bool {
	wr.mu.Lock()
	defer wr.mu.Unlock()
	for i, other := range wr.waiting {
		if other == w {
			wr.waiting = append(wr.waiting[:i], wr.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// run leads: it runs w and what waits by the time that it has the lock, and
// then lets the next one lead.
func (wr *writer) run(w *write) error {
	defer wr.pass()
	if err := wr.turn.take(w.ctx); err != nil {
		return cause(w.ctx, err)
	}
	defer wr.turn.give()
	// A write to a file that no longer has a name would be lost.
	if info, err := os.Stat(wr.path); err != nil || !os.SameFile(info, wr.file) {
		return fmt.Errorf("the study file %s was removed or replaced while it was in use", wr.path)
	}
	if err := wr.session.exec(w.ctx, `BEGIN IMMEDIATE`); err != nil {
		return cause(w.ctx, err)
	}
	group := []*write{w}
	wr.mu.Lock()
	n := min(len(wr.waiting), maxGroup-1)
	group = append(group, wr.waiting[:n]...)
	wr.waiting = append([]*write(nil), wr.waiting[n:]...)
	wr.mu.Unlock()
	errs := wr.commit(group)
	for i, other := range group[1:] {
		other.done <- errs[i+1]
	}
	return errs[0]
}

// pass ends the lead.
func (wr *writer) pass() {
	wr.mu.Lock()
	defer wr.mu.Unlock()
	if wr.led = len(wr.waiting) > 0; wr.led {
		next := wr.waiting[0]
		wr.waiting = wr.waiting[1:]
		next.lead <- struct{}{}
	}
}

// commit runs the writes of a group in the open transaction and commits those
// that have no error. If the transaction itself breaks, all fail.
func (wr *writer) commit(group []*write) []error {
	ctx := context.Background() // an interrupt would undo the writes of others
	errs := make([]error, len(group))
	done := 0
	var broken error
	for i, w := range group {
		switch {
		case broken != nil:
		case w.ctx.Err() != nil && i > 0:
			errs[i] = context.Cause(w.ctx)
		case len(group) == 1:
			errs[i] = w.f(&tx{ctx, wr.session})
		default:
			errs[i], broken = wr.saved(ctx, w)
		}
		if errs[i] == nil && broken == nil {
			done++
		}
	}
	if broken == nil && done > 0 {
		broken = wr.session.exec(ctx, `COMMIT`)
	}
	if broken != nil || done == 0 {
		// The error of a transaction that SQLite has rolled back already does
		// not matter.
		_ = wr.session.exec(ctx, `ROLLBACK`)
	}
	for i := range errs {
		if errs[i] == nil {
			errs[i] = broken
		}
		errs[i] = explain(errs[i])
	}
	return errs
}

// saved runs one write of several so that its error undoes nothing else.
func (wr *writer) saved(ctx context.Context, w *write) (err, broken error) {
	if broken = wr.session.exec(ctx, `SAVEPOINT one`); broken != nil {
		return nil, broken
	}
	if err = w.f(&tx{ctx, wr.session}); err != nil {
		broken = wr.session.exec(ctx, `ROLLBACK TO one`)
	}
	if broken == nil {
		broken = wr.session.exec(ctx, `RELEASE one`)
	}
	return err, broken
}

func (wr *writer) close() error { return errors.Join(wr.session.close(), wr.turn.close()) }
