package study

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bluefin-hpo/bluefin/space/pyjson"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// saveDelay is how long something that a trial has drawn or noted may wait
// for the next write of that trial. So a trial that ends sooner costs two
// commits, one to begin it and one to end it.
const saveDelay = 20 * time.Millisecond

// saveAgain is how long to wait after a storage has failed to save it.
const saveAgain = time.Second

// A Trial is a running trial, in the hands of an objective. Its methods are
// safe for concurrent use.
//
// Suggestions return a value and no error. The first error of a suggestion is
// kept: it cancels Context, Err returns it, and the trial fails with it
// whatever the objective returns. Suggestions after it return a value in the
// range that was asked for, or zero if there is none.
type Trial struct {
	study   *Study
	history trial.History // what the parameters are drawn from
	lease   storage.Lease
	ctx     context.Context
	cancel  context.CancelCauseFunc
	keeper  sync.WaitGroup
	closing context.Context // ends when the trial is over for this Study
	close   context.CancelFunc
	writing chan struct{} // holds one element while a write runs

	// The record is read without the lock, so that no one waits for a sampler
	// or a storage. It is replaced, never changed, with the lock held.
	record atomic.Pointer[trial.Trial]

	mu     sync.Mutex         // guards the following
	queued map[string]any     // external values that the queue has fixed
	joint  map[string]float64 // what the joint sampler drew; nil: not asked yet
	err    error              // the sticky error
	over   bool               // told, given back or lost: nothing can be added
	unsaved
}

// unsaved is what a live trial has and its storage has not.
type unsaved struct {
	params      []trial.Param
	userAttrs   map[string]json.RawMessage
	constraints map[string]float64
	timer       *time.Timer // runs while there is something to save
}

func newTrial(ctx context.Context, s *Study, lease storage.Lease, record *trial.Trial, h trial.History) *Trial {
	t := &Trial{study: s, history: h, lease: lease, writing: make(chan struct{}, 1)}
	t.closing, t.close = context.WithCancel(context.Background())
	t.record.Store(record)
	t.ctx, t.cancel = context.WithCancelCause(ctx)
	return t
}

// loadQueued reads the parameters that the queue has fixed.
func (t *Trial) loadQueued() error {
	text, ok := t.record.Load().SystemAttrs[fixedParams]
	if !ok {
		return nil
	}
	v, err := pyjson.Unmarshal(text)
	if err == nil {
		if t.queued, ok = v.(map[string]any); !ok {
			err = errors.New("want a JSON object")
		}
	}
	if err != nil {
		return fmt.Errorf("the queued parameters %.200q: %w", text, err)
	}
	return nil
}

// Number returns the number of the trial in its study, from 0.
func (t *Trial) Number() int { return t.record.Load().Number }

// Context ends when the study stops, when the trial was given to another
// worker, and when a suggestion fails; context.Cause says why.
func (t *Trial) Context() context.Context { return t.ctx }

// Err returns the first error of a suggestion, nil if there was none.
func (t *Trial) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// Params returns the parameters so far, in external form.
func (t *Trial) Params() map[string]any {
	params := map[string]any{}
	for _, p := range t.record.Load().Params {
		params[p.Name] = p.External()
	}
	return params
}

// Report saves an intermediate value of the objective and asks the pruner. It
// returns ErrPruned if the trial should stop, and the cause if Context has
// ended; an objective returns either as it is. Step must be at least 0. A step
// that was reported before keeps its value.
func (t *Trial) Report(step int, value float64) error {
	if n := len(t.study.record.Directions); n > 1 {
		return fmt.Errorf("study: report in a study with %d objectives, want 1", n)
	}
	if step < 0 {
		return fmt.Errorf("study: report at step %d, want at least 0", step)
	}
	if t.ctx.Err() != nil {
		return context.Cause(t.ctx)
	}
	var h trial.History
	if t.study.cfg.Pruner != nil {
		var err error
		if h, err = t.study.sync(t.ctx); err != nil {
			return err
		}
	}
	r := trial.Report{Step: step, Value: value}
	record, added := withReport(t.record.Load(), r)
	if !added {
		return nil
	}
	var verdict trial.Verdict
	if t.study.cfg.Pruner != nil {
		var err error
		if verdict, err = t.study.cfg.Pruner.Prune(h, record); err != nil {
			return fmt.Errorf("pruner: %w", err)
		}
	}
	if err := t.write(t.ctx, storage.Update{Reports: []trial.Report{r}, SystemAttrs: verdict.Attrs}); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	record, _ = withReport(t.record.Load(), r) // which may have new parameters by now
	record.SystemAttrs = merged(record.SystemAttrs, verdict.Attrs)
	t.record.Store(record)
	if verdict.Prune {
		return ErrPruned
	}
	return nil
}

// withReport returns a copy of a record with one more report, or false if its
// step was reported before.
func withReport(t *trial.Trial, r trial.Report) (*trial.Trial, bool) {
	record := *t
	i, found := slices.BinarySearchFunc(record.Reports, r.Step, func(r trial.Report, step int) int { return r.Step - step })
	if !found {
		record.Reports = slices.Insert(slices.Clone(record.Reports), i, r)
	}
	return &record, !found
}

// Reports returns the reports so far, by step: also those that an earlier
// worker made before the checkpoint that Resume returns.
func (t *Trial) Reports() []trial.Report { return slices.Clone(t.record.Load().Reports) }

// Checkpoint saves the state of a training, in place of an earlier one, so that
// another worker can go on from it if this one ends. Step is that of the last
// report that belongs to the state; data is at most storage.MaxCheckpoint
// bytes.
func (t *Trial) Checkpoint(step int, data []byte) error {
	if t.ctx.Err() != nil {
		return context.Cause(t.ctx)
	}
	return t.write(t.ctx, storage.Update{Checkpoint: &storage.Checkpoint{Step: step, Data: data, Keep: t.study.cfg.KeepCheckpoints}})
}

// Resume returns the checkpoint of an earlier worker of this trial, or nil if
// there is none and the training starts at its beginning. The reports up to the
// checkpoint's step are part of the trial already; see Reports.
func (t *Trial) Resume() (*storage.Checkpoint, error) {
	c, err := t.study.cfg.Storage.Checkpoint(t.ctx, t.study.record.ID, t.Number())
	if errors.Is(err, storage.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &c, nil
}

// SetUserAttr saves value, as JSON, under a key of the trial. The last value
// of a key stays.
func (t *Trial) SetUserAttr(key string, value any) error {
	text, err := encodeAttr(key, value)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return t.errOver()
	}
	t.userAttrs = merged(t.userAttrs, map[string]json.RawMessage{key: text})
	t.saveSoon()
	return nil
}

// Constrain saves a constraint of the trial, which is feasible if all of them
// are at most 0. A name that was used before keeps its value.
func (t *Trial) Constrain(name string, value float64) error {
	if err := storage.CheckName("constraint name", name); err != nil {
		return err
	}
	if math.IsNaN(value) {
		return fmt.Errorf("study: constraint %q is NaN, want a number", name)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return t.errOver()
	}
	if _, ok := t.constraints[name]; !ok {
		t.constraints = merged(t.constraints, map[string]float64{name: value})
		t.saveSoon()
	}
	return nil
}

// fail keeps the first error. The caller holds t.mu or owns t.
func (t *Trial) fail(err error) {
	if t.err == nil {
		t.err = err
		t.cancel(err)
	}
}

func (t *Trial) errOver() error {
	return fmt.Errorf("study: trial %d: %w", t.Number(), storage.ErrFinished)
}

// saveSoon sees to it that what is unsaved will be saved. The caller holds
// t.mu.
func (t *Trial) saveSoon() {
	if t.timer == nil {
		t.timer = time.AfterFunc(saveDelay, t.save)
	}
}

// save saves what is unsaved. If the storage fails, that is tried again later,
// and nothing is lost yet.
func (t *Trial) save() {
	t.mu.Lock()
	due := t.timer != nil // else another write came first
	t.mu.Unlock()
	if !due {
		return
	}
	if err := t.write(context.WithoutCancel(t.ctx), storage.Update{}); errors.Is(err, storage.ErrInvalid) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.fail(err)
	}
}

// write writes u and all that is unsaved. The caller does not hold t.mu.
func (t *Trial) write(ctx context.Context, u storage.Update) error {
	// One write at a time, so that of two values of an attribute the last stays.
	select {
	case t.writing <- struct{}{}:
		defer func() { <-t.writing }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	t.mu.Lock()
	saving := t.unsaved
	if saving.timer != nil {
		saving.timer.Stop()
	}
	t.unsaved = unsaved{}
	t.mu.Unlock()
	u.Owner = t.lease.Owner
	u.Params, u.Constraints = saving.params, saving.constraints
	u.UserAttrs = merged(saving.userAttrs, u.UserAttrs)
	err := t.study.cfg.Storage.Write(ctx, t.study.record.ID, t.Number(), u)
	switch {
	case err == nil:
	case errors.Is(err, storage.ErrLost), errors.Is(err, storage.ErrFinished):
		t.cancel(err)
	default:
		t.mu.Lock()
		defer t.mu.Unlock()
		t.unsaved.params = append(saving.params, t.unsaved.params...)
		t.unsaved.userAttrs = merged(saving.userAttrs, t.unsaved.userAttrs)
		t.unsaved.constraints = merged(t.unsaved.constraints, saving.constraints)
		if t.timer == nil && !t.over {
			t.timer = time.AfterFunc(saveAgain, t.save)
		}
	}
	return err
}

// keep renews the lease until the trial is closed or lost: also when its
// context has ended, for then the objective may still be about to return.
func (t *Trial) keep() {
	t.keeper.Go(func() {
		ctx, stop := context.WithCancel(context.WithoutCancel(t.ctx))
		defer stop()
		context.AfterFunc(t.closing, stop)
		tick := time.NewTicker(max(t.lease.Duration/3, time.Millisecond))
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			err := t.study.cfg.Storage.Write(ctx, t.study.record.ID, t.Number(), storage.Update{Owner: t.lease.Owner, Renew: t.lease.Duration})
			if errors.Is(err, storage.ErrLost) || errors.Is(err, storage.ErrFinished) {
				t.cancel(err)
				return
			}
		}
	})
}

// end ends the background work of the trial.
func (t *Trial) end() {
	t.cancel(nil)
	t.mu.Lock()
	if t.timer != nil {
		t.timer.Stop()
	}
	t.unsaved = unsaved{}
	t.over = true
	t.mu.Unlock()
	t.close()
	t.keeper.Wait()
}

// merged returns a map of all of a and b, where b wins. It changes neither.
func merged[V any](a, b map[string]V) map[string]V {
	if len(b) == 0 {
		return a
	}
	m := make(map[string]V, len(a)+len(b))
	for _, from := range []map[string]V{a, b} {
		for k, v := range from {
			m[k] = v
		}
	}
	return m
}

// encodeAttr returns the JSON of an attribute. A float may be NaN or infinite,
// as in Python's JSON.
func encodeAttr(key string, value any) (json.RawMessage, error) {
	if err := storage.CheckName("attribute key", key); err != nil {
		return nil, err
	}
	if x, ok := value.(float64); ok {
		return json.RawMessage(pyjson.Float(x)), nil
	}
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("study: attribute %q: %w", key, err)
	}
	return text, nil
}
