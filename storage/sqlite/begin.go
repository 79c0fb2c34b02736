package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/internal/process"
	"github.com/bluefin-hpo/bluefin/trial"
)

// clock is the time of the database in seconds since 1970.
const clock = `unixepoch('now', 'subsec')`

// Begin implements storage.Storage.
func (db *DB) Begin(ctx context.Context, study int64, c storage.Claim) (t *trial.Trial, err error) {
	err = db.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		id, err := claim(ctx, tx, study, c)
		if err != nil {
			return err
		}
		holder := sql.NullString{String: process.Self(), Valid: c.Process}
		if _, err := tx.ExecContext(ctx, `
			UPDATE bluefin_trials SET lease_owner = ?, lease_process = ?, lease_until = `+clock+` + ? WHERE trial_id = ?`,
			c.Owner, holder, c.Duration.Seconds(), id); err != nil {
			return err
		}
		t, err = loadTrial(ctx, tx, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// claim makes the trial that Begin shall begin Running and returns its id.
func claim(ctx context.Context, tx *sqlx.Tx, study int64, c storage.Claim) (int64, error) {
	var counts struct {
		Begun int    `db:"begun"`
		Name  string `db:"study_name"`
	}
	err := tx.GetContext(ctx, &counts, `SELECT begun, study_name FROM bluefin_studies JOIN studies USING (study_id) WHERE study_id = ?`, study)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("study %d: %w", study, storage.ErrNotExist)
	} else if err != nil {
		return 0, err
	}
	if id, err := orphan(ctx, tx, study); err != nil || id != 0 {
		if err != nil {
			return 0, err
		}
		return id, restart(ctx, tx, id)
	}
	if c.Budget > 0 && counts.Begun >= c.Budget {
		return 0, fmt.Errorf("study %q: %w: %d", counts.Name, storage.ErrBudget, c.Budget)
	}
	var id int64
	err = tx.GetContext(ctx, &id, `SELECT trial_id FROM trials WHERE study_id = ? AND state = 'WAITING' ORDER BY number LIMIT 1`, study)
	switch {
	case err == nil:
		err = restart(ctx, tx, id)
	case errors.Is(err, sql.ErrNoRows):
		id, _, err = insertTrial(ctx, tx, study, trial.Running)
	}
	if err != nil {
		return 0, err
	}
	_, err = tx.ExecContext(ctx, `UPDATE bluefin_trials SET seen = ? WHERE trial_id = ?`, c.Seen, id)
	return id, err
}

// orphan returns the first Running trial whose lease is over, or 0.
func orphan(ctx context.Context, tx *sqlx.Tx, study int64) (int64, error) {
	var leases []struct {
		ID      int64          `db:"trial_id"`
		Process sql.NullString `db:"lease_process"`
		Over    bool           `db:"over"`
	}
	if err := tx.SelectContext(ctx, &leases, `
		SELECT trial_id, lease_process, lease_until <= `+clock+` AS over
		FROM bluefin_trials WHERE study_id = ? AND lease_owner IS NOT NULL ORDER BY trial_id`, study); err != nil {
		return 0, err
	}
	for _, l := range leases {
		if l.Over || l.Process.Valid && process.Gone(l.Process.String) {
			return l.ID, nil
		}
	}
	return 0, nil
}

// restart makes the trial Running, from the start.
func restart(ctx context.Context, tx *sqlx.Tx, id int64) error {
	if err := clearReports(ctx, tx, id); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE trials SET state = 'RUNNING', datetime_start = ? WHERE trial_id = ?`, encodeTime(now()), id)
	return err
}

// clearReports removes what a new run of the trial will report again.
func clearReports(ctx context.Context, tx *sqlx.Tx, id int64) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM trial_intermediate_values WHERE trial_id = ?`, id); err != nil {
		return err
	}
	var keys []string
	if err := tx.SelectContext(ctx, &keys, `SELECT "key" FROM trial_system_attributes WHERE trial_id = ?`, id); err != nil {
		return err
	}
	for _, key := range keys {
		if !trial.Reported(key) && !isConstraint(key) {
			continue
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM trial_system_attributes WHERE trial_id = ? AND "key" = ?`, id, key); err != nil {
			return err
		}
	}
	return nil
}

// insertTrial adds a trial with the next number. Optuna takes the number of a
// trial to be the count of the study's trials with smaller ids, so both grow
// together under the write lock.
func insertTrial(ctx context.Context, tx *sqlx.Tx, study int64, state trial.State) (id int64, number int, err error) {
	start, end := sql.NullString{}, sql.NullString{}
	if state != trial.Waiting {
		start = encodeTime(now())
	}
	if state.Finished() {
		end = start
	}
	row := struct {
		ID     int64 `db:"trial_id"`
		Number int   `db:"number"`
	}{}
	err = tx.GetContext(ctx, &row, `
		INSERT INTO trials (trial_id, number, study_id, state, datetime_start, datetime_complete)
		SELECT max(id, coalesce((SELECT max(trial_id) FROM trials), 0)) + 1,
			coalesce((SELECT max(number) FROM trials WHERE study_id = ?), -1) + 1,
			?, ?, ?, ?
		FROM bluefin_deleted WHERE kind = 'trial'
		RETURNING trial_id, number`, study, study, state.String(), start, end)
	return row.ID, row.Number, err
}
