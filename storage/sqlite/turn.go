package sqlite

import (
	"context"
	"os"
	"sync"
)

// A turn is a lock on a file that processes hold while they write. The system
// wakes waiting processes in order, so none starves, as can happen with SQLite's
// own waiting. It is only for fairness; SQLite's locks keep the file sound.
type turn struct {
	file *os.File // nil: there are no turns

	mu      sync.Mutex
	waiting chan error // of the goroutine that wants the turn, at most one
	asking  bool       // a system call is waiting for the lock
	closed  bool
}

// newTurn returns a turn by the lock on the file at path, which it creates if
// missing. If that fails, or where the system has no such locks, processes
// compete for SQLite's locks alone.
func newTurn(path string) *turn {
	// The file stays when it is no longer used: removing it would let two processes lock two
	// files of one name.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		f, err = os.Open(path) // another user's: read access is enough for a lock
	}
	if err != nil {
		// Read-only folders and the like must not keep anybody from writing what SQLite lets them
		// write.
		return &turn{}
	}
	return &turn{file: f}
}

// take waits for the turn, and fails only when ctx ends. One goroutine at a time
// may call it. If the system refuses such locks it returns at once.
func (t *turn) take(ctx context.Context) error {
	if t.file == nil {
		return nil
	}
	t.mu.Lock()
	// The usual case needs no goroutine. Not while one is asking: both would hold one lock.
	if !t.asking && tryLock(t.file) {
		t.mu.Unlock()
		return nil
	}
	// Room for one, so ask never blocks on a caller that has given up.
	got := make(chan error, 1)
	t.waiting = got
	if !t.asking {
		t.asking = true
		go t.ask()
	}
	t.mu.Unlock()
	select {
	case <-got: //nolint:errcheck // turns are only for fairness: without them SQLite's own locks decide
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	// Nobody would release a lock that arrives after the caller has left.
	if t.waiting == nil { // the lock arrived at the same time
		if err := <-got; err == nil {
			unlock(t.file)
		}
	}
	t.waiting = nil
	return context.Cause(ctx)
}

// ask waits for the lock in a system call that cannot be interrupted, and
// releases it if nobody wants it any more.
func (t *turn) ask() {
	err := lock(t.file)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asking = false
	switch {
	case t.closed:
		t.file.Close() // which also releases the lock
	case t.waiting != nil:
		t.waiting <- err
		t.waiting = nil
	case err == nil:
		unlock(t.file)
	}
}

// give releases the turn.
func (t *turn) give() {
	if t.file != nil {
		unlock(t.file)
	}
}

// close closes the file, or lets a system call that still waits for the lock
// close it when it returns.
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
