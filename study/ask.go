package study

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/bluefin-hpo/bluefin/internal/process"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study/schedule"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Ask starts a trial: an orphan whose worker is gone, else one from the queue, else a new one. End
// it with Tell or TellError. Until then its lease is renewed in the background. ctx is the parent
// of the trial's context.
func (s *Study) Ask(ctx context.Context) (*Trial, error) {
	return s.ask(ctx, storage.Claim{Lease: storage.Lease{Process: process.Self()}}, s.cfg.Scheduler, nil)
}

// ask starts a trial under the terms of c and fills in those that the study decides. by chooses the trial;
// nil: the storage does. used reports whether a budget of steps is used up; nil: there is none.
func (s *Study) ask(ctx context.Context, c storage.Claim, by schedule.Scheduler, used func() bool) (*Trial, error) {
	if by != nil {
		return s.next(ctx, c, by, used)
	}
	t, err := s.claim(ctx, c, used)
	if err == nil {
		t.start(nil)
	}
	return t, err
}

// claim claims a trial. The caller calls its method start.
func (s *Study) claim(ctx context.Context, c storage.Claim, used func() bool) (*Trial, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	h, split, err := s.syncSplit(ctx)
	if err != nil {
		return nil, err
	}
	s.noteBeliefs(h)
	s.noteInfeasible(h)
	if c.Owner == "" {
		c.Owner = s.newOwner()
	}
	if c.Duration == 0 {
		c.Duration = s.cfg.Lease
	}
	// Seen is saved with the trial, so Replay knows the history that it was drawn from.
	c.Seen, c.Orphans = len(h.Finished()), s.cfg.Orphans
	record, err := s.cfg.Storage.Begin(ctx, s.record.ID, c)
	if err != nil {
		return nil, fmt.Errorf("start a trial: %w", err)
	}
	from, beside, fresh := split.of(record.Number), split.beside(record.Number, h.Running()), true
	var paused []*trial.Trial
	if s.cfg.Scheduler != nil {
		s.mu.Lock()
		paused = s.pausedTrials()
		s.mu.Unlock()
		from = withPaused(from, paused)
	}
	if record.Seen < len(h.Finished()) {
		// The trial started earlier. It draws from what was known then, so what its last worker
		// drew and could not save comes out the same.
		from, beside = s.past(record, h)
		fresh = false
	}
	t := newTrial(ctx, s, c.Lease, record, from, beside)
	t.split, t.fresh = split, fresh
	t.slice = newSlice(s.cfg, record, used)
	if fresh {
		t.beside = paused
	}
	if err := t.loadQueued(); err != nil {
		t.fail(err)
	}
	// From here on, the other trials of this process see what t draws before it is saved.
	s.mu.Lock()
	s.live = append(s.live, t)
	s.mu.Unlock()
	t.begin()
	return t, nil
}

// start starts a trial with the parameters that a scheduler has drawn.
func (t *Trial) start(params map[string]float64) {
	if params != nil && t.fresh && len(t.record.load().Params) == 0 {
		t.mu.Lock()
		t.joint, t.asked = params, true
		t.record.change(func(now *trial.Trial) { now.Joint = params })
		t.mu.Unlock()
	}
	if f := t.study.cfg.OnTrialStart; f != nil {
		t.study.hook(f, t.record.load())
	}
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
