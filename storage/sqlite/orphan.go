package sqlite

import (
	"cmp"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/internal/process"
)

// orphan returns the first Running trial that is to be begun again, or 0. It
// abandons those that are not. Most asks find no orphan, and look at one entry
// of an index for each process that runs trials.
func orphan(t *tx, study int64, o storage.Orphans) (int64, error) {
	var leases []struct {
		Process sql.NullString `db:"lease_process"`
		Over    bool           `db:"over"`
	}
	if err := t.list(&leases, `
		SELECT lease_process, min(lease_until) <= `+clock+` AS over
		FROM bluefin_trials WHERE study_id = ? AND lease_owner IS NOT NULL GROUP BY lease_process`, study); err != nil {
		return 0, err
	}
	over, gone := false, []string{}
	for _, l := range leases {
		over = over || l.Over
		if l.Process.Valid && process.Gone(l.Process.String) {
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
	for {
		var found struct {
			ID    int64 `db:"trial_id"`
			Again int   `db:"again"`
		}
		err := t.get(&found, `
			SELECT trial_id, again FROM bluefin_trials
			WHERE study_id = ? AND lease_owner IS NOT NULL
				AND (lease_until <= `+clock+` OR lease_process IN (SELECT value FROM json_each(?)))
			ORDER BY trial_id LIMIT 1`, study, string(names))
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return 0, nil
		case err != nil:
			return 0, err
		case o.Policy == storage.Resume && o.Allow(found.Again):
			return found.ID, nil
		}
		if err := abandon(t, study, found.ID, storage.AbandonedAttrs(found.Again), o); err != nil {
			return 0, err
		}
	}
}

// abandon fails an orphan and, if the policy says so, queues a copy.
func abandon(t *tx, study, id int64, reason map[string]json.RawMessage, o storage.Orphans) error {
	record, err := loadTrial(t, id)
	if err != nil {
		return err
	}
	if err := addTo(t, id, storage.Update{SystemAttrs: reason}); err != nil {
		return err
	}
	if err := t.exec(`UPDATE trials SET state = 'FAIL', datetime_complete = ? WHERE trial_id = ?`, encodeTime(now()), id); err != nil {
		return err
	}
	retry := storage.RetryOf(record, o)
	if retry == nil {
		return nil
	}
	_, err = add(t, study, retry)
	return err
}

// heartbeatInterval is how often a process looks at the heartbeats of Optuna's
// workers: not at every ask, because there is one for each running trial.
const heartbeatInterval = 10 * time.Second

func (db *DB) heartbeatsDue() bool {
	next, now := db.nextHeartbeats.Load(), time.Now()
	return now.Unix() >= next && db.nextHeartbeats.CompareAndSwap(next, now.Add(heartbeatInterval).Unix())
}

// failStale abandons the trials of Optuna's workers whose heartbeat is too old.
func failStale(t *tx, study int64, o storage.Orphans) error {
	var stale []int64
	grace := cmp.Or(o.Grace, storage.DefaultGrace)
	if err := t.list(&stale, `
		SELECT t.trial_id FROM trials t
			JOIN trial_heartbeats h ON h.trial_id = t.trial_id
			JOIN bluefin_trials b ON b.trial_id = t.trial_id
		WHERE t.study_id = ? AND t.state = 'RUNNING' AND b.lease_owner IS NULL
			AND unixepoch(h.heartbeat) < `+clock+` - ? ORDER BY t.number`, study, grace.Seconds()); err != nil {
		return err
	}
	for _, id := range stale {
		if err := abandon(t, study, id, storage.AbandonedAttrs(0), o); err != nil {
			return err
		}
	}
	return nil
}
