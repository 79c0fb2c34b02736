package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Trial implements storage.Storage.
func (db *DB) Trial(ctx context.Context, study int64, number int) (tr *trial.Trial, err error) {
	err = db.read(ctx, func(t *tx) error {
		if _, err := objectives(t, study); err != nil {
			return err
		}
		var ids []int64
		if err := t.list(&ids, `SELECT trial_id FROM trials WHERE study_id = ? AND number = ?`, study, number); err != nil {
			return err
		}
		if len(ids) == 0 {
			return fmt.Errorf("trial %d: %w", number, storage.ErrNotExist)
		}
		tr, err = loadTrial(t, ids[0])
		return err
	})
	return tr, err
}

// Extent implements storage.Storage.
func (db *DB) Extent(ctx context.Context, study int64) (trials int, start time.Time, err error) {
	err = db.read(ctx, func(t *tx) error {
		if _, err := objectives(t, study); err != nil {
			return err
		}
		var first sql.NullString
		err := t.each(func(rows *sql.Rows) error { return rows.Scan(&trials, &first) },
			`SELECT count(*), CAST(min(datetime_start) AS TEXT) FROM trials WHERE study_id = ?`, study)
		if err == nil {
			start, err = decodeTime(first)
		}
		return err
	})
	return trials, start, err
}
