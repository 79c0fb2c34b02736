package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/process"
)

// A Worker runs a trial under a lease.
type Worker struct {
	Host string // "" if no process is known, as of a trial from AskDetached
	PID  int    // of the process on that host
	Gone bool   // the process is known to have ended

	// Left is how long the lease lasts unless it is renewed; it is negative if the lease is over.
	Left time.Duration
}

// Workers returns who runs the trials of a study that have a lease, by their numbers.
func (db *DB) Workers(ctx context.Context, study int64) (map[int]Worker, error) {
	workers := map[int]Worker{}
	err := db.read(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			number, left, name := 0, 0.0, sql.NullString{}
			if err := rows.Scan(&number, &left, &name); err != nil {
				return err
			}
			w := Worker{Left: time.Duration(left * float64(time.Second))}
			if name.Valid {
				w.Host, w.PID = process.Parse(name.String)
				w.Gone = process.Gone(name.String)
			}
			workers[number] = w
			return nil
		}, `
			SELECT t.number, b.lease_until - `+clock+`, b.lease_process
			FROM bluefin_trials b JOIN trials t ON t.trial_id = b.trial_id
			WHERE b.study_id = ? AND b.lease_owner IS NOT NULL`, study)
	})
	return workers, err
}
