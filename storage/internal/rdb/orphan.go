package rdb

import (
	"cmp"
	"database/sql"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/process"
	"github.com/bluefin-hpo/bluefin/storage"
)

// orphans caches what a process knows about other workers, because it looks for
// orphans at every Begin.
type orphans struct {
	mu         sync.Mutex
	alive      map[string]time.Time // when a process was last found alive
	gone       map[string]bool      // processes known to have ended
	heartbeats map[int64]time.Time  // when the heartbeats of a study were last checked
}

// aliveFor is how long a process that was found alive is assumed to be so.
const aliveFor = time.Second

// isGone is process.Gone with a cache.
func (o *orphans) isGone(name string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	// A process that is gone stays gone: its name includes its start time.
	if o.gone[name] || time.Since(o.alive[name]) < aliveFor {
		return o.gone[name]
	}
	// The maps are made late, so the zero value works.
	if o.alive == nil {
		o.alive, o.gone = map[string]time.Time{}, map[string]bool{}
	}
	if process.Gone(name) {
		o.gone[name] = true
		delete(o.alive, name)
	} else {
		o.alive[name] = time.Now()
	}
	return o.gone[name]
}

// orphan returns the first orphan to restart, or 0, and abandons those before it
// that must not be restarted. Usually there is no orphan; then it costs one index
// lookup for each process of this machine that runs trials, and one for the lease
// that ends first.
func (db *DB) orphan(t *Tx, study int64, o storage.Orphans) (int64, error) {
	var leases []struct {
		Process sql.NullString `db:"name"`
		Ended   bool           `db:"ended"`
	}
	// '!' follows ' ' in ASCII: the range holds every name that begins with this machine and a space.
	first, end := process.Machine()+" ", process.Machine()+"!"
	if err := t.List(&leases, `
		WITH RECURSIVE processes (name) AS (
			SELECT min(lease_process) FROM bluefin_trials
			WHERE study_id = ? AND lease_owner IS NOT NULL AND lease_process >= ? AND lease_process < ?
			UNION ALL
			SELECT (SELECT min(lease_process) FROM bluefin_trials
				WHERE study_id = ? AND lease_owner IS NOT NULL AND lease_process > p.name AND lease_process < ?)
			FROM processes p WHERE p.name IS NOT NULL)
		SELECT name, false AS ended FROM processes WHERE name IS NOT NULL
		UNION ALL
		SELECT NULL, coalesce(min(lease_until) <= `+t.Clock+`, false)
		FROM bluefin_trials WHERE study_id = ? AND lease_owner IS NOT NULL`,
		study, first, end, study, end, study); err != nil {
		return 0, err
	}
	// An empty list, not nil, which would become JSON null.
	over, gone := false, []string{}
	for _, l := range leases {
		over = over || l.Ended
		if l.Process.Valid && db.orphans.isGone(l.Process.String) {
			gone = append(gone, l.Process.String)
		}
	}
	if !over && len(gone) == 0 {
		return 0, nil
	}
	names, err := json.Marshal(gone)
	if err != nil {
		return 0, err
	}
	// One after the other, because abandoning a trial changes which are left.
	for {
		var found struct {
			ID    int64 `db:"trial_id"`
			Again int   `db:"again"`
		}
		err := t.Get(&found, `
			SELECT trial_id, again FROM bluefin_trials
			WHERE study_id = ? AND lease_owner IS NOT NULL
				AND (lease_until <= `+t.Clock+` OR lease_process `+t.InTexts+`)
			ORDER BY trial_id LIMIT 1`+t.SkipLocks, study, string(names))
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return 0, nil
		case err != nil:
			return 0, err
		case o.Policy == storage.Resume && o.Allow(found.Again):
			return found.ID, nil
		}
		if err := abandon(t, study, found.ID, found.Again, o); err != nil {
			return 0, err
		}
	}
}

// abandon fails an orphan and, if the policy says so, queues a copy.
func abandon(t *Tx, study, id int64, restarts int, o storage.Orphans) error {
	record, err := loadTrial(t, id)
	if err != nil {
		return err
	}
	// The rules of a retry are the same for every storage, so package storage has them.
	failed, retry := o.Abandon(record, restarts)
	if err := addTo(t, id, failed); err != nil {
		return err
	}
	// After addTo: a finished trial must not change.
	t.Exec(`UPDATE trials SET state = 'FAIL', datetime_complete = ? WHERE trial_id = ?`, encodeTime(now()), id)
	if retry == nil {
		return t.Err()
	}
	_, err = Add(t, study, retry)
	return err
}

// heartbeatInterval is how often a process checks the heartbeats of Optuna's
// workers. It reads one row for each running trial, too many for every Begin.
const heartbeatInterval = 10 * time.Second

// heartbeatsDue reports whether the last check of the study's heartbeats is long enough
// ago.
func (o *orphans) heartbeatsDue(study int64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return time.Since(o.heartbeats[study]) >= heartbeatInterval
}

// heartbeatsSeen is called after the check, so one that failed is repeated at the next
// Begin.
func (o *orphans) heartbeatsSeen(study int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.heartbeats == nil {
		o.heartbeats = map[int64]time.Time{}
	}
	o.heartbeats[study] = time.Now()
}

// defaultGrace is twice the interval of heartbeats that Optuna recommends.
const defaultGrace = 2 * time.Minute

// failStale abandons trials of Optuna's workers whose heartbeat is too old.
func failStale(t *Tx, study int64, o storage.Orphans) error {
	// Trials with a lease are Bluefin's and judged by it, even if they have a heartbeat.
	var stale []int64
	grace := cmp.Or(o.Grace, defaultGrace)
	if err := t.List(&stale, `
		SELECT t.trial_id FROM trials t
			JOIN trial_heartbeats h ON h.trial_id = t.trial_id
			JOIN bluefin_trials b ON b.trial_id = t.trial_id
		WHERE t.study_id = ? AND t.state = 'RUNNING' AND b.lease_owner IS NULL
			AND `+t.Stale+` ORDER BY t.number`+t.SkipLocks, study, grace.Seconds()); err != nil {
		return err
	}
	for _, id := range stale {
		if err := abandon(t, study, id, 0, o); err != nil {
			return err
		}
	}
	return nil
}
