package study

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A Trial is a running trial, in the hands of an objective. Its methods are
// safe for concurrent use.
//
// Suggestions return a value and no error. The first error of a suggestion, or
// of the pruner, is kept: it cancels Context, Err returns it, and the trial fails
// with it whatever the objective returns. Suggestions after it return a value in
// the range that was asked for, or zero if there is none. If the error lies in a
// range, in two distributions of one name, or in the settings of the sampler or
// pruner, Optimize returns it at once.
type Trial struct {
	study   *Study
	history trial.History  // the finished trials that the parameters are drawn from
	running []*trial.Trial // the others that the parameters are drawn beside
	split   *splitHistory  // as the trial was made; nil if it had started before
	owner   string         // of the lease
	lease   time.Duration
	ctx     context.Context
	cancel  context.CancelCauseFunc
	record  current       // changes with mu held
	writing chan struct{} // holds one element while a write runs

	reporting sync.Mutex // held while a report is judged and written: they come one after the other

	inherited int // how many parameters an earlier run of the trial has left

	mu     sync.Mutex            // guards the following
	queued map[string]any        // external values that the queue has fixed
	joint  map[string]float64    // what the joint sampler drew; nil: not asked yet
	source rand.PCG              // of the draw that is being made
	rand   rand.Rand             // draws from source
	look   func() []*trial.Trial // returns running to the sampler, and notes that in looked
	looked bool
	noted  bool  // which were running is part of the record
	warned bool  // of a report whose step surprises
	err    error // the sticky error
	over   bool  // told, given back or lost: nothing can be added
	saving
}

func newTrial(ctx context.Context, s *Study, lease storage.Lease, record *trial.Trial, h trial.History, running []*trial.Trial) *Trial {
	t := &Trial{study: s, history: h, running: running, owner: lease.Owner, lease: lease.Duration, writing: make(chan struct{}, 1)}
	t.rand = *rand.New(&t.source)
	t.look = func() []*trial.Trial {
		t.looked = true
		return t.running
	}
	t.record.now = *record
	t.record.now.Params = slices.Clip(record.Params) // the storage's array ends there
	t.record.now.Reports = slices.Clip(record.Reports)
	t.saved, t.inherited = len(record.Params), len(record.Params)
	t.ctx, t.cancel = context.WithCancelCause(ctx)
	return t
}

// A current is the record of a live trial as it is now.
type current struct {
	mu   sync.Mutex
	now  trial.Trial
	copy *trial.Trial // of now; nil: it has changed since
}

// load returns a record that never changes. It waits for no sampler and no
// storage.
func (c *current) load() *trial.Trial {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.copy == nil {
		record := c.now
		c.copy = &record
	}
	return c.copy
}

// change lets f change the record, but not what its slices and maps held
// before.
func (c *current) change(f func(now *trial.Trial)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.now)
	c.copy = nil
}

// loadQueued reads the parameters that the queue has fixed. The caller owns t.
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

// Number returns the number of the trial in its study, from 0.
func (t *Trial) Number() int { return t.record.now.Number } // which never changes

// Context ends when the study stops, when the trial was given to another
// worker, and when a suggestion fails; context.Cause says why.
func (t *Trial) Context() context.Context { return t.ctx }

// Err returns the first error of a suggestion or of the pruner, nil if there was
// none.
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

// Report saves an intermediate value of the objective and asks the pruner. It
// returns ErrPruned if the trial should stop, and the cause if Context has
// ended; an objective returns either as it is. Step must be at least 0. A step
// that was reported before keeps its value.
func (t *Trial) Report(step int, value float64) error {
	if n := len(t.study.record.Directions); n > 1 {
		return fmt.Errorf("report in a study with %d objectives, want 1", n)
	}
	if step < 0 {
		return fmt.Errorf("report at step %d, want at least 0", step)
	}
	if t.ctx.Err() != nil {
		return context.Cause(t.ctx)
	}
	t.reporting.Lock()
	defer t.reporting.Unlock()
	var h trial.History
	if t.study.cfg.Pruner != nil {
		var err error
		if h, err = t.study.sync(t.ctx); err != nil {
			return err
		}
	}
	r := trial.Report{Step: step, Value: value}
	record := *t.record.load()
	var added bool
	record.Reports, added = withReport(record.Reports, r)
	t.checkStep(&record, r, added)
	if !added {
		return nil
	}
	var verdict pruner.Verdict
	if t.study.cfg.Pruner != nil {
		var err error
		if verdict, err = t.study.cfg.Pruner.Prune(h, &record); err != nil {
			t.unshareReports()
			t.mu.Lock()
			defer t.mu.Unlock()
			t.fail(setupError{err})
			return err
		}
	}
	if err := t.write(t.ctx, storage.Update{Reports: []trial.Report{r}, SystemAttrs: verdict.Attrs}); err != nil {
		t.unshareReports()
		return err
	}
	t.mu.Lock()
	t.record.change(func(now *trial.Trial) { // which may have new parameters by now
		now.Reports = record.Reports
		now.SystemAttrs = merged(now.SystemAttrs, verdict.Attrs)
	})
	t.mu.Unlock()
	if f := t.study.cfg.OnReport; f != nil {
		t.study.hook(func(record *trial.Trial) { f(record, r) }, t.record.load())
	}
	if verdict.Prune {
		return ErrPruned
	}
	return nil
}

// checkStep warns, once, of a step that was reported before and of one below an
// earlier one.
func (t *Trial) checkStep(record *trial.Trial, r trial.Report, added bool) {
	last, _ := record.LastReport()
	if added && last.Step == r.Step {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.warned {
		return
	}
	t.warned = true
	warning := "a report is of an earlier step than the last one"
	if !added {
		warning = "a step was reported before: the first value stays"
	}
	t.study.cfg.Logger.Warn(warning, "trial", t.Number(), "step", r.Step, "value", r.Value)
}

// unshareReports lets the next report go to another array than the one that
// has just failed: a pruner may have kept that.
func (t *Trial) unshareReports() {
	t.record.change(func(now *trial.Trial) { now.Reports = slices.Clip(now.Reports) })
}

// withReport returns the reports and one more, or false if its step was
// reported before. Where the step is the last, the array is shared: earlier
// records end before the new element.
func withReport(reports []trial.Report, r trial.Report) ([]trial.Report, bool) {
	i, found := slices.BinarySearchFunc(reports, r.Step, func(r trial.Report, step int) int { return r.Step - step })
	if found {
		return reports, false
	}
	if i < len(reports) {
		reports = slices.Clip(reports)
	}
	return slices.Insert(reports, i, r), true
}

// Reports returns the reports so far, by step: also those that an earlier
// worker made before the checkpoint that Resume returns.
func (t *Trial) Reports() []trial.Report { return slices.Clone(t.record.load().Reports) }

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
	t.saveSoon(saveDelay)
	return nil
}

// Constrain saves a constraint of the trial, which is feasible if all of them
// are at most 0. A name that was used before keeps its value.
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
	switch x := value.(type) {
	case float64:
		return json.RawMessage(pyjson.Float(x)), nil
	case float32:
		return json.RawMessage(pyjson.Float(float64(x))), nil
	}
	text, err := json.Marshal(value)
	if unsupported, ok := errors.AsType[*json.UnsupportedValueError](err); ok {
		return nil, fmt.Errorf("attribute %q contains %s, want finite numbers inside lists and objects", key, unsupported.Str)
	}
	if err != nil {
		return nil, fmt.Errorf("attribute %q: %w", key, err)
	}
	return text, nil
}
