package sqlite

import (
	"context"
	"os"
	"sync"
)

// A turn lets processes take turns: the one that holds the lock on a file has
// it, and the system wakes those that wait in order. It is only a courtesy
// among the users of this package; SQLite's own locks keep the file sound.
type turn struct {
	file *os.File // nil: there are no turns

	mu      sync.Mutex
	waiting chan error // of the goroutine that wants the turn, at most one
	asking  bool       // a call of the system is waiting for the lock
	closed  bool
}

// newTurn returns a turn by the lock on the file at path, which is made if it
// is missing. Without that file, or where the system has no such locks, the
// processes compete by SQLite's locks alone.
func newTurn(path string) *turn {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		f, err = os.Open(path) // of another user: a lock needs no more
	}
	if err != nil {
		return &turn{}
	}
	return &turn{file: f}
}

// take waits for the turn. One goroutine at a time may call it. Where the
// system refuses such locks there is nothing to wait for; the error is that of
// ctx.
func (t *turn) take(ctx context.Context) error {
	if t.file == nil {
		return nil
	}
	t.mu.Lock()
	if !t.asking && tryLock(t.file) {
		t.mu.Unlock()
		return nil
	}
	got := make(chan error, 1)
	t.waiting = got
	if !t.asking {
		t.asking = true
		go t.ask()
	}
	t.mu.Unlock()
	select {
	case <-got:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting == nil { // the lock came at the same time
		if err := <-got; err == nil {
			unlock(t.file)
		}
	}
	t.waiting = nil
	return context.Cause(ctx)
}

// ask waits for the lock, which cannot be interrupted, and gives it back if
// nobody wants it any more.
func (t *turn) ask() {
	err := lock(t.file)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asking = false
	switch {
	case t.closed:
		t.file.Close() // which also gives the lock back
	case t.waiting != nil:
		t.waiting <- err
		t.waiting = nil
	case err == nil:
		unlock(t.file)
	}
}

// give ends the turn.
func (t *turn) give() {
	if t.file != nil {
		unlock(t.file)
	}
}

// close ends the use of the turn. A call of the system that still waits for
// the lock cannot be ended; it closes the file when it returns.
func (t *turn) close() error {
	if t.file == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	if t.asking {
		return nil
	}
	return t.file.Close()
}
