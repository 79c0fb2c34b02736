package rdb

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Some implements storage.Viewer.
func (db *DB) Some(ctx context.Context, study, revision int64, most int, reports bool) (c storage.Changes, err error) {
	c.Revision = revision
	err = db.read(ctx, func(t *Tx) error {
		n, err := objectives(t, study)
		if err != nil {
			return err
		}
		last := revision
		if err := t.Get(&last, `
			SELECT coalesce(max(revision), ?) FROM (
				SELECT revision FROM bluefin_trials WHERE study_id = ? AND revision > ? ORDER BY revision LIMIT ?) AS part`,
			revision, study, revision, most); err != nil || last == revision {
			return err
		}
		c.Revision = last
		c.Trials, err = loadWith(t, reports, `b.study_id = ? AND b.revision > ? AND b.revision <= ?`, study, revision, last)
		if err == nil {
			err = t.checkValues(c.Trials, n)
		}
		return err
	})
	return c, err
}

// Reported implements storage.Viewer.
func (db *DB) Reported(ctx context.Context, study int64) (reported bool, err error) {
	err = db.read(ctx, func(t *Tx) error {
		return t.Get(&reported, `
			SELECT EXISTS (SELECT 1 FROM trials t JOIN trial_intermediate_values v ON v.trial_id = t.trial_id WHERE t.study_id = ?)`, study)
	})
	return reported, err
}

// Tally implements storage.Viewer.
func (db *DB) Tally(ctx context.Context, study int64) (c storage.Tally, err error) {
	c.States = map[trial.State]int{}
	err = db.read(ctx, func(t *Tx) error {
		if err := t.Get(&c.Revision, `SELECT revision FROM bluefin_studies WHERE study_id = ?`, study); err != nil {
			return fmt.Errorf("study %d: %w", study, errNoStudy)
		}
		return t.Each(func(rows Rows) error {
			name, n, changed := "", 0, sql.NullString{}
			if err := rows.Scan(&name, &n, &changed); err != nil {
				return err
			}
			state, err := trial.ParseState(name)
			if err != nil {
				return err
			}
			c.States[state] = n
			at, err := DecodeTime(changed)
			if at.After(c.Changed) {
				c.Changed = at
			}
			return err
		}, `
			SELECT state, count(*), CAST(max(coalesce(datetime_complete, datetime_start)) AS TEXT)
			FROM trials WHERE study_id = ? GROUP BY state`, study)
	})
	return c, err
}

// Values implements storage.Viewer.
func (db *DB) Values(ctx context.Context, study int64) (numbers []int, values []float64, err error) {
	err = db.read(ctx, func(t *Tx) error {
		return t.Each(func(rows Rows) error {
			number, value, kind := 0, sql.NullFloat64{}, ""
			if err := rows.Scan(&number, &value, &kind); err != nil {
				return err
			}
			x, err := DecodeFloat(value, kind)
			numbers, values = append(numbers, number), append(values, x)
			return err
		}, `
			SELECT t.number, v.value, v.value_type
			FROM trials t JOIN trial_values v ON v.trial_id = t.trial_id AND v.objective = 0
			WHERE t.study_id = ? AND t.state = 'COMPLETE' ORDER BY t.number`, study)
	})
	return numbers, values, err
}

// CheckpointSize implements storage.Viewer.
func (db *DB) CheckpointSize(ctx context.Context, study int64, number int) (step int, size int64, ok bool, err error) {
	err = db.read(ctx, func(t *Tx) error {
		return t.Each(func(rows Rows) error {
			ok = true
			return rows.Scan(&step, &size)
		}, `
			SELECT step, length(data) FROM bluefin_checkpoints JOIN trials USING (trial_id)
			WHERE study_id = ? AND number = ?`, study, number)
	})
	return step, size, ok, err
}
