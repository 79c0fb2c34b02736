package rdb

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Begin implements storage.Storage. Looking for orphans, counting the budget and
// taking the lease are one transaction, so workers never share a trial.
func (db *DB) Begin(ctx context.Context, study int64, c storage.Claim) (begun *trial.Trial, err error) {
	// These errors must not roll back the transaction, so they travel beside err.
	var refused error
	err = db.write(ctx, func(t *Tx) error {
		begun, refused = nil, nil
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
		if errors.Is(err, storage.ErrBudget) || errors.Is(err, storage.ErrChanged) {
			refused, err = err, nil // commit what was done to orphans
		}
		return err
	})
	if err = cmp.Or(err, refused); err != nil {
		return nil, err
	}
	return begun, nil
}

// isPaused holds for a Waiting trial w that is paused, and not queued.
const isPaused = `EXISTS (SELECT 1 FROM trial_system_attributes a
	WHERE a.trial_id = w.trial_id AND a."key" = '` + sysattr.Paused + `')`

// begin chooses the trial: an orphan, else the first queued one, else a new or a paused one.
func (db *DB) begin(t *Tx, study int64, c storage.Claim) (*trial.Trial, error) {
	if id, err := db.orphan(t, study, c.Orphans); err != nil {
		return nil, err
	} else if id != 0 {
		// An orphan has begun before, so it needs no budget.
		return restart(t, id, true, c)
	}
	var next struct {
		Name   string        `db:"study_name"`
		Begun  int           `db:"begun"`
		Trials int           `db:"trials"`
		Queued sql.NullInt64 `db:"queued"`
	}
	err := t.Get(&next, `
		SELECT study_name, begun, (SELECT coalesce(max(number), -1) + 1 FROM trials WHERE study_id = s.study_id) AS trials,
			(SELECT trial_id FROM trials w WHERE study_id = s.study_id AND state = 'WAITING' AND NOT `+isPaused+`
				ORDER BY number LIMIT 1`+t.SkipLocks+`) AS queued
		FROM bluefin_studies b JOIN studies s ON s.study_id = b.study_id WHERE b.study_id = ?`, study)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("study %d: %w", study, storage.ErrNotExist)
	} else if err != nil {
		return nil, err
	}
	used := false
	if c.Budget > 0 && next.Trials >= c.Budget { // else there is room, however many are paused
		paused := 0
		if err := t.Get(&paused, `SELECT count(*) FROM trials w
			WHERE study_id = ? AND state = 'WAITING' AND `+isPaused, study); err != nil {
			return nil, err
		}
		used = next.Begun+paused >= c.Budget
	}
	resume := c.Slice != nil && c.Slice.Number >= 0
	if resume || used && c.Slice == nil {
		id, err := paused(t, study, c.Slice)
		switch {
		case err != nil:
			return nil, err
		case resume && (id == 0 || next.Queued.Valid && !used):
			return nil, fmt.Errorf("paused trial %d: it, or the queue, %w", c.Slice.Number, storage.ErrChanged)
		case id != 0:
			return restart(t, id, false, c)
		}
	}
	switch {
	case used:
		used := &storage.BudgetError{Study: next.Name, Budget: c.Budget}
		err := t.Get(&used.Leased, `
			SELECT count(*) FROM bluefin_trials WHERE study_id = ? AND lease_owner IS NOT NULL`, study)
		// The number of leased trials tells the caller whether waiting may bring it an orphan.
		return nil, cmp.Or[error](err, used)
	case next.Queued.Valid:
		return restart(t, next.Queued.Int64, false, c)
	}
	start := now()
	id, number, err := insertTrial(t, study, trial.Running, start, time.Time{})
	if err != nil {
		return nil, err
	}
	lease(t, id, c, `seen = ?`, c.Seen)
	begun := &trial.Trial{Number: number, State: trial.Running, Seen: c.Seen, Start: start}
	if begun.SystemAttrs, _ = c.Attrs(begun); begun.SystemAttrs != nil {
		if err := addTo(t, id, storage.Update{SystemAttrs: begun.SystemAttrs}); err != nil {
			return nil, err
		}
	}
	return begun, t.Err()
}

// paused returns the paused trial of a slice, or without one the first, or 0 if there is none.
func paused(t *Tx, study int64, s *storage.Slice) (id int64, err error) {
	first, last := 0, math.MaxInt32 // the largest number in PostgreSQL
	if s != nil {
		first, last = min(s.Number, last), min(s.Number, last)
	}
	err = t.Get(&id, `
		SELECT trial_id FROM trials w
		WHERE study_id = ? AND state = 'WAITING' AND number BETWEEN ? AND ? AND `+isPaused+`
		ORDER BY number LIMIT 1`+t.SkipLocks, study, first, last)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return id, err
}

// restart makes a Waiting trial or an orphan Running, from its checkpoint.
func restart(t *Tx, id int64, orphan bool, c storage.Claim) (*trial.Trial, error) {
	if err := rewind(t, id); err != nil {
		return nil, err
	}
	record, err := loadTrial(t, id)
	if err != nil {
		return nil, err
	}
	set, remove := c.Attrs(record)
	if !record.Paused() && !orphan {
		record.Seen = c.Seen
	}
	record.State, record.Start = trial.Running, now()
	// The state first: the triggers that follow it know less than the claim.
	t.Exec(`UPDATE trials SET state = 'RUNNING', datetime_start = ? WHERE trial_id = ?`, encodeTime(record.Start), id)
	if orphan {
		lease(t, id, c, `again = again + 1`)
	} else {
		lease(t, id, c, `seen = ?`, record.Seen)
		for _, key := range remove {
			if _, ok := record.SystemAttrs[key]; ok {
				t.Exec(`DELETE FROM trial_system_attributes WHERE trial_id = ? AND "key" = ?`, id, key)
				delete(record.SystemAttrs, key)
			}
		}
		if err := addTo(t, id, storage.Update{SystemAttrs: set}); err != nil {
			return nil, err
		}
		for key, value := range set {
			setAttr(&record.SystemAttrs, key, value)
		}
	}
	return record, t.Err()
}

// lease gives the trial to the owner of the claim, and sets another column.
func lease(t *Tx, id int64, c storage.Claim, set string, args ...any) {
	// NULL leaves the lease to its time alone, for owners that outlive their process, such as
	// `bluefin ask`.
	holder := sql.NullString{String: c.Process, Valid: c.Process != ""}
	args = append(append([]any{c.Owner, holder, c.Duration.Seconds()}, args...), id)
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
