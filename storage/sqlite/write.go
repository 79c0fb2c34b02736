package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/space/pyjson"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Add implements storage.Storage.
func (db *DB) Add(ctx context.Context, study int64, t *trial.Trial) (number int, err error) {
	err = db.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		n, err := objectives(ctx, tx, study)
		if err != nil {
			return err
		}
		if err := storage.CheckTrial(t, n); err != nil {
			return err
		}
		var id int64
		if id, number, err = insertTrial(ctx, tx, study, t.State); err != nil {
			return err
		}
		if t.Number >= 0 && t.Number != number {
			return fmt.Errorf("trial %d: %w, the next one is %d", t.Number, storage.ErrExist, number)
		}
		return addTo(ctx, tx, id, storage.Update{Params: t.Params, Reports: t.Reports, Constraints: t.Constraints,
			UserAttrs: t.UserAttrs, SystemAttrs: t.SystemAttrs, Values: t.Values})
	})
	return number, err
}

// Write implements storage.Storage.
func (db *DB) Write(ctx context.Context, study int64, number int, u storage.Update) error {
	return db.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := write(ctx, tx, study, number, u); err != nil {
			return fmt.Errorf("trial %d: %w", number, err)
		}
		return nil
	})
}

func write(ctx context.Context, tx *sqlx.Tx, study int64, number int, u storage.Update) error {
	n, err := objectives(ctx, tx, study)
	if err != nil {
		return err
	}
	var row struct {
		ID    int64          `db:"trial_id"`
		State string         `db:"state"`
		Owner sql.NullString `db:"lease_owner"`
	}
	err = tx.GetContext(ctx, &row, `
		SELECT trial_id, state, lease_owner FROM trials JOIN bluefin_trials USING (trial_id)
		WHERE trials.study_id = ? AND number = ?`, study, number)
	if errors.Is(err, sql.ErrNoRows) {
		return storage.ErrNotExist
	} else if err != nil {
		return err
	}
	state, err := trial.ParseState(row.State)
	switch {
	case err != nil:
		return err
	case state.Finished():
		return storage.ErrFinished
	case state == trial.Waiting || u.Owner != "" && u.Owner != row.Owner.String:
		return storage.ErrLost
	}
	if err := u.Check(n); err != nil {
		return err
	}
	if u.Renew > 0 {
		if _, err := tx.ExecContext(ctx, `UPDATE bluefin_trials SET lease_until = `+clock+` + ? WHERE trial_id = ? AND lease_owner IS NOT NULL`,
			u.Renew.Seconds(), row.ID); err != nil {
			return err
		}
	}
	if err := addTo(ctx, tx, row.ID, u); err != nil {
		return err
	}
	switch {
	case u.State == trial.Waiting:
		if err := clearReports(ctx, tx, row.ID); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE trials SET state = 'WAITING', datetime_start = NULL WHERE trial_id = ?`, row.ID)
	case u.State.Finished():
		_, err = tx.ExecContext(ctx, `UPDATE trials SET state = ?, datetime_complete = ? WHERE trial_id = ?`,
			u.State.String(), encodeTime(now()), row.ID)
	}
	return err
}

// addTo writes what an update adds to a trial.
func addTo(ctx context.Context, tx *sqlx.Tx, id int64, u storage.Update) error {
	exec := func(query string, args ...any) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	}
	for _, p := range u.Params {
		if err := exec(`INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			id, p.Name, p.Value, space.Marshal(p.Dist)); err != nil {
			return err
		}
	}
	for _, r := range u.Reports {
		value, kind := encodeFloat(r.Value)
		if err := exec(`INSERT INTO trial_intermediate_values (trial_id, step, intermediate_value, intermediate_value_type) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			id, r.Step, value, kind); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(u.Constraints)) {
		if err := exec(`INSERT INTO trial_system_attributes (trial_id, "key", value_json) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
			id, constraintPrefix+name, pyjson.Float(u.Constraints[name])); err != nil {
			return err
		}
	}
	for _, set := range []struct {
		table string
		attrs map[string]json.RawMessage
	}{{"trial_user_attributes", u.UserAttrs}, {"trial_system_attributes", u.SystemAttrs}} {
		for _, key := range slices.Sorted(maps.Keys(set.attrs)) {
			if err := exec(`INSERT INTO `+set.table+` (trial_id, "key", value_json) VALUES (?, ?, ?)
				ON CONFLICT (trial_id, "key") DO UPDATE SET value_json = excluded.value_json`,
				id, key, string(set.attrs[key])); err != nil {
				return err
			}
		}
	}
	for i, v := range u.Values {
		value, kind := encodeFloat(v)
		if err := exec(`INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (?, ?, ?, ?)`, id, i, value, kind); err != nil {
			return err
		}
	}
	return nil
}
