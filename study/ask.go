package study

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Ask begins a trial: an orphan whose worker is gone, else one from the queue,
// else a new one. The trial must end with Tell. Until then its lease is
// renewed in the background. ctx becomes the parent of the trial's context.
func (s *Study) Ask(ctx context.Context) (*Trial, error) {
	return s.ask(ctx, storage.Claim{Lease: storage.Lease{Process: true}})
}

// AskDetached begins a trial that any program may tell by its number with
// TellNumber: it draws and saves the given parameters, in their order, and the lease
// lasts for the given time, whether this process lives or not; 0 means
// Config.Lease. If ctx ends meanwhile, the trial goes to the queue.
func (s *Study) AskDetached(ctx context.Context, params []space.Dimension, lease time.Duration) (*trial.Trial, error) {
	if lease < 0 {
		return nil, fmt.Errorf("lease is %v, want at least 0", lease)
	}
	if _, err := s.sync(ctx); err != nil {
		return nil, err
	}
	for _, d := range params { // before a trial starts: its number would be used up
		if known := s.dists.get(d.Name); known != nil && !space.Compatible(known, d.Dist) {
			return nil, fmt.Errorf("ask for %q: %w in an earlier trial: it is %v, want %s", d.Name, ErrConflict, d.Dist, compatible(known))
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
	if ctx.Err() != nil { // while it was drawn: nobody will learn its number
		return nil, errors.Join(context.Cause(ctx), s.release(context.WithoutCancel(ctx), t))
	}
	err = t.write(ctx, storage.Update{}) // which saves what was drawn and leaves the trial running
	s.forget(t)
	return t.record.load(), err
}

// ask begins a trial under the terms of c, of which it fills in what the study
// decides.
func (s *Study) ask(ctx context.Context, c storage.Claim) (*Trial, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	h, split, err := s.syncSplit(ctx)
	if err != nil {
		return nil, err
	}
	c.Owner, c.Seen, c.Orphans = s.newOwner(), len(h.Finished()), s.cfg.Orphans
	if c.Duration == 0 {
		c.Duration = s.cfg.Lease
	}
	record, err := s.cfg.Storage.Begin(ctx, s.record.ID, c)
	if err != nil {
		return nil, fmt.Errorf("begin a trial: %w", err)
	}
	from, beside, now := split.of(record.Number), split.beside(record.Number, h.Running()), &split
	if record.Seen < len(h.Finished()) {
		// The trial was begun before: draw from what was known then, so that
		// what its last worker drew and could not save comes out the same.
		from, beside = s.past(record, h)
		now = nil
	}
	t := newTrial(ctx, s, c.Lease, record, from, beside)
	t.split = now
	if err := t.loadQueued(); err != nil {
		t.fail(err)
	}
	s.mu.Lock()
	s.live = append(s.live, t)
	s.mu.Unlock()
	t.begin()
	if s.cfg.OnTrialStart != nil {
		s.hook(s.cfg.OnTrialStart, t.record.load()) // which copies the record
	}
	return t, nil
}

// newOwner returns a name that no other claim has.
func (s *Study) newOwner() string {
	return s.owner + "-" + strconv.FormatUint(s.claims.Add(1), 36)
}

// Enqueue queues a trial with the given parameters, in external form, and
// returns its number. Parameters that it does not name will be drawn.
// Whether the values fit is known when the objective suggests them: the trial
// fails if they do not.
func (s *Study) Enqueue(ctx context.Context, params map[string]any) (number int, err error) {
	return s.enqueue(ctx, params, -1)
}

// EnqueueFirst queues a trial as Enqueue does if the study has none yet. It
// says whether it did; of several programs that call it at once, one does.
func (s *Study) EnqueueFirst(ctx context.Context, params map[string]any) (bool, error) {
	_, err := s.enqueue(ctx, params, 0)
	if errors.Is(err, storage.ErrExist) {
		return false, nil
	}
	return err == nil, err
}

// EnqueueOnce queues a trial as Enqueue does, unless one with the same
// parameters is queued, runs or has finished, whether it failed or not. It
// returns the number of the trial, and whether it is new. Two programs that call
// it at the same moment may queue both.
func (s *Study) EnqueueOnce(ctx context.Context, params map[string]any) (number int, added bool, err error) {
	trials, err := s.Trials(ctx)
	if err != nil {
		return 0, false, err
	}
	text, err := fixed(params)
	if err != nil {
		return 0, false, err
	}
	for _, t := range trials {
		if bytes.Equal(t.SystemAttrs[sysattr.FixedParams], text) || hasParams(t, params) {
			return t.Number, false, nil
		}
	}
	number, err = s.enqueue(ctx, params, -1)
	return number, err == nil, err
}

func (s *Study) enqueue(ctx context.Context, params map[string]any, number int) (int, error) {
	text, err := fixed(params)
	if err != nil {
		return 0, err
	}
	number, err = s.cfg.Storage.Add(ctx, s.record.ID, &trial.Trial{
		Number: number, State: trial.Waiting, SystemAttrs: map[string]json.RawMessage{sysattr.FixedParams: text},
	})
	if err != nil {
		return 0, fmt.Errorf("enqueue: %w", err)
	}
	return number, nil
}

// fixed returns the JSON of the parameters of a queued trial.
func fixed(params map[string]any) ([]byte, error) {
	for name := range params {
		if err := storage.CheckName("parameter name", name); err != nil {
			return nil, err
		}
	}
	text, err := pyjson.Marshal(params)
	if err != nil {
		return nil, fmt.Errorf("enqueue %v: %w, want nil, true, false, a number or a text", params, err)
	}
	return text, nil
}

// hasParams reports whether a trial has these parameters, in external form, and
// no others.
func hasParams(t *trial.Trial, params map[string]any) bool {
	if len(t.Params) != len(params) {
		return false
	}
	for _, p := range t.Params {
		v, ok := params[p.Name]
		if !ok {
			return false
		}
		if x, err := p.Dist.Internal(v); err != nil || x != p.Value {
			return false
		}
	}
	return true
}

// random returns the seeds of the stream for one draw. They depend on nothing
// but the arguments, so that neither the number of workers nor their order
// matters, and a draw can be repeated.
func random(seed uint64, number int, name string) (s1, s2 uint64) {
	var array [64]byte // enough for most names
	b := binary.LittleEndian.AppendUint64(array[:0], seed)
	b = binary.LittleEndian.AppendUint64(b, uint64(number))
	sum := sha256.Sum256(append(b, name...))
	return binary.LittleEndian.Uint64(sum[:8]), binary.LittleEndian.Uint64(sum[8:16])
}
