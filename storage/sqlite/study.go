package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Create implements storage.Storage.
func (db *DB) Create(ctx context.Context, name string, directions []trial.Direction) (s storage.Study, err error) {
	if err := storage.CheckStudy(name, directions); err != nil {
		return s, err
	}
	err = db.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		n := 0
		if err := tx.GetContext(ctx, &n, `SELECT count(*) FROM studies WHERE study_name = ?`, name); err != nil {
			return err
		} else if n > 0 {
			return fmt.Errorf("study %q: %w", name, storage.ErrExist)
		}
		var id int64
		if err := tx.GetContext(ctx, &id, `
			INSERT INTO studies (study_id, study_name)
			SELECT max(id, coalesce((SELECT max(study_id) FROM studies), 0)) + 1, ? FROM bluefin_deleted WHERE kind = 'study'
			RETURNING study_id`, name); err != nil {
			return err
		}
		for i, d := range directions {
			if _, err := tx.ExecContext(ctx, `INSERT INTO study_directions (study_id, objective, direction) VALUES (?, ?, ?)`,
				id, i, strings.ToUpper(d.String())); err != nil {
				return err
			}
		}
		s, err = loadStudy(ctx, tx, id)
		return err
	})
	return s, err
}

// Load implements storage.Storage.
func (db *DB) Load(ctx context.Context, name string) (s storage.Study, err error) {
	err = db.read(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		var id int64
		err := tx.GetContext(ctx, &id, `SELECT study_id FROM studies WHERE study_name = ?`, name)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("study %q: %w in %s", name, storage.ErrNotExist, db.path)
		} else if err != nil {
			return err
		}
		s, err = loadStudy(ctx, tx, id)
		return err
	})
	return s, err
}

// Studies implements storage.Storage.
func (db *DB) Studies(ctx context.Context) (all []storage.Study, err error) {
	err = db.read(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		var ids []int64
		if err := tx.SelectContext(ctx, &ids, `SELECT study_id FROM studies ORDER BY study_id`); err != nil {
			return err
		}
		for _, id := range ids {
			s, err := loadStudy(ctx, tx, id)
			if err != nil {
				return err
			}
			all = append(all, s)
		}
		return nil
	})
	return all, err
}

func loadStudy(ctx context.Context, tx *sqlx.Tx, id int64) (storage.Study, error) {
	s := storage.Study{ID: id}
	if err := tx.GetContext(ctx, &s.Name, `SELECT study_name FROM studies WHERE study_id = ?`, id); err != nil {
		return s, err
	}
	var directions []string
	// Optuna reads them in the order of their rows, not of their numbers.
	if err := tx.SelectContext(ctx, &directions, `SELECT direction FROM study_directions WHERE study_id = ? ORDER BY study_direction_id`, id); err != nil {
		return s, err
	}
	if len(directions) == 0 {
		directions = []string{"NOT_SET"}
	}
	for _, name := range directions {
		if name == "NOT_SET" { // Optuna's name for a study that was never told; it minimizes
			name = "MINIMIZE"
		}
		d, err := trial.ParseDirection(strings.ToLower(name))
		if err != nil {
			return s, fmt.Errorf("study %q: %w", s.Name, err)
		}
		s.Directions = append(s.Directions, d)
	}
	var err error
	if s.UserAttrs, err = loadStudyAttrs(ctx, tx, "study_user_attributes", id); err != nil {
		return s, err
	}
	s.SystemAttrs, err = loadStudyAttrs(ctx, tx, "study_system_attributes", id)
	return s, err
}

func loadStudyAttrs(ctx context.Context, tx *sqlx.Tx, table string, id int64) (map[string]json.RawMessage, error) {
	var rows []struct {
		Key   string `db:"key"`
		Value string `db:"value_json"`
	}
	if err := tx.SelectContext(ctx, &rows, `SELECT "key", value_json FROM `+table+` WHERE study_id = ?`, id); err != nil {
		return nil, err
	}
	var attrs map[string]json.RawMessage
	for _, r := range rows {
		if attrs == nil {
			attrs = map[string]json.RawMessage{}
		}
		attrs[r.Key] = json.RawMessage(r.Value)
	}
	return attrs, nil
}

// SetUserAttr implements storage.Storage.
func (db *DB) SetUserAttr(ctx context.Context, study int64, key string, value json.RawMessage) error {
	if err := storage.CheckName("attribute key", key); err != nil {
		return err
	}
	return db.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := objectives(ctx, tx, study); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `
			INSERT INTO study_user_attributes (study_id, "key", value_json) VALUES (?, ?, ?)
			ON CONFLICT (study_id, "key") DO UPDATE SET value_json = excluded.value_json`, study, key, string(value))
		return err
	})
}

// Delete implements storage.Storage. The rows that belong to the study go
// first: Optuna's tables do not cascade.
func (db *DB) Delete(ctx context.Context, study int64) error {
	return db.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := objectives(ctx, tx, study); err != nil {
			return err
		}
		for _, table := range []string{"trial_params", "trial_values", "trial_intermediate_values",
			"trial_user_attributes", "trial_system_attributes", "trial_heartbeats"} {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE trial_id IN (SELECT trial_id FROM trials WHERE study_id = ?)`, study); err != nil {
				return err
			}
		}
		for _, table := range []string{"trials", "study_directions", "study_user_attributes", "study_system_attributes", "studies"} {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE study_id = ?`, study); err != nil {
				return err
			}
		}
		return nil
	})
}

// objectives returns how many objectives the study has, or fails with
// ErrNotExist.
func objectives(ctx context.Context, tx *sqlx.Tx, study int64) (int, error) {
	var row struct {
		Studies    int `db:"studies"`
		Directions int `db:"directions"`
	}
	err := tx.GetContext(ctx, &row, `
		SELECT (SELECT count(*) FROM studies WHERE study_id = ?) AS studies,
			(SELECT count(*) FROM study_directions WHERE study_id = ?) AS directions`, study, study)
	if err == nil && row.Studies == 0 {
		err = fmt.Errorf("study %d: %w", study, storage.ErrNotExist)
	}
	return max(row.Directions, 1), err
}
