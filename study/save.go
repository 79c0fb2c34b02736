package study

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// How a trial is saved: suggestions, attributes and constraints change the record in memory and
// wait for the next write. A report, a checkpoint and the end are written at once and take along
// whatever waits. A timer writes the rest after saveDelay, and renews the lease.

// saveDelay is how long draws and attributes of a trial may wait for its next write. A trial that
// ends sooner costs two commits, one to start it and one to end it.
const saveDelay = 20 * time.Millisecond

// saveAgain is how long to wait after a failed write.
const saveAgain = time.Second

// A saving holds what a live trial must still save, and the timer that does it. Trial.mu guards it.
type saving struct {
	saved     int  // number of saved parameters
	published bool // joint draws that were not suggested yet are saved
	unsaved
	timer *time.Timer // calls keep; runs until the trial is over
	soon  bool        // it fires within saveDelay or saveAgain
	renew time.Time   // when to renew the lease; zero at first
	wrote time.Time   // when the storage last agreed that the trial is ours
}

type unsaved struct {
	userAttrs   map[string]json.RawMessage
	systemAttrs map[string]json.RawMessage
	constraints map[string]float64
}

// dirty reports whether there is something to save. The caller holds t.mu.
func (t *Trial) dirty() bool {
	return t.saved < len(t.record.now.Params) || t.userAttrs != nil || t.systemAttrs != nil || t.constraints != nil
}

// begin starts the timer.
func (t *Trial) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.soon, t.wrote = true, time.Now()
	t.timer = time.AfterFunc(min(saveDelay, t.period()), t.keep)
}

// period is the time between two renewals of the lease.
func (t *Trial) period() time.Duration { return max(t.lease/3, time.Millisecond) }

// saveSoon schedules a write of what is unsaved. The caller holds t.mu.
func (t *Trial) saveSoon(delay time.Duration) {
	if !t.soon && !t.over {
		t.soon = true
		t.timer.Reset(min(delay, t.period()))
	}
}

// keep saves what is unsaved and renews the lease when it is due, until the trial is over. It
// continues after the context has ended, because the objective may still return a value. A failed
// write is tried again later; nothing is lost. If nothing was written for a while, an empty write,
// which costs no commit to disk, finds out whether another program has ended the trial.
func (t *Trial) keep() {
	t.mu.Lock()
	if t.over {
		t.mu.Unlock()
		return
	}
	var u storage.Update
	next := time.Now().Add(t.period())
	switch {
	case t.renew.IsZero():
		t.renew = next
	case time.Now().Before(t.renew):
	default:
		u.Renew = t.lease
	}
	idle := u.Renew == 0 && !t.dirty() && time.Since(t.wrote) < glance
	t.soon = false
	t.mu.Unlock()
	var err error
	if !idle {
		err = t.write(context.WithoutCancel(t.ctx), u)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.over, isGone(err):
		return
	case errors.Is(err, storage.ErrInvalid): // writing it again would fail again
		t.fail(err)
	case err == nil && u.Renew > 0:
		t.renew = next
	}
	if !t.soon {
		t.timer.Reset(min(time.Until(t.renew), glance))
	}
}

// write writes u and everything unsaved. The caller does not hold t.mu.
func (t *Trial) write(ctx context.Context, u storage.Update) error {
	// One write at a time, so the last value of an attribute wins.
	select {
	case t.writing <- struct{}{}:
		defer func() { <-t.writing }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err := t.study.storeBeliefs(ctx); err != nil {
		return err
	}
	t.mu.Lock()
	if t.over { // it ended while keep waited for its turn
		t.mu.Unlock()
		return storage.ErrFinished
	}
	saving := t.unsaved
	u.Params = t.record.now.Params[t.saved:]
	t.unsaved = unsaved{}
	var joint map[string]json.RawMessage
	if u.State == trial.Running && !t.published { // a trial that ends has nothing left to announce
		joint = publish(&t.record.now)
	}
	t.mu.Unlock()
	u.Owner = t.owner
	u.Constraints = merged(u.Constraints, saving.constraints)
	u.UserAttrs = merged(saving.userAttrs, u.UserAttrs)
	u.SystemAttrs = merged(merged(saving.systemAttrs, u.SystemAttrs), joint)
	err := t.study.cfg.Storage.Write(ctx, t.study.record.ID, t.Number(), u)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err == nil:
		t.wrote = time.Now()
		t.saved += len(u.Params) // more may have been drawn during the write
		t.published = t.published || joint != nil
		t.over = t.over || u.State != trial.Running
	case errors.Is(err, storage.ErrFinished):
		err = endedError{err}
		t.cancel(err)
	case isGone(err):
		t.cancel(err)
	default:
		// Put it back. An attribute that was set again during the write wins; of a constraint the
		// first value stays.
		t.unsaved.userAttrs = merged(saving.userAttrs, t.unsaved.userAttrs)
		t.unsaved.systemAttrs = merged(saving.systemAttrs, t.unsaved.systemAttrs)
		t.unsaved.constraints = merged(t.unsaved.constraints, saving.constraints)
		t.saveSoon(saveAgain)
	}
	return err
}

// isGone reports whether an error of a write means that the trial is not ours any more, or that its
// study was deleted.
func isGone(err error) bool {
	return errors.Is(err, storage.ErrLost) || errors.Is(err, storage.ErrFinished) || errors.Is(err, storage.ErrNotExist)
}

// end ends the background work of the trial.
func (t *Trial) end() {
	t.cancel(nil)
	t.mu.Lock()
	t.over = true
	t.unsaved = unsaved{}
	waiting := t.timer.Stop()
	t.mu.Unlock()
	if !waiting { // keep may be writing: wait for it; a keep that has yet to start finds the trial over
		t.writing <- struct{}{}
		<-t.writing
	}
}
