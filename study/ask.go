package study

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Ask starts a trial: an orphan whose worker is gone, else one from the queue, else a new one. End
// it with Tell or TellError. Until then its lease is renewed in the background. ctx is the parent
// of the trial's context.
func (s *Study) Ask(ctx context.Context) (*Trial, error) {
	return s.ask(ctx, storage.Claim{Lease: storage.Lease{Process: true}})
}

// AskDetached starts a trial that any program may end, by its number, with TellNumber. It draws and
// saves the given parameters, in this order. The lease lasts for the given time even if this
// process ends; 0: Config.Lease. If ctx ends during the call, the trial goes to the queue.
func (s *Study) AskDetached(ctx context.Context, params []space.Dimension, lease time.Duration) (*trial.Trial, error) {
	if lease < 0 {
		return nil, fmt.Errorf("lease is %v, want at least 0", lease)
	}
	if _, err := s.sync(ctx); err != nil {
		return nil, err
	}
	for _, d := range params { // first, since a trial that failed here would waste a number
		if known := s.dists.get(d.Name); known != nil && !space.Compatible(known, d.Dist) {
			return nil, fmt.Errorf("ask for %q: %w in an earlier trial: it is %v, want %s",
				d.Name, ErrConflict, d.Dist, compatible(known))
		}
	}
	t, err := s.ask(ctx, storage.Claim{Lease: storage.Lease{Duration: lease}})
	if err != nil {
		return nil, err
	}
	for _, d := range params {
		if c, ok := d.Dist.(space.Categorical); ok {
			d.Dist = c.Dist()
		}
		t.suggest(d.Name, intern(&s.dists, d.Name, d.Dist))
	}
	if err := t.Err(); err != nil {
		_, tellErr := s.TellError(ctx, t, err)
		return nil, errors.Join(err, tellErr)
	}
	if ctx.Err() != nil { // the caller will not learn the number
		return nil, errors.Join(context.Cause(ctx), s.release(context.WithoutCancel(ctx), t))
	}
	err = t.write(ctx, storage.Update{}) // saves what was drawn; the trial keeps running
	s.forget(t)
	return t.record.load(), err
}

// ask starts a trial under the terms of c and fills in those that the study decides.
func (s *Study) ask(ctx context.Context, c storage.Claim) (*Trial, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	h, split, err := s.syncSplit(ctx)
	if err != nil {
		return nil, err
	}
	// Seen is saved with the trial, so Replay knows the history that it was drawn from.
	c.Owner, c.Seen, c.Orphans = s.newOwner(), len(h.Finished()), s.cfg.Orphans
	if c.Duration == 0 {
		c.Duration = s.cfg.Lease
	}
	record, err := s.cfg.Storage.Begin(ctx, s.record.ID, c)
	if err != nil {
		return nil, fmt.Errorf("start a trial: %w", err)
	}
	from, beside, fresh := split.of(record.Number), split.beside(record.Number, h.Running()), true
	if record.Seen < len(h.Finished()) {
		// The trial started earlier. It draws from what was known then, so what its last worker
		// drew and could not save comes out the same.
		from, beside = s.past(record, h)
		fresh = false
	}
	t := newTrial(ctx, s, c.Lease, record, from, beside)
	t.split, t.fresh = split, fresh
	if err := t.loadQueued(); err != nil {
		t.fail(err)
	}
	// From here on, the other trials of this process see what t draws before it is saved.
	s.mu.Lock()
	s.live = append(s.live, t)
	s.mu.Unlock()
	t.begin()
	if s.cfg.OnTrialStart != nil {
		s.hook(s.cfg.OnTrialStart, t.record.load())
	}
	return t, nil
}

// newOwner returns a unique name for a claim.
func (s *Study) newOwner() string {
	return s.owner + "-" + strconv.FormatUint(s.claims.Add(1), 36)
}

// random returns the seeds of the stream for one draw. They depend on the arguments alone, so
// neither the number of workers nor their order matters, and a draw can be repeated.
func random(seed uint64, number int, name string) (s1, s2 uint64) {
	var array [64]byte // enough for most names
	b := binary.LittleEndian.AppendUint64(array[:0], seed)
	b = binary.LittleEndian.AppendUint64(b, uint64(number))
	sum := sha256.Sum256(append(b, name...))
	return binary.LittleEndian.Uint64(sum[:8]), binary.LittleEndian.Uint64(sum[8:16])
}
