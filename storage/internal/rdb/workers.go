package rdb

import (
	"context"
	"database/sql"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/process"
	"github.com/bluefin-hpo/bluefin/storage"
)

// Workers implements storage.Viewer.
func (db *DB) Workers(ctx context.Context, study int64) (map[int]storage.Worker, error) {
	workers := map[int]storage.Worker{}
	err := db.read(ctx, func(t *Tx) error {
		return t.Each(func(rows Rows) error {
			number, left, name := 0, 0.0, sql.NullString{}
			if err := rows.Scan(&number, &left, &name); err != nil {
				return err
			}
			w := storage.Worker{Left: time.Duration(left * float64(time.Second))}
			if name.Valid {
				w.Host, w.PID = process.Parse(name.String)
				w.Gone = process.Gone(name.String)
			}
			workers[number] = w
			return nil
		}, `
			SELECT t.number, b.lease_until - `+t.Clock+`, b.lease_process
			FROM bluefin_trials b JOIN trials t ON t.trial_id = b.trial_id
			WHERE b.study_id = ? AND b.lease_owner IS NOT NULL`, study)
	})
	return workers, err
}
