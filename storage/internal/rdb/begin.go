package rdb

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Begin implements storage.Storage. Looking for orphans, counting the budget and
// taking the lease are one transaction, so workers never share a trial.
func (db *DB) Begin(ctx context.Context, study int64, c storage.Claim) (begun *trial.Trial, err error) {
	// ErrBudget must not roll back the transaction, so it travels beside err.
	var budget error
	err = db.write(ctx, func(t *Tx) error {
		begun, budget = nil, nil
		t.lock(study)
		// Stale heartbeats come first: a trial that they fail may queue its retry for this claim.
		look := db.orphans.heartbeatsDue(study)
		if look {
			if err := failStale(t, study, c.Orphans); err != nil {
				return err
			}
		}
		if begun, err = db.begin(t, study, c); err == nil && look {
			db.orphans.heartbeatsSeen(study)
		}
		if errors.Is(err, storage.ErrBudget) {
			budget, err = err, nil // commit what was done to orphans
		}
		return err
	})
	if err = cmp.Or(err, budget); err != nil {
		return nil, err
	}
	return begun, nil
}

// begin chooses the trial: an orphan, else the first Waiting one, else a new one.
func (db *DB) begin(t *Tx, study int64, c storage.Claim) (*trial.Trial, error) {
	if id, err := db.orphan(t, study, c.Orphans); err != nil {
		return nil, err
	} else if id != 0 {
		// An orphan has begun before, so it needs no budget.
		return restart(t, id, -1, c)
	}
	var next struct {
		Name    string        `db:"study_name"`
		Begun   int           `db:"begun"`
		Waiting sql.NullInt64 `db:"waiting"`
	}
	err := t.Get(&next, `
		SELECT study_name, begun,
			(SELECT trial_id FROM trials WHERE study_id = s.study_id AND state = 'WAITING'
				ORDER BY number LIMIT 1`+t.SkipLocks+`) AS waiting
		FROM bluefin_studies b JOIN studies s ON s.study_id = b.study_id WHERE b.study_id = ?`, study)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, fmt.Errorf("study %d: %w", study, storage.ErrNotExist)
	case err != nil:
		return nil, err
	case c.Budget > 0 && next.Begun >= c.Budget:
		used := &storage.BudgetError{Study: next.Name, Budget: c.Budget}
		err := t.Get(&used.Leased, `
			SELECT count(*) FROM bluefin_trials WHERE study_id = ? AND lease_owner IS NOT NULL`, study)
		// The number of leased trials tells the caller whether waiting may bring it an orphan.
		return nil, cmp.Or[error](err, used)
	case next.Waiting.Valid:
		return restart(t, next.Waiting.Int64, c.Seen, c)
	}
	start := now()
	id, number, err := insertTrial(t, study, trial.Running, start, time.Time{})
	if err != nil {
		return nil, err
	}
	lease(t, id, c.Seen, c)
	return &trial.Trial{Number: number, State: trial.Running, Seen: c.Seen, Start: start}, t.Err()
}

// restart makes a Waiting trial or an orphan Running, from its checkpoint. For
// an orphan, seen is negative and the trial keeps its own number.
func restart(t *Tx, id int64, seen int, c storage.Claim) (*trial.Trial, error) {
	if err := rewind(t, id); err != nil {
		return nil, err
	}
	t.Exec(`UPDATE trials SET state = 'RUNNING', datetime_start = ? WHERE trial_id = ?`, encodeTime(now()), id)
	lease(t, id, seen, c)
	if t.Err() != nil {
		return nil, t.Err()
	}
	return loadTrial(t, id)
}

// lease gives the trial to the owner of the claim, and counts a restart if seen
// is negative.
func lease(t *Tx, id int64, seen int, c storage.Claim) {
	// NULL leaves the lease to its time alone, for owners that outlive their process, such as
	// `bluefin ask`.
	holder := sql.NullString{String: c.Process, Valid: c.Process != ""}
	set, args := `seen = ?`, []any{c.Owner, holder, c.Duration.Seconds(), seen, id}
	if seen < 0 {
		set, args = `again = again + 1`, slices.Delete(args, 3, 4)
	}
	t.Exec(`
		UPDATE bluefin_trials SET lease_owner = ?, lease_process = ?, lease_until = `+t.Clock+` + ?, `+set+`
		WHERE trial_id = ?`, args...)
}

// insertTrial adds a trial with the next number. Optuna computes the number of a
// trial as the count of the study's trials with smaller ids, so ids and numbers
// must grow together, under the write lock.
func insertTrial(t *Tx, study int64, state trial.State, start, end time.Time) (id int64, number int, err error) {
	row := struct {
		ID     int64 `db:"trial_id"`
		Number int   `db:"number"`
	}{}
	// Ids of deleted trials are never reused: others may still hold them.
	err = t.Get(&row, `
		INSERT INTO trials (trial_id, number, study_id, state, datetime_start, datetime_complete)
		VALUES (`+t.NextTrial+`, (SELECT coalesce(max(number), -1) + 1 FROM trials WHERE study_id = ?), ?, ?, ?, ?)
		RETURNING trial_id, number`, study, study, state.String(), encodeTime(start), encodeTime(end))
	return row.ID, row.Number, err
}
