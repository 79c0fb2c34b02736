package sqlite

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/bluefin-hpo/bluefin/storage"
)

// A writer runs writes one after the other on one connection. One goroutine
// leads: it takes the turn and commits for all that are waiting, so many writes
// share one fsync.
type writer struct {
	files   openFiles
	session *session
	turn    *turn

	outsiders time.Time // when another program last held SQLite's lock; only the leader uses it

	mu      sync.Mutex
	idle    sync.Cond // signalled when nobody leads
	waiting []*write
	// led is set from the moment a goroutine is told to lead until it passes the lead on
	led    bool
	closed bool
}

func newWriter(path string, s *session, t *turn) *writer {
	wr := &writer{files: openFiles{path: path}, session: s, turn: t}
	wr.idle.L = &wr.mu
	return wr
}

// A write is one call, waiting or running.
type write struct {
	ctx  context.Context
	f    func(*tx) error
	bare bool          // f must not run in a transaction
	done chan error    // receives the result from the leader
	lead chan struct{} // tells the goroutine to lead
}

func newWrite(ctx context.Context, f func(*tx) error) *write {
	return &write{ctx: ctx, f: f, done: make(chan error, 1), lead: make(chan struct{}, 1)}
}

// maxGroup is the largest number of writes that share a commit.
const maxGroup = 64

// write runs f in a transaction that holds the write lock from its start. The end
// of ctx stops the waiting, but not f.
func (db *DB) write(ctx context.Context, f func(*tx) error) error {
	if db.writer == nil {
		return storage.ErrReadOnly
	}
	return db.named(db.writer.do(newWrite(ctx, f)))
}

// do waits for the turn of w and returns its result.
func (wr *writer) do(w *write) error {
	if !wr.enter(w) {
		return errClosed
	}
	select {
	case err := <-w.done:
		return err
	case <-w.lead:
		return wr.run(w)
	case <-w.ctx.Done():
	}
	// While w is queued nobody runs it, so it can still be withdrawn.
	if wr.leave(w) {
		return context.Cause(w.ctx)
	}
	select { // too late to leave
	case err := <-w.done:
		return err
	case <-w.lead:
		return wr.run(w)
	}
}

// enter queues w, or lets it lead if nobody does. It returns false if the writer
// is closed.
func (wr *writer) enter(w *write) bool {
	wr.mu.Lock()
	defer wr.mu.Unlock()
	switch {
	case wr.closed:
		return false
	case wr.led:
		wr.waiting = append(wr.waiting, w)
	default:
		wr.led = true
		// The channel has room for one, so this never blocks under the lock.
		w.lead <- struct{}{}
	}
	return true
}

// leave removes w from the queue and reports whether it was there.
func (wr *writer) leave(w *write) bool {
	wr.mu.Lock()
	defer wr.mu.Unlock()
	n := len(wr.waiting)
	wr.waiting = slices.DeleteFunc(wr.waiting, func(other *write) bool { return other == w })
	return len(wr.waiting) < n
}

// run leads: it runs w and the writes that are waiting once it has the lock,
// then lets the next one lead.
func (wr *writer) run(w *write) error {
	if err := wr.turn.take(w.ctx); err != nil {
		wr.pass()
		return cause(w.ctx, err)
	}
	// It stays zero if the lock was never held; then yield has nothing to make up for.
	var start time.Time // of holding the lock
	defer func() { wr.yield(start) }()
	// Checked under the turn and before each commit, because an unlinked file accepts writes
	// too.
	if err := wr.files.check(); err != nil {
		return err
	}
	// VACUUM takes and releases SQLite's lock itself.
	if w.bare {
		return explain(newTx(context.Background(), wr.session).Run(w.f))
	}
	if err := wr.begin(w.ctx); err != nil {
		return err
	}
	start = time.Now()
	group := []*write{w}
	wr.mu.Lock()
	// The queue is read only now: whatever arrived while this write waited for the lock
	// shares its commit.
	n := 0
	for n < min(len(wr.waiting), maxGroup-1) && !wr.waiting[n].bare {
		n++
	}
	group = append(group, wr.waiting[:n]...)
	wr.waiting = append([]*write(nil), wr.waiting[n:]...)
	wr.mu.Unlock()
	errs := wr.commit(group)
	for i, other := range group[1:] {
		other.done <- errs[i+1]
	}
	return errs[0]
}

// yield releases the turn and the lead after a write that held the lock since
// start. Programs that take no turns, such as Optuna, poll SQLite's lock at
// intervals of up to 100 ms. If there are any, yield keeps the turn for as long
// again as the write took, without the lock, so they get half of the time.
func (wr *writer) yield(start time.Time) {
	end := func() {
		wr.turn.give()
		wr.pass()
	}
	if start.IsZero() || wr.outsiders.IsZero() || time.Since(wr.outsiders) > outsidersStay {
		end()
		return
	}
	time.AfterFunc(min(time.Since(start), longestYield), end)
}

const (
	// outsidersStay is how long another program counts as present.
	outsidersStay = 5 * time.Second

	// blocked is the shortest time that starting a transaction takes if another
	// program holds SQLite's lock: we have the turn, and SQLite waits 1 ms before
	// it tries again. Otherwise it takes some 20 µs.
	blocked = time.Millisecond

	// longestYield is the longest interval at which SQLite's busy handler polls.
	longestYield = 100 * time.Millisecond
)

// pass lets the next write lead.
func (wr *writer) pass() {
	wr.mu.Lock()
	defer wr.mu.Unlock()
	if wr.led = len(wr.waiting) > 0; wr.led {
		next := wr.waiting[0]
		wr.waiting = wr.waiting[1:]
		next.lead <- struct{}{}
	} else {
		wr.idle.Broadcast()
	}
}

// begin starts a transaction that holds the write lock. It rolls back on errors
// too, because the driver may report the end of ctx for a BEGIN that took effect.
func (wr *writer) begin(ctx context.Context) error {
	start := time.Now()
	err := wr.session.Exec(ctx, `BEGIN IMMEDIATE`)
	if time.Since(start) >= blocked {
		wr.outsiders = time.Now()
	}
	if err != nil {
		wr.rollback()
	}
	return cause(ctx, err)
}

// rollback ignores errors: SQLite may have rolled back already.
func (wr *writer) rollback() { _ = wr.session.Exec(context.Background(), `ROLLBACK`) }

// commit runs the writes of a group in the open transaction and commits those
// that succeed. If the transaction itself breaks, as on a full disk, it runs each
// write alone, because perhaps only one of them is too large.
func (wr *writer) commit(group []*write) []error {
	if len(group) == 1 {
		return []error{wr.alone(group[0])}
	}
	errs, broken := wr.together(group)
	if broken == nil {
		return errs
	}
	wr.rollback()
	for i, w := range group {
		if errs[i] = wr.begin(w.ctx); errs[i] == nil {
			errs[i] = wr.alone(w)
		}
	}
	return errs
}

// alone runs one write in the open transaction and commits it.
func (wr *writer) alone(w *write) error {
	err := newTx(context.Background(), wr.session).Run(w.f) // an interrupt could undo more than a statement
	if err == nil {
		err = wr.session.Exec(context.Background(), `COMMIT`)
	}
	if err != nil {
		wr.rollback()
	}
	return explain(err)
}

// together runs several writes in the open transaction and commits it. broken is
// an error of the transaction, which the caller must then roll back.
func (wr *writer) together(group []*write) (errs []error, broken error) {
	ctx := context.Background()
	errs = make([]error, len(group))
	for i, w := range group {
		// The leader's own write has begun and is finished; others may still be given up.
		if w.ctx.Err() != nil && i > 0 {
			errs[i] = context.Cause(w.ctx)
			continue
		}
		err, broken := wr.saved(ctx, w)
		if broken != nil {
			return errs, broken
		}
		// An error of one write is its own; the others still commit.
		errs[i] = explain(err)
	}
	return errs, wr.session.Exec(ctx, `COMMIT`)
}

// saved runs one write of several in a savepoint, so its error undoes nothing
// else.
func (wr *writer) saved(ctx context.Context, w *write) (err, broken error) {
	if broken = wr.session.Exec(ctx, `SAVEPOINT one`); broken != nil {
		return nil, broken
	}
	if err = newTx(ctx, wr.session).Run(w.f); err != nil {
		broken = wr.session.Exec(ctx, `ROLLBACK TO one`)
	}
	if broken == nil {
		broken = wr.session.Exec(ctx, `RELEASE one`)
	}
	return err, broken
}

// close refuses further writes and waits for those that were called.
func (wr *writer) close() error {
	wr.mu.Lock()
	// From here on enter refuses; the leader empties the queue and wakes this call.
	wr.closed = true
	for wr.led {
		wr.idle.Wait()
	}
	wr.mu.Unlock()
	return errors.Join(wr.session.close(), wr.turn.close())
}
