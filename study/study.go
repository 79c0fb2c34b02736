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

	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// The errors of this package; others are those of packages storage and space. Test with errors.Is.
var (
	// ErrPruned is returned by Trial.Report when the trial should stop, and then by the objective.
	// It is not a failure.
	ErrPruned = errors.New("the trial is pruned")

	// ErrInfeasible is matched by the error of an objective whose parameters cannot run, such as
	// those that need more memory than there is. The trial is Pruned, with its last report as the
	// value and a constraint "infeasible" of 1, and samplers learn to avoid its region. It counts as
	// neither a success nor a failure.
	ErrInfeasible = errors.New("the parameters are infeasible")

	// ErrConflict is matched when one name is suggested with two distributions.
	ErrConflict = errors.New("the parameter has another distribution")

	// ErrNoBest is matched by the error of Best if no trial is complete and feasible. The error
	// says how the trials ended.
	ErrNoBest = errors.New("no trial is complete and feasible")
)

// A Study is an open study. Its methods are safe for concurrent use.
type Study struct {
	cfg    Config
	record storage.Study
	owner  string        // prefix of the owner of each lease
	claims atomic.Uint64 // number of claims so far
	dists  dists

	beliefs beliefs     // none with Config.IgnoreBeliefs
	avoids  atomic.Bool // the log says that what could not run is avoided

	mu       sync.Mutex // guards the following
	log      *trial.Log
	revision int64         // of the storage, as last read
	live     []*Trial      // the trials that this Study is running
	ending   chan struct{} // closed when one of them ends; nil: nobody waits
	brackets brackets

	scheduling sync.Mutex // held while the scheduler chooses a trial and that is claimed

	drawing sync.Mutex    // held while a trial draws jointly
	hooks   sync.Mutex    // held while a hook runs
	stops   atomic.Uint64 // calls of Stop
	stopped atomic.Bool   // what Stopped reports

	repeated atomic.Bool // some trials repeat others
}

// Open returns the study called cfg.Name, and creates it if there is none. It is an error if an
// existing study has other Directions.
func Open(ctx context.Context, cfg Config) (*Study, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	directions := cfg.Directions
	if directions == nil {
		directions = []trial.Direction{trial.Minimize}
	}
	record, err := cfg.Storage.Create(ctx, cfg.Name, directions)
	if errors.Is(err, storage.ErrExist) {
		s, err := Load(ctx, cfg)
		return s.withBeliefs(ctx, err)
	}
	if err != nil {
		return nil, fmt.Errorf("create study: %w", err)
	}
	s, err := newStudy(cfg, record)
	return s.withBeliefs(ctx, err)
}

// Load returns the study called cfg.Name, or fails with storage.ErrNotExist. It writes nothing.
func Load(ctx context.Context, cfg Config) (*Study, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	record, err := cfg.Storage.Load(ctx, cfg.Name)
	if err != nil {
		return nil, fmt.Errorf("load %w", err)
	}
	if cfg.Directions != nil && !slices.Equal(cfg.Directions, record.Directions) {
		return nil, fmt.Errorf("directions of study %q are %v, want %v as stored",
			cfg.Name, cfg.Directions, record.Directions)
	}
	return newStudy(cfg, record)
}

func newStudy(cfg Config, record storage.Study) (*Study, error) {
	s := &Study{cfg: cfg, record: record, owner: rand.Text(), log: trial.NewLog(record.Directions)}
	s.repeated.Store(record.SystemAttrs[sysattr.Repeats] != nil)
	if cfg.IgnoreBeliefs {
		return s, nil
	}
	if err := s.beliefs.begin(record, cfg.Space); err != nil {
		return nil, err
	}
	return s, nil
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
	u := storage.StudyUpdate{UserAttrs: map[string]json.RawMessage{key: text}}
	return s.cfg.Storage.WriteStudy(ctx, s.record.ID, u)
}

// UserAttrs returns the user attributes of the study, whichever program saved them.
func (s *Study) UserAttrs(ctx context.Context) (map[string]json.RawMessage, error) {
	record, err := s.cfg.Storage.Load(ctx, s.record.Name)
	return record.UserAttrs, err
}

// Trials returns all trials by number. They must not be modified.
func (s *Study) Trials(ctx context.Context) ([]*trial.Trial, error) {
	if _, err := s.sync(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Trials(), nil
}

// Trial returns the trial with the given number, which must not be modified, or fails with
// storage.ErrNotExist. It reads no other trial.
func (s *Study) Trial(ctx context.Context, number int) (*trial.Trial, error) {
	t, err := s.cfg.Storage.Trial(ctx, s.record.ID, number)
	if err != nil {
		return nil, fmt.Errorf("study %q: %w", s.record.Name, err)
	}
	return t, nil
}

// History returns the finished and running trials, as samplers and pruners see them.
func (s *Study) History(ctx context.Context) (trial.History, error) { return s.sync(ctx) }

// sync reads the changes in the storage and returns the history.
func (s *Study) sync(ctx context.Context) (trial.History, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.read(ctx)
	return s.log.History(), err
}

// syncSplit is sync, and also returns the history split into brackets.
func (s *Study) syncSplit(ctx context.Context) (trial.History, splitHistory, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.read(ctx)
	h := s.log.History()
	return h, s.brackets.split(h, s.bracketing(h)), err
}

// bracketing returns how the pruner splits the trials, or nil.
func (s *Study) bracketing(h trial.History) pruner.Bracketing {
	if p, ok := s.cfg.Pruner.(pruner.BracketPruner); ok {
		return p.Bracketing(h)
	}
	return nil
}

// read brings the log up to date. The caller holds s.mu.
func (s *Study) read(ctx context.Context) error {
	// Our own live trials are known better here than in the storage, which leaves them out.
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
		for _, live := range s.live {
			// The storage leaves out what is ours. It is now in the queue, ended, or claimed by another
			// worker, and what we have is older.
			live.gone = live.gone || live.Number() == t.Number
		}
	}
	s.putLive()
	return nil
}

// putLive puts the latest records of our own trials into the log, saved or not. The caller holds
// s.mu.
func (s *Study) putLive() {
	for _, live := range s.live {
		if !live.gone {
			s.log.Put(live.record.load())
		}
	}
}

// ended forgets a live trial after u was written, calls the hook, and returns the final record.
func (s *Study) ended(ctx context.Context, t *Trial, u storage.Update) *trial.Trial {
	s.forget(t)
	var record *trial.Trial
	if _, err := s.sync(ctx); err == nil {
		record, _ = s.lookup(t.Number())
	}
	if u.State == trial.Waiting {
		told := *t.record.load() // another worker may have resumed it
		told.State, told.Start, told.SystemAttrs = u.State, time.Time{}, merged(told.SystemAttrs, u.SystemAttrs)
		s.hook(s.cfg.OnTrialPause, &told)
		return &told
	}
	if record == nil || !record.State.Finished() { // the write succeeded, but reading failed
		told := *t.record.load()
		told.State, told.Values, told.End = u.State, u.Values, time.Now().UTC()
		told.SystemAttrs = merged(told.SystemAttrs, u.SystemAttrs)
		told.Constraints = merged(told.Constraints, u.Constraints)
		record = &told
	}
	if record.State == trial.Complete {
		s.checkQueued(t, record)
	}
	s.hook(s.cfg.OnTrialEnd, record)
	return record
}

// checkQueued warns about queued parameters that a complete trial never suggested.
func (s *Study) checkQueued(t *Trial, record *trial.Trial) {
	var unused []string
	for name := range t.queued {
		if _, ok := record.Param(name); !ok {
			unused = append(unused, name)
		}
	}
	if unused != nil {
		slices.Sort(unused)
		s.cfg.Logger.Warn("queued parameters were not used: the objective does not suggest them",
			"trial", t.Number(), "parameters", unused)
	}
}

// lookup returns a trial as of the last sync.
func (s *Study) lookup(number int) (*trial.Trial, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Trial(number)
}

// forget ends the background work of t, so its lease is no longer renewed.
func (s *Study) forget(t *Trial) {
	t.end()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live = slices.DeleteFunc(s.live, func(u *Trial) bool { return u == t })
	if s.ending != nil {
		close(s.ending)
		s.ending = nil
	}
}
