package study

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A Trial is a running trial, as the objective sees it. Its methods are safe for concurrent use.
//
// Suggestions return no error. The first error of a suggestion or of the pruner is kept: Err
// returns it, Context ends with it as the cause, and the trial fails with it whatever the objective
// returns. Later suggestions return some value in their range, or zero if the range is invalid.
// Optimize returns at once if the error is an invalid range, a name with two distributions, or a
// wrong setting of the sampler or pruner.
type Trial struct {
	study   *Study
	history trial.History  // what the parameters are drawn from
	running []*trial.Trial // the running trials that the sampler may see
	split   splitHistory   // when the trial started, if fresh
	fresh   bool           // no earlier worker has started it
	beside  []*trial.Trial // the paused trials in history, until they are noted
	gone    bool           // the storage has a later record of it; Study.mu guards it
	owner   string         // of the lease
	lease   time.Duration
	ctx     context.Context
	cancel  context.CancelCauseFunc
	record  current       // changes with mu held
	writing chan struct{} // holds one element during a write

	reporting sync.Mutex // held while a report is judged and written

	inherited int // how many parameters an earlier worker drew

	mu     sync.Mutex            // guards the following
	queued map[string]any        // external values given to Enqueue
	joint  map[string]float64    // what the joint sampler drew
	asked  bool                  // the joint sampler, or a scheduler has drawn joint
	source rand.PCG              // seeded for each draw
	rand   rand.Rand             // draws from source
	look   func() []*trial.Trial // returns running to the sampler and sets looked
	looked bool
	noted  bool  // the record says which trials were running
	warned bool  // about the step of a report
	err    error // the first one
	over   bool  // ended, back in the queue, or lost: nothing can be added
	slice  slice
	saving
}

func newTrial(
	ctx context.Context, s *Study, lease storage.Lease, record *trial.Trial, h trial.History, running []*trial.Trial,
) *Trial {
	t := &Trial{
		study: s, history: h, running: running,
		owner: lease.Owner, lease: lease.Duration, writing: make(chan struct{}, 1),
	}
	t.rand = *rand.New(&t.source)
	t.look = func() []*trial.Trial {
		t.looked = true
		return t.running
	}
	t.record.now = *record
	t.record.now.Params = slices.Clip(record.Params) // append must not write to the storage's array
	t.record.now.Reports = slices.Clip(record.Reports)
	t.saved, t.inherited = len(record.Params), len(record.Params)
	t.ctx, t.cancel = context.WithCancelCause(ctx)
	return t
}

// A current is the changing record of a live trial.
type current struct {
	mu   sync.Mutex // never held during a draw or a write
	now  trial.Trial
	copy *trial.Trial // of now; nil after a change
}

// load returns a snapshot of the record.
func (c *current) load() *trial.Trial {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.copy == nil {
		record := c.now
		c.copy = &record
	}
	return c.copy
}

// change lets f change the record, but not the contents of its slices and maps: snapshots share
// them.
func (c *current) change(f func(now *trial.Trial)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.now)
	c.copy = nil
}

// loadQueued reads the parameters that were given to Enqueue. The caller owns t.
func (t *Trial) loadQueued() error {
	text, ok := t.record.now.SystemAttrs[sysattr.FixedParams]
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

// Number returns the number of the trial in its study, ≥ 0.
func (t *Trial) Number() int { return t.record.now.Number } // it never changes

// Context ends when the context of Optimize or Ask does, when another worker restarts the trial, when
// another program ends it (see StopTrial) or deletes the study, and when a suggestion fails;
// context.Cause says why.
func (t *Trial) Context() context.Context { return t.ctx }

// Err returns the first error of a suggestion or of the pruner, or nil.
func (t *Trial) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// Params returns the parameters so far, in external form.
func (t *Trial) Params() map[string]any {
	params := map[string]any{}
	for _, p := range t.record.load().Params {
		params[p.Name] = p.External()
	}
	return params
}

// Checkpoint saves the state of a training, replacing an earlier one, so another worker can resume
// it if this one ends. step is the last reported step that the state includes; data has at most
// storage.MaxCheckpoint bytes. It returns ErrPaused if the trial should pause and the checkpoint
// includes the last report; the objective returns any error of Checkpoint as it is.
func (t *Trial) Checkpoint(step int, data []byte) error {
	if t.ctx.Err() != nil {
		return context.Cause(t.ctx)
	}
	c := storage.Checkpoint{Step: step, Data: data, Keep: t.study.cfg.KeepCheckpoints}
	if err := t.write(t.ctx, storage.Update{Checkpoint: &c}); err != nil {
		return err
	}
	return t.checkpointed(step)
}

// Resume returns the last checkpoint of this trial, or nil if the training must start from the
// beginning. The reports up to the checkpoint's step are part of the trial; see Reports.
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

// SetUserAttr saves value, as JSON, under a key of the trial, replacing an earlier value.
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
	t.saveSoon(saveDelay)
	return nil
}

// Constrain saves a constraint. The trial is feasible if all of its constraints are at most 0. A
// name that was used before keeps its first value.
func (t *Trial) Constrain(name string, value float64) error {
	if err := storage.CheckName("constraint name", name); err != nil {
		return err
	}
	if math.IsNaN(value) {
		return fmt.Errorf("constraint %q is NaN, want a number", name)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return t.errOver()
	}
	if _, ok := t.constraints[name]; !ok {
		t.constraints = merged(t.constraints, map[string]float64{name: value})
		t.saveSoon(saveDelay)
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
	return fmt.Errorf("trial %d: %w", t.Number(), storage.ErrFinished)
}

// merged returns a map with the entries of both, where b wins. It may return a itself.
func merged[V any](a, b map[string]V) map[string]V {
	if len(b) == 0 {
		return a
	}
	m := make(map[string]V, len(a)+len(b))
	maps.Copy(m, a)
	maps.Copy(m, b)
	return m
}

// encodeAttr returns the JSON of an attribute. A float may be NaN or infinite, as in Python's JSON.
func encodeAttr(key string, value any) (json.RawMessage, error) {
	if err := storage.CheckName("attribute key", key); err != nil {
		return nil, err
	}
	switch x := value.(type) {
	case float64:
		return json.RawMessage(pyjson.Float(x)), nil
	case float32:
		return json.RawMessage(pyjson.Float(float64(x))), nil
	}
	text, err := json.Marshal(value)
	if unsupported, ok := errors.AsType[*json.UnsupportedValueError](err); ok {
		return nil, fmt.Errorf("attribute %q contains %s, want finite numbers inside lists and objects",
			key, unsupported.Str)
	}
	if err != nil {
		return nil, fmt.Errorf("attribute %q: %w", key, err)
	}
	return text, nil
}
