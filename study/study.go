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
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Config says what a study is and how it is searched. The zero value is a
// minimization with TPE, without pruning, in memory. Name, Directions and what
// is in Storage belong to the study; the rest belongs to this program and is
// not saved.
type Config struct {
	Name       string            // 1 to 512 bytes; "" in memory: "study"
	Directions []trial.Direction // of each objective; nil: as stored, or Minimize
	Sampler    sampler.Sampler   // nil: sampler.TPE
	Pruner     pruner.Pruner     // nil: no trial is pruned
	Storage    storage.Storage   // nil: in memory
	Seed       uint64            // of all that is drawn

	// Lease is how long a worker may be silent before others take over its
	// trial. It is renewed three times as often. A worker on the same machine
	// whose process has ended is replaced at once. 0: one minute.
	Lease time.Duration

	// Orphans says what becomes of trials whose worker has gone. The zero value
	// goes on with them under their number, from their checkpoint.
	Orphans storage.Orphans

	// KeepCheckpoints keeps the last checkpoint of a trial when it finishes.
	KeepCheckpoints bool

	// Logger is told what may surprise: a queued parameter that no objective
	// asks for, a step reported twice, a wait for other workers. nil:
	// slog.Default.
	Logger *slog.Logger

	// Ended is called after each trial that this Study has ended, by one
	// goroutine at a time. nil: nothing is called.
	Ended func(*trial.Trial)
}

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

	drawing sync.Mutex // held while a trial draws what is drawn together
	endedMu sync.Mutex // held while cfg.Ended runs
}

// Open returns the study of the given name; if there is none it is created.
// Directions that are not those of an existing study are an error.
func Open(ctx context.Context, cfg Config) (*Study, error) {
	cfg = cfg.withDefaults()
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
	record, err := cfg.Storage.Load(ctx, cfg.Name)
	if err != nil {
		return nil, fmt.Errorf("load %w", err)
	}
	if cfg.Directions != nil && !slices.Equal(cfg.Directions, record.Directions) {
		return nil, fmt.Errorf("directions of study %q are %v, want %v as stored", cfg.Name, cfg.Directions, record.Directions)
	}
	return newStudy(cfg, record), nil
}

func (cfg Config) withDefaults() Config {
	if cfg.Storage == nil {
		cfg.Storage = &storage.Memory{}
		if cfg.Name == "" {
			cfg.Name = "study"
		}
	}
	if cfg.Sampler == nil {
		cfg.Sampler = &sampler.TPE{}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Lease <= 0 {
		cfg.Lease = time.Minute
	}
	return cfg
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

// Best returns the best complete and feasible trial of a study with one
// objective, or fails with ErrNoBest.
func (s *Study) Best(ctx context.Context) (*trial.Trial, error) {
	if n := len(s.record.Directions); n > 1 {
		return nil, fmt.Errorf("study %q has %d objectives and so no single best trial: want BestTrials", s.Name(), n)
	}
	s.mu.Lock()
	unread := s.revision == 0
	s.mu.Unlock()
	if unread { // one trial is cheaper to find in the storage than to read all
		best, err := s.cfg.Storage.Best(ctx, s.record.ID)
		if !errors.Is(err, storage.ErrNotExist) { // else reading all tells why
			return best, err
		}
	}
	h, err := s.sync(ctx)
	if err != nil {
		return nil, err
	}
	best, ok := h.Best()
	if !ok {
		return nil, noBest(h)
	}
	return best, nil
}

// noBest says why a history has no best trial.
func noBest(h trial.History) error {
	var counts [trial.Waiting + 1]int
	reason := ""
	for _, t := range h.Finished() {
		counts[t.State]++
		if t.State == trial.Failed && t.Failure() != "" {
			line, _, _ := strings.Cut(t.Failure(), "\n") // a panic has its stack below
			reason = fmt.Sprintf(", trial %d because: %s", t.Number, line)
		}
	}
	if len(h.Finished()) == 0 {
		return fmt.Errorf("%w: none has finished", ErrNoBest)
	}
	return fmt.Errorf("%w: %d infeasible, %d pruned, %d failed%s", ErrNoBest, counts[trial.Complete], counts[trial.Pruned], counts[trial.Failed], reason)
}

// BestTrials returns the complete and feasible trials that no other one
// dominates (the Pareto front), by number.
func (s *Study) BestTrials(ctx context.Context) ([]*trial.Trial, error) {
	h, err := s.sync(ctx)
	return h.ParetoFront(), err
}

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
	if s.cfg.Ended != nil {
		s.endedMu.Lock()
		defer s.endedMu.Unlock()
		s.cfg.Ended(record)
	}
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
