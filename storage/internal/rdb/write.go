package rdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Add implements storage.Storage.
func (db *DB) Add(ctx context.Context, study int64, record *trial.Trial) (number int, err error) {
	err = db.write(ctx, func(t *Tx) error {
		t.lock(study)
		// The number of objectives is read under the lock that also covers the insert.
		n, err := objectives(t, study)
		if err == nil {
			err = storage.Study{Directions: make([]trial.Direction, n)}.CheckAdd(record)
		}
		if err == nil {
			number, err = Add(t, study, record)
		}
		return err
	})
	return number, err
}

// Add adds a trial with the next number, or fails if it wants another number.
func Add(t *Tx, study int64, record *trial.Trial) (number int, err error) {
	start, end := storage.AddTimes(record)
	id, number, err := insertTrial(t, study, record.State, start, end)
	if err != nil {
		return 0, err
	}
	// The error rolls the insert back, so the number is not used up.
	if record.Number >= 0 && record.Number != number {
		return 0, fmt.Errorf("trial %d: %w, the next one is %d", record.Number, storage.ErrExist, number)
	}
	return number, addTo(t, id, additions(record))
}

// additions returns the update that gives a new trial what r has.
func additions(r *trial.Trial) storage.Update {
	return storage.Update{Params: r.Params, Reports: r.Reports, Constraints: r.Constraints,
		UserAttrs: r.UserAttrs, SystemAttrs: r.SystemAttrs, Values: r.Values}
}

// Write implements storage.Storage.
func (db *DB) Write(ctx context.Context, study int64, number int, u storage.Update) error {
	return db.write(ctx, func(t *Tx) error {
		t.Study = study
		err := update(t, study, number, u)
		if err != nil && !errors.Is(err, errNoStudy) {
			// A missing study is named by itself; a number would mislead.
			err = fmt.Errorf("trial %d: %w", number, err)
		}
		return err
	})
}

// update checks that the caller may write the trial, in one query, and writes.
func update(t *Tx, study int64, number int, u storage.Update) error {
	var row struct {
		ID    int64  `db:"trial_id"`
		State string `db:"state"`
		// Owner is NULL for trials of Optuna's workers.
		Owner      sql.NullString `db:"lease_owner"`
		Objectives int            `db:"objectives"`
	}
	err := t.Get(&row, `
		SELECT t.trial_id, state, lease_owner,
			(SELECT count(*) FROM study_directions d WHERE d.study_id = t.study_id) AS objectives
		FROM trials t JOIN bluefin_trials b ON b.trial_id = t.trial_id
		WHERE t.study_id = ? AND number = ?`+t.ForUpdate, study, number)
	if errors.Is(err, sql.ErrNoRows) {
		if _, err := objectives(t, study); err != nil {
			return err
		}
		return storage.ErrNotExist
	} else if err != nil {
		return err
	}
	state, err := trial.ParseState(row.State)
	if err == nil {
		err = u.Allows(state, row.Owner.String)
	}
	if err == nil {
		err = u.Check(max(row.Objectives, 1))
	}
	if err != nil {
		return err
	}
	if u.Renew > 0 {
		// Renewing a lease that is over is fine: nobody has claimed the trial, or the owner would
		// differ.
		t.Exec(`UPDATE bluefin_trials SET lease_until = `+t.Clock+` + ? WHERE trial_id = ? AND lease_owner IS NOT NULL`,
			u.Renew.Seconds(), row.ID)
	}
	if err := addTo(t, row.ID, u); err != nil {
		return err
	}
	if u.Checkpoint != nil { // after addTo, because it saves the attributes of this update
		if err := setCheckpoint(t, row.ID, *u.Checkpoint); err != nil {
			return err
		}
	}
	switch {
	case u.Start:
		t.Exec(`UPDATE trials SET state = 'RUNNING', datetime_start = ? WHERE trial_id = ?`, encodeTime(now()), row.ID)
	case u.State == trial.Waiting && state == trial.Running:
		// A waiting trial looks the same whether its worker gave it back or died.
		if err := rewind(t, row.ID); err != nil {
			return err
		}
		t.Exec(`UPDATE trials SET state = 'WAITING', datetime_start = NULL WHERE trial_id = ?`, row.ID)
	case u.State.Finished(): // last, because a finished trial must not change
		end := encodeTime(now())
		// A trial that ends in the queue starts when it ends.
		t.Exec(`UPDATE trials SET state = ?, datetime_start = coalesce(datetime_start, ?), datetime_complete = ?
			WHERE trial_id = ?`, u.State.String(), end, end, row.ID)
	}
	return t.Err()
}

// addTo writes what an update adds to a trial, with one statement per table.
func addTo(t *Tx, id int64, u storage.Update) error {
	// Parameters, reports and constraints keep their first value: a worker that
	// repeats a write, not knowing whether it was done, changes nothing.
	const keep = `ON CONFLICT DO NOTHING`
	const set = `ON CONFLICT (trial_id, "key") DO UPDATE SET value_json = excluded.value_json`
	onParam, onReport, onConstraint := keep, keep, keep
	var params, reports, constraints, values rows
	if u.Replace {
		onParam = `ON CONFLICT (trial_id, param_name) DO UPDATE
			SET param_value = excluded.param_value, distribution_json = excluded.distribution_json`
		onReport = `ON CONFLICT (trial_id, step) DO UPDATE SET intermediate_value = excluded.intermediate_value,
			intermediate_value_type = excluded.intermediate_value_type`
		onConstraint = set
	}
	for _, p := range u.Params {
		dist, err := space.Marshal(p.Dist)
		if err != nil {
			return err
		}
		params = append(params, []any{id, p.Name, p.Value + 0, dist}) // no -0, which SQLite cannot hold
	}
	for _, r := range u.Reports {
		// Optuna's reader insists on the pair of number and type.
		value, kind := encodeFloat(r.Value + 0)
		reports = append(reports, []any{id, r.Step, value, kind})
	}
	// Sorted, so that equal updates write equal files.
	for _, name := range slices.Sorted(maps.Keys(u.Constraints)) {
		text := pyjson.Float(u.Constraints[name] + 0)
		constraints = append(constraints, []any{id, sysattr.ConstraintPrefix + name, text})
	}
	for i, v := range u.Values {
		value, kind := encodeFloat(v + 0)
		values = append(values, []any{id, i, value, kind})
	}
	if u.Replace {
		params, reports = params.latest(), reports.latest()
	}
	for _, insert := range []struct {
		into     string
		rows     rows
		conflict string
	}{
		{`trial_params (trial_id, param_name, param_value, distribution_json)`, params, onParam},
		{`trial_intermediate_values (trial_id, step, intermediate_value, intermediate_value_type)`, reports, onReport},
		{`trial_system_attributes (trial_id, "key", value_json)`, constraints, onConstraint},
		{`trial_user_attributes (trial_id, "key", value_json)`, attrRows(id, u.UserAttrs), set},
		{`trial_system_attributes (trial_id, "key", value_json)`, attrRows(id, u.SystemAttrs), set},
		// Values have no conflict clause: they are written once, when the trial ends.
		{`trial_values (trial_id, objective, value, value_type)`, values, ``},
	} {
		insert.rows.insert(t, insert.into, insert.conflict)
	}
	return t.Err()
}

// attrRows sorts the attributes, so that equal updates write equal files.
func attrRows(id int64, attrs map[string]json.RawMessage) rows {
	var all rows
	for _, key := range slices.Sorted(maps.Keys(attrs)) {
		all = append(all, []any{id, key, string(attrs[key])})
	}
	return all
}

// rows are inserted into one table; all have the same length.
type rows [][]any

// latest returns the rows of one trial without those that a later one of the same name or step
// replaces: a statement may replace a row once.
func (r rows) latest() rows {
	var all rows
	at := map[any]int{}
	for _, row := range r {
		if i, ok := at[row[1]]; ok {
			all[i] = row
			continue
		}
		at[row[1]] = len(all)
		all = append(all, row)
	}
	return all
}

// maxRows keeps the variables of a statement far below SQLite's limit, and the
// number of prepared statements small.
const maxRows = 32

// insert writes the rows with few statements. Without rows it does nothing.
func (r rows) insert(t *Tx, into, conflict string) {
	for chunk := range slices.Chunk(r, maxRows) {
		place := "(?" + strings.Repeat(", ?", len(chunk[0])-1) + ")"
		query := `INSERT INTO ` + into + ` VALUES ` + place + strings.Repeat(", "+place, len(chunk)-1) + ` ` + conflict
		t.Exec(query, slices.Concat(chunk...)...)
	}
}
