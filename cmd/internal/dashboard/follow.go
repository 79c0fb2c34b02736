package dashboard

import (
	"context"
	"errors"
	"os"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

const (
	pollEvery = 400 * time.Millisecond // how often the file's stamp is read
	partSize  = 500                    // trials that are read at once while a study is loaded
	showEvery = 300 * time.Millisecond // between snapshots while a study is loaded
	firstWait = 400 * time.Millisecond // for a study that is being loaded, before part of it is shown
	keepFor   = 5 * time.Minute        // without a viewer
)

// followers are the studies that somebody looks at.
type followers struct {
	file   *file
	ctx    context.Context
	cancel context.CancelFunc
	ended  sync.WaitGroup

	mu   sync.Mutex
	byID map[int64]*follower
}

func newFollowers(f *file) *followers {
	ctx, cancel := context.WithCancel(context.Background())
	return &followers{file: f, ctx: ctx, cancel: cancel, byID: map[int64]*follower{}}
}

// close ends all followers.
func (all *followers) close() {
	all.cancel()
	all.ended.Wait()
}

// of returns the follower of a study, which begins to follow it if nobody has looked at it yet.
func (all *followers) of(id int64) *follower {
	all.mu.Lock()
	defer all.mu.Unlock()
	f := all.byID[id]
	if f == nil {
		f = &follower{file: all.file, id: id, next: make(chan struct{})}
		all.byID[id] = f
		all.ended.Go(func() {
			f.run(all.ctx, func() bool { return all.forget(f) })
		})
	}
	f.used.Store(time.Now().UnixNano())
	return f
}

// forget drops a follower that nobody has used for a while.
func (all *followers) forget(f *follower) bool {
	all.mu.Lock()
	defer all.mu.Unlock()
	if time.Since(time.Unix(0, f.used.Load())) < keepFor {
		return false
	}
	delete(all.byID, f.id)
	return true
}

// A follower reads one study as it grows.
type follower struct {
	file *file
	id   int64
	used atomic.Int64 // when somebody last asked, in Unix nanoseconds

	importances importances
	stamp       string // of the file when it was last read from the beginning; only run uses it

	mu   sync.Mutex
	now  *snapshot     // nil until the first
	next chan struct{} // closed when now changes
}

// current returns the latest snapshot, nil if there is none, and a channel that is closed when there
// is a later one.
func (f *follower) current() (*snapshot, <-chan struct{}) {
	f.used.Store(time.Now().UnixNano())
	return f.peek()
}

// peek is current for the follower itself, which is no viewer.
func (f *follower) peek() (*snapshot, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now, f.next
}

// get returns a snapshot, for which it waits. A study that takes long to load is shown in part.
func (f *follower) get(ctx context.Context) (*snapshot, error) {
	patience := time.After(firstWait)
	for {
		s, next := f.current()
		if s != nil && s.err != nil {
			return nil, s.err
		}
		if s != nil && s.total == 0 {
			return s, nil
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-next:
		case <-patience:
			if s != nil {
				return s, nil
			}
			patience = nil
		}
	}
}

// publish makes s the latest snapshot.
func (f *follower) publish(s *snapshot) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s.importances = &f.importances
	s.revision = time.Now().UnixMilli() // also grows when the server starts again
	if f.now != nil {
		s.revision = max(s.revision, f.now.revision+1)
	}
	f.now = s
	close(f.next)
	f.next = make(chan struct{})
}

// run follows the study until ctx ends or forget agrees.
func (f *follower) run(ctx context.Context, forget func() bool) {
	for {
		err := f.follow(ctx, forget)
		if ctx.Err() != nil || err == nil {
			f.publish(&snapshot{err: errors.New("the dashboard is closed")})
			return
		}
		if errors.Is(err, errReplaced) {
			continue
		}
		if now, _ := f.peek(); now == nil || now.err == nil || now.err.Error() != err.Error() {
			f.publish(&snapshot{err: err})
		}
		if forget() || !sleep(ctx, time.Second) {
			return
		}
	}
}

// errReplaced says that everything must be read again.
var errReplaced = errors.New("the study was replaced")

// follow reads the study and follows it. It returns nil if forget agrees.
func (f *follower) follow(ctx context.Context, forget func() bool) error {
	if f.file.shared != nil {
		return f.followShared(ctx, forget)
	}
	began, stamp := time.Now(), stampOf(f.file.path) // before, so what is written meanwhile is read next
	info, err := os.Stat(f.file.path)
	if err != nil {
		return err
	}
	db, closeDB, err := f.file.open(ctx)
	if err != nil {
		return err
	}
	defer closeDB()
	r := &reading{follower: f, db: db}
	if err := r.load(ctx); err != nil {
		return err
	}
	cost := time.Since(began)
	// A writer changes the stamp before what it has written can be read, so one more look follows a new one.
	again := stamp != f.stamp
	f.stamp = stamp
	for {
		if !sleep(ctx, pollEvery) {
			return context.Cause(ctx)
		}
		if forget() {
			return nil
		}
		now := stampOf(f.file.path)
		switch {
		case !sameFile(f.file.path, info):
			return errReplaced
		case now == stamp && !again:
			continue
		case !tracked(db):
			// Everything is read again, which should take a tenth of the time at most.
			sleep(ctx, 9*cost)
			return errReplaced
		}
		again, stamp = now != stamp, now
		if err := r.update(ctx, again); err != nil {
			return err
		}
	}
}

// followShared follows a study in a storage that tells when it changes.
func (f *follower) followShared(ctx context.Context, forget func() bool) error {
	began := time.Now()
	r := &reading{follower: f, db: f.file.shared}
	if err := r.load(ctx); err != nil {
		return err
	}
	cost := time.Since(began)
	for {
		// Workers that report without a break must not keep us busy.
		if !sleep(ctx, pollEvery) {
			return context.Cause(ctx)
		}
		if err := r.db.Await(ctx, r.id, r.revision); err != nil {
			return err
		}
		if forget() {
			return nil
		}
		if !tracked(r.db) {
			sleep(ctx, 9*cost)
			return errReplaced
		}
		if err := r.update(ctx, false); err != nil {
			return err
		}
	}
}

// sleep reports whether the time passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// A reading is what a follower has read from one opened file.
type reading struct {
	*follower
	db       storage.Viewer
	study    storage.Study
	log      *trial.Log
	revision int64
}

// load reads all trials, and shows what there is from time to time, unless an earlier file has shown
// more. Reports take most of the time and few pages need them, so a long study is read twice: first
// without them.
func (r *reading) load(ctx context.Context) (err error) {
	if r.study, err = record(ctx, r.db, r.id); err != nil {
		return err
	}
	tally, err := r.db.Tally(ctx, r.id)
	if err != nil {
		return err
	}
	total := 0
	for _, n := range tally.States {
		total += n
	}
	if earlier, _ := r.peek(); total <= partSize || earlier != nil && earlier.err == nil {
		total = 0
	}
	if total > 0 {
		r.publish(&snapshot{study: r.study, history: trial.NewLog(r.study.Directions).History(), total: total})
		reported, err := r.db.Reported(ctx, r.id)
		if err != nil {
			return err
		}
		if reported {
			if err := r.read(ctx, total, false); err != nil {
				return err
			}
			s := r.snapshot(0)
			s.unreported = true
			r.publish(s)
			total = 0
		}
	}
	if err := r.read(ctx, total, true); err != nil {
		return err
	}
	r.publish(r.snapshot(0))
	return nil
}

// read reads all trials from the beginning. If total is not 0 it publishes parts of so many.
func (r *reading) read(ctx context.Context, total int, reports bool) error {
	r.log, r.revision = trial.NewLog(r.study.Directions), 0
	for shown := time.Now(); ; {
		c, err := r.db.Some(ctx, r.id, r.revision, partSize, reports)
		if err != nil || len(c.Trials) == 0 {
			return err
		}
		r.put(c)
		if total > 0 && time.Since(shown) > showEvery {
			r.publish(r.snapshot(total))
			shown = time.Now()
		}
	}
}

// update reads what has changed, and publishes it if there is something or it must.
func (r *reading) update(ctx context.Context, must bool) error {
	before := r.study
	study, err := record(ctx, r.db, r.id)
	if err != nil {
		return err
	}
	c, err := r.db.Since(ctx, r.id, r.revision)
	if err != nil {
		return err
	}
	if c.Revision < r.revision || study.Name != before.Name {
		return errReplaced // by another study: Optuna gives the ID of a deleted one to the next
	}
	r.study = study
	r.put(c)
	if must || len(c.Trials) > 0 || !reflect.DeepEqual(before, study) {
		r.publish(r.snapshot(0))
	}
	return nil
}

func (r *reading) put(c storage.Changes) {
	for _, t := range c.Trials {
		r.log.Put(t)
	}
	r.revision = c.Revision
}

// snapshot returns what has been read; total is how many trials there are if that is not all.
func (r *reading) snapshot(total int) *snapshot {
	return &snapshot{study: r.study, history: r.log.History(), trials: r.log.Trials(), total: total}
}
