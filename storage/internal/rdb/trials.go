package rdb

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Trial implements storage.Storage.
func (db *DB) Trial(ctx context.Context, study int64, number int) (tr *trial.Trial, err error) {
	err = db.read(ctx, func(t *Tx) error {
		found, err := load(t, `b.trial_id IN (SELECT trial_id FROM trials WHERE study_id = ? AND number = ?)`, study, number)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			_, err := objectives(t, study) // a missing study is another error than a missing trial
			return cmp.Or(err, fmt.Errorf("trial %d: %w", number, storage.ErrNotExist))
		}
		tr = found[0]
		return nil
	})
	return tr, err
}

// TrialID implements storage.Viewer.
func (db *DB) TrialID(ctx context.Context, study int64, number int) (id int64, err error) {
	err = db.read(ctx, func(t *Tx) error {
		err := t.Get(&id, `SELECT trial_id FROM trials WHERE study_id = ? AND number = ?`, study, number)
		if errors.Is(err, sql.ErrNoRows) {
			err = fmt.Errorf("trial %d: %w", number, storage.ErrNotExist)
		}
		return err
	})
	return id, err
}

// TrialByID implements storage.Viewer.
func (db *DB) TrialByID(ctx context.Context, id int64) (study int64, number int, err error) {
	var row struct {
		Study  int64 `db:"study_id"`
		Number int   `db:"number"`
	}
	err = db.read(ctx, func(t *Tx) error {
		err := t.Get(&row, `SELECT study_id, number FROM trials WHERE trial_id = ?`, id)
		if errors.Is(err, sql.ErrNoRows) {
			err = fmt.Errorf("trial id %d: %w", id, storage.ErrNotExist)
		}
		return err
	})
	return row.Study, row.Number, err
}

// Range implements storage.Viewer.
func (db *DB) Range(ctx context.Context, study int64, first, end int) (trials []*trial.Trial, err error) {
	err = db.read(ctx, func(t *Tx) error {
		if _, err := objectives(t, study); err != nil {
			return err
		}
		trials, err = load(t, `b.trial_id IN (SELECT trial_id FROM trials WHERE study_id = ? AND number >= ? AND number < ?)`,
			study, first, end)
		return err
	})
	slices.SortFunc(trials, func(a, b *trial.Trial) int { return a.Number - b.Number })
	return trials, err
}

// Best implements storage.Storage. SQL sorts the trials by value; feasibility is
// checked here, from the best one on, because constraints are JSON texts.
func (db *DB) Best(ctx context.Context, study int64) (best *trial.Trial, err error) {
	err = db.read(ctx, func(t *Tx) error {
		s, err := loadStudy(t, study)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("study %d: %w", study, errNoStudy)
		} else if err != nil {
			return err
		}
		// With several objectives the first one decides.
		order := "ASC"
		if s.Directions[0] == trial.Maximize {
			order = "DESC"
		}
		var ids []int64
		// Infinities come first and last; their values are NULL.
		if err := t.List(&ids, `
			SELECT t.trial_id FROM trials t
			JOIN trial_values v ON v.trial_id = t.trial_id AND v.objective = 0
			JOIN bluefin_trials b ON b.trial_id = t.trial_id
			WHERE t.study_id = ? AND t.state = 'COMPLETE'
			ORDER BY CASE v.value_type WHEN 'INF_NEG' THEN -1 WHEN 'INF_POS' THEN 1 ELSE 0 END `+order+`, v.value `+
			order+`, b.finish`, study); err != nil {
			return err
		}
		for n := 1; best == nil && len(ids) > 0; n *= 8 { // larger and larger batches, in case none is feasible
			// Usually the first trial is feasible and one read suffices.
			n = min(n, len(ids))
			list, _ := json.Marshal(ids[:n]) // integers always marshal
			trials, err := load(t, `b.trial_id `+t.InIDs, string(list))
			if err != nil {
				return err
			}
			// Better is strict, so the first to finish wins a tie, as in trial.History.
			for _, tr := range trials { // in finishing order
				if tr.Violation() == 0 && (best == nil || s.Directions[0].Better(tr.Values[0], best.Values[0])) {
					best = tr
				}
			}
			// Batches are sorted by value, so a later one cannot hold a better trial.
			ids = ids[n:]
		}
		if best == nil {
			return fmt.Errorf("best trial: %w", storage.ErrNotExist)
		}
		return nil
	})
	return best, err
}

// Extent implements storage.Storage. Times are texts that sort by time.
func (db *DB) Extent(ctx context.Context, study int64) (trials int, start time.Time, err error) {
	err = db.read(ctx, func(t *Tx) error {
		if _, err := objectives(t, study); err != nil {
			return err
		}
		var first sql.NullString
		err := t.Each(func(rows Rows) error { return rows.Scan(&trials, &first) },
			// min ignores the NULL of waiting trials; the cast keeps the driver from parsing the
			// time.
			`SELECT count(*), CAST(min(datetime_start) AS TEXT) FROM trials WHERE study_id = ?`, study)
		if err == nil {
			start, err = DecodeTime(first)
		}
		return err
	})
	return trials, start, err
}
