//go:build unix && !solaris && !aix

package sqlite

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"
)

// A turn that is given up, or closed, while the system still waits for the
// lock neither keeps the lock nor touches a closed file.
func TestTurnIsGivenUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	holder, waiter, third := newTurn(path), newTurn(path), newTurn(path)
	if err := holder.take(t.Context()); err != nil {
		t.Fatal(err)
	}
	why := errors.New("no patience")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Millisecond, why)
	defer cancel()
	for range 3 {
		if err := waiter.take(ctx); !errors.Is(err, why) {
			t.Errorf("got %v, want the cause", err)
		}
	}
	if err := waiter.close(); err != nil {
		t.Error(err)
	}
	holder.give()
	ctx, cancel = context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := third.take(ctx); err != nil {
		t.Errorf("the turn is stuck with one who gave up: %v", err)
	}
	third.give()
	if err := errors.Join(third.close(), holder.close()); err != nil {
		t.Error(err)
	}
}
