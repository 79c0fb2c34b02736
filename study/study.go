// Package study is the engine: it asks a sampler for parameters, runs an
// objective, reports to a pruner, and saves each step of each trial in a
// storage the moment it happens.
//
// A program that is killed and started again goes on where it was:
//
//	s, err := study.Open(ctx, study.Config{Name: "digits", Storage: file})
//	…
//	err = s.Optimize(ctx, objective, study.Budget{Trials: 30})
package study

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// The errors of this package, besides those of package storage. Test with
// errors.Is.
var (
	// ErrPruned is returned by Trial.Report when the trial should stop, and by
	// an objective that has stopped for that reason. It is not a failure.
	ErrPruned = errors.New("the trial is pruned")

	// ErrConflict is matched if one name is suggested with two distributions.
	ErrConflict = errors.New("the parameter has another distribution")

	// ErrNoBest is matched by Best if no trial is complete and feasible. The
	// error says how the trials ended.
	ErrNoBest = errors.New("no trial is complete and feasible")
)

// A Study is an open study. Its methods are safe for concurrent use.
type Study struct {
	cfg    Config
	record storage.Study
	owner  string        // begins the name of each lease
	claims atomic.Uint64 // made so far
	dists  dists

	mu       sync.Mutex // guards the following
	log      *trial.Log
	revision int64    // up to which the log knows the storage
	live     []*Trial // the trials that this Study runs
	brackets brackets

	drawing sync.Mutex    // held while a trial draws jointly
	hooks   sync.Mutex    // held while a hook runs
	stops   atomic.Uint64 // calls of Stop
}

// Open returns the study of the given name; if there is none it is created.
// Directions that are not those of an existing study are an error.
func Open(ctx context.Context, cfg Config) (*Study, error) {
	cfg = cfg.withDefaults()
	var err error
	if cfg.Space, err = cfg.checkSpace(); err != nil {
		return nil, err
	}
	directions := cfg.Directions
	if directions == nil {
		directions = []trial.Direction{trial.Minimize}
	}
	record, err := cfg.Storage.Create(ctx, cfg.Name, directions)
	if errors.Is(err, storage.ErrExist) {
		return Load(ctx, cfg)
	}
	if err != nil {
		return nil, fmt.Errorf("create study: %w", err)
	}
	return newStudy(cfg, record), nil
}

// Load returns the study of the given name, or fails with
// storage.ErrNotExist. It writes nothing.
func Load(ctx context.Context, cfg Config) (*Study, error) {
	cfg = cfg.withDefaults()
	var err error
	if cfg.Space, err = cfg.checkSpace(); err != nil {
		return nil, err
	}
	record, err := cfg.Storage.Load(ctx, cfg.Name)
	if err != nil {
		return nil, fmt.Errorf("load %w", err)
	}
	if cfg.Directions != nil && !slices.Equal(cfg.Directions, record.Directions) {
		return nil, fmt.Errorf("directions of study %q are %v, want %v as stored", cfg.Name, cfg.Directions, record.Directions)
	}
	return newStudy(cfg, record), nil
}

func newStudy(cfg Config, record storage.Study) *Study {
	return &Study{cfg: cfg, record: record, owner: rand.Text(), log: trial.NewLog(record.Directions)}
}

// Name returns the name of the study.
func (s *Study) Name() string { return s.record.Name }

// Directions returns the direction of each objective.
func (s *Study) Directions() []trial.Direction { return slices.Clone(s.record.Directions) }

// SetUserAttr saves value, as JSON, under a key of the study.
func (s *Study) SetUserAttr(ctx context.Context, key string, value any) error {
	text, err := encodeAttr(key, value)
	if err != nil {
		return err
	}
	return s.cfg.Storage.SetUserAttr(ctx, s.record.ID, key, text)
}

// UserAttrs returns what SetUserAttr has saved, by any program.
func (s *Study) UserAttrs(ctx context.Context) (map[string]json.RawMessage, error) {
	record, err := s.cfg.Storage.Load(ctx, s.record.Name)
	return record.UserAttrs, err
}

// Trials returns all trials by number. They are to read only.
func (s *Study) Trials(ctx context.Context) ([]*trial.Trial, error) {
	if _, err := s.sync(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Trials(), nil
}

// History returns the finished and running trials, as samplers and pruners see them.
func (s *Study) History(ctx context.Context) (trial.History, error) { return s.sync(ctx) }

// sync reads what has changed in the storage and returns the history.
func (s *Study) sync(ctx context.Context) (trial.History, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.read(ctx)
	return s.log.History(), err
}

// syncSplit is sync, and returns the history in brackets too.
func (s *Study) syncSplit(ctx context.Context) (trial.History, splitHistory, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.read(ctx)
	h := s.log.History()
	return h, s.brackets.split(h, s.bracketing(h)), err
}

// bracketing returns how the pruner splits the trials, nil if it does not.
func (s *Study) bracketing(h trial.History) pruner.Bracketing {
	if p, ok := s.cfg.Pruner.(pruner.BracketPruner); ok {
		return p.Bracketing(h)
	}
	return nil
}

// read brings the log up to date. The caller holds s.mu.
func (s *Study) read(ctx context.Context) error {
	own := make([]string, len(s.live))
	for i, t := range s.live {
		own[i] = t.owner
	}
	changes, err := s.cfg.Storage.Since(ctx, s.record.ID, s.revision, own...)
	if err != nil {
		return fmt.Errorf("read the trials of study %q: %w", s.record.Name, err)
	}
	s.revision = changes.Revision
	for _, t := range changes.Trials {
		s.log.Put(withJoint(t))
		s.dists.add(t.Params)
	}
	s.putLive()
	return nil
}

// putLive notes what our own trials have drawn, before it is saved. The caller
// holds s.mu.
func (s *Study) putLive() {
	for _, live := range s.live {
		s.log.Put(live.record.load())
	}
}

// ended forgets a live trial that was written as u says, reads its last record,
// and passes it on.
func (s *Study) ended(ctx context.Context, t *Trial, u storage.Update) *trial.Trial {
	s.forget(t)
	var record *trial.Trial
	if _, err := s.sync(ctx); err == nil {
		record, _ = s.lookup(t.Number())
	}
	if record == nil || !record.State.Finished() { // it is written, if it cannot be read now
		told := *t.record.load()
		told.State, told.Values, told.End = u.State, u.Values, time.Now().UTC()
		told.SystemAttrs = merged(told.SystemAttrs, u.SystemAttrs)
		record = &told
	}
	if record.State == trial.Complete {
		s.checkQueued(t, record)
	}
	s.hook(s.cfg.OnTrialEnd, record)
	return record
}

// checkQueued warns of queued parameters that a complete trial never asked for.
func (s *Study) checkQueued(t *Trial, record *trial.Trial) {
	var unused []string
	for name := range t.queued {
		if _, ok := record.Param(name); !ok {
			unused = append(unused, name)
		}
	}
	if unused != nil {
		slices.Sort(unused)
		s.cfg.Logger.Warn("queued parameters were not used: the objective does not suggest them", "trial", t.Number(), "parameters", unused)
	}
}

// lookup returns what is known of a trial since the last sync.
func (s *Study) lookup(number int) (*trial.Trial, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Trial(number)
}

func (s *Study) forget(t *Trial) {
	t.end()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live = slices.DeleteFunc(s.live, func(u *Trial) bool { return u == t })
}
