package postgres

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/bluefin-hpo/bluefin/storage/internal/rdb"
)

// channel carries the ids of studies that Bluefin changed. The triggers do not notify for Optuna's
// workers: a notification holds a server-wide lock until its commit is on the disk, and Optuna's
// commits wait for the disk.
const channel = "bluefin"

const (
	awaitEvery = 200 * time.Millisecond // how often to poll without notifications
	awaitMost  = time.Second
	idleNews   = 10 * time.Second // the listener returns its connection this long after the last wait
)

// Await implements storage.Viewer.
func (db *DB) Await(ctx context.Context, study, revision int64) error {
	changed, told := db.news.wait(study)
	defer db.news.leave(study, changed)
	for start := time.Now(); ; {
		now := int64(0)
		err := db.read(ctx, func(t *rdb.Tx) error {
			return t.Get(&now, `SELECT coalesce((SELECT revision FROM bluefin_studies WHERE study_id = ?), -1)`, study)
		})
		left := awaitMost - time.Since(start)
		if err != nil || now != revision || left <= 0 {
			return err
		}
		if !told {
			left = min(left, awaitEvery)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-changed:
		case <-time.After(left):
		}
	}
}

// A listener receives notifications. While somebody waits, it uses one connection of the database,
// unless that is the only one.
type listener struct {
	db   *DB
	able bool // connections can listen
	end  context.CancelFunc
	ctx  context.Context

	mu      sync.Mutex
	waiting map[int64]map[chan struct{}]bool // by study
	left    time.Time                        // when the last wait ended
	running bool
	ended   sync.WaitGroup
}

func newListener(db *DB) *listener {
	// A pooler hands out another connection for each transaction, and a standby cannot listen.
	l := &listener{db: db, able: !db.pooled && !db.standby && cap(db.writers) > 1, waiting: map[int64]map[chan struct{}]bool{}}
	l.ctx, l.end = context.WithCancel(context.Background())
	return l
}

// wait returns a channel that receives a value when the study may have changed, and whether
// notifications arrive at all.
func (l *listener) wait(study int64) (changed chan struct{}, told bool) {
	changed = make(chan struct{}, 1)
	if !l.able {
		return changed, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting[study] == nil {
		l.waiting[study] = map[chan struct{}]bool{}
	}
	l.waiting[study][changed] = true
	if !l.running && l.ctx.Err() == nil {
		l.running = true
		l.ended.Go(l.run)
	}
	return changed, true
}

// leave ends a wait.
func (l *listener) leave(study int64, changed chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.waiting[study], changed)
	if len(l.waiting[study]) == 0 {
		delete(l.waiting, study)
	}
	l.left = time.Now()
}

// idle reports whether nobody has waited for a while.
func (l *listener) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting) == 0 && time.Since(l.left) > idleNews
}

// stop reports whether the listener must end. The next wait restarts one that was idle.
func (l *listener) stop() bool {
	if l.ctx.Err() != nil {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running = len(l.waiting) > 0 || time.Since(l.left) <= idleNews
	return !l.running
}

// tell wakes the waits for a study.
func (l *listener) tell(study int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for changed := range l.waiting[study] {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
}

// run listens until nobody has waited for a while.
func (l *listener) run() {
	for !l.stop() {
		_ = l.db.session(l.ctx, l.listen) // reconnects after an error
		select {
		case <-l.ctx.Done():
		case <-time.After(awaitEvery):
		}
	}
}

func (l *listener) listen(s *session) error {
	if _, err := s.conn.ExecContext(l.ctx, `LISTEN `+channel); err != nil {
		return err
	}
	conn := s.pgx
	// Closed, not returned to the pool: it would keep receiving notifications that nobody reads.
	defer func() { _ = conn.Close(context.WithoutCancel(l.ctx)) }()
	for !l.idle() {
		ctx, cancel := context.WithTimeout(l.ctx, idleNews)
		n, err := conn.WaitForNotification(ctx)
		late := ctx.Err() != nil && l.ctx.Err() == nil
		cancel()
		switch {
		case late:
			continue
		case err != nil:
			return err
		}
		if study, err := strconv.ParseInt(n.Payload, 10, 64); err == nil {
			l.tell(study)
		}
	}
	return nil
}

// close ends the listener.
func (l *listener) close() {
	l.end()
	l.ended.Wait()
}
