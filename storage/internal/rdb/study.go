package rdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Create implements storage.Storage.
func (db *DB) Create(ctx context.Context, name string, directions []trial.Direction) (s storage.Study, err error) {
	if err := (storage.Study{Name: name, Directions: directions}).Check(); err != nil {
		return s, err
	}
	err = db.write(ctx, func(t *Tx) error {
		s, err = create(t, name, directions)
		return err
	})
	return s, err
}

// create makes a study with an id that no study ever had.
func create(t *Tx, name string, directions []trial.Direction) (s storage.Study, err error) {
	// Looking first costs little under the write lock, and the message can name the study.
	n := 0
	if err := t.Get(&n, `SELECT count(*) FROM studies WHERE study_name = ?`, name); err != nil {
		return s, err
	} else if n > 0 {
		return s, fmt.Errorf("study %q: %w", name, storage.ErrExist)
	}
	var id int64
	if err := t.Get(&id, `
		INSERT INTO studies (study_id, study_name) VALUES (`+t.NextStudy+`, ?) RETURNING study_id`, name); err != nil {
		return s, err
	}
	for i, d := range directions {
		t.Exec(`INSERT INTO study_directions (study_id, objective, direction) VALUES (?, ?, ?)`,
			// One row for each objective, in order: Optuna reads them by row id.
			id, i, strings.ToUpper(d.String()))
	}
	if t.Err() != nil {
		return s, t.Err()
	}
	// Read back, so the caller gets exactly what Load will return.
	return loadStudy(t, id)
}

// Load implements storage.Storage.
func (db *DB) Load(ctx context.Context, name string) (s storage.Study, err error) {
	err = db.read(ctx, func(t *Tx) error {
		id, err := db.find(t, name)
		if err == nil {
			s, err = loadStudy(t, id)
		}
		return err
	})
	return s, err
}

// find returns the id of the study called name.
func (db *DB) find(t *Tx, name string) (id int64, err error) {
	err = t.Get(&id, `SELECT study_id FROM studies WHERE study_name = ?`, name)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("study %q: %w in %s", name, storage.ErrNotExist, db.where)
	}
	return id, err
}

// Studies implements storage.Storage.
func (db *DB) Studies(ctx context.Context) (all []storage.Study, err error) {
	err = db.read(ctx, func(t *Tx) error {
		var ids []int64
		if err := t.List(&ids, `SELECT study_id FROM studies ORDER BY study_id`); err != nil {
			return err
		}
		for _, id := range ids {
			s, err := loadStudy(t, id)
			if err != nil {
				return err
			}
			// One query for each study: there are few, and all are read in one snapshot.
			all = append(all, s)
		}
		return nil
	})
	return all, err
}

// loadStudy reads a study, or fails with sql.ErrNoRows.
func loadStudy(t *Tx, id int64) (storage.Study, error) {
	s := storage.Study{ID: id}
	if err := t.Get(&s.Name, `SELECT study_name FROM studies WHERE study_id = ?`, id); err != nil {
		return s, err
	}
	var directions []string
	// Optuna reads them in the order of their rows, not by objective.
	if err := t.List(&directions, `
		SELECT direction FROM study_directions WHERE study_id = ? ORDER BY study_direction_id`, id); err != nil {
		return s, err
	}
	if len(directions) == 0 {
		// Without rows there is one objective, of unknown direction.
		directions = []string{"NOT_SET"}
	}
	for _, name := range directions {
		if name == "NOT_SET" { // of studies created without a direction; Optuna minimizes
			name = "MINIMIZE"
		}
		d, err := trial.ParseDirection(strings.ToLower(name))
		if err != nil {
			return s, fmt.Errorf("study %q: %w", s.Name, err)
		}
		s.Directions = append(s.Directions, d)
	}
	var err error
	if s.UserAttrs, err = loadStudyAttrs(t, "study_user_attributes", id); err != nil {
		return s, err
	}
	s.SystemAttrs, err = loadStudyAttrs(t, "study_system_attributes", id)
	return s, err
}

// loadStudyAttrs returns nil if there are none, like Create.
func loadStudyAttrs(t *Tx, table string, id int64) (map[string]json.RawMessage, error) {
	var rows []struct {
		Key   string `db:"key"`
		Value string `db:"value_json"`
	}
	if err := t.List(&rows, `SELECT "key", value_json FROM `+table+` WHERE study_id = ?`, id); err != nil {
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

// WriteStudy implements storage.Storage.
func (db *DB) WriteStudy(ctx context.Context, study int64, u storage.StudyUpdate) error {
	if err := u.Check(); err != nil {
		return err
	}
	return db.write(ctx, func(t *Tx) error {
		t.lock(study)
		if _, err := objectives(t, study); err != nil {
			return err
		}
		if len(u.If) > 0 {
			attrs, err := loadStudyAttrs(t, "study_system_attributes", study)
			if err == nil {
				err = u.CheckIf(attrs)
			}
			if err != nil {
				return err
			}
		}
		// Attributes may change: the last write wins.
		const set = `ON CONFLICT (study_id, "key") DO UPDATE SET value_json = excluded.value_json`
		attrRows(study, u.UserAttrs).insert(t, `study_user_attributes (study_id, "key", value_json)`, set)
		attrRows(study, u.SystemAttrs).insert(t, `study_system_attributes (study_id, "key", value_json)`, set)
		return t.Err()
	})
}

// Delete implements storage.Storage. It deletes dependent rows first, because
// Optuna's tables do not cascade.
func (db *DB) Delete(ctx context.Context, study int64) error {
	return db.write(ctx, func(t *Tx) error {
		t.lock(study)
		if _, err := objectives(t, study); err != nil {
			return err
		}
		// Without these rows the triggers on the other tables have nothing to
		// update.
		t.Exec(`DELETE FROM bluefin_trials WHERE study_id = ?`, study)
		// Children first, parents last, because foreign keys are checked at each statement.
		for _, table := range []string{"trial_params", "trial_values", "trial_intermediate_values",
			"trial_user_attributes", "trial_system_attributes", "trial_heartbeats"} {
			t.Exec(`DELETE FROM `+table+` WHERE trial_id IN (SELECT trial_id FROM trials WHERE study_id = ?)`, study)
		}
		for _, table := range []string{"trials", "study_directions",
			"study_user_attributes", "study_system_attributes", "studies"} {
			t.Exec(`DELETE FROM `+table+` WHERE study_id = ?`, study)
		}
		return t.Err()
	})
}

// errNoStudy distinguishes a missing study from a missing trial.
var errNoStudy = fmt.Errorf("%w", storage.ErrNotExist)

// objectives returns the number of objectives of a study, or fails with
// ErrNotExist.
func objectives(t *Tx, study int64) (int, error) {
	var row struct {
		Studies    int `db:"studies"`
		Directions int `db:"directions"`
	}
	err := t.Get(&row, `
		SELECT (SELECT count(*) FROM studies WHERE study_id = ?) AS studies,
			(SELECT count(*) FROM study_directions WHERE study_id = ?) AS directions`, study, study)
	if err == nil && row.Studies == 0 {
		err = fmt.Errorf("study %d: %w", study, errNoStudy)
	}
	// A study without directions has one objective.
	return max(row.Directions, 1), err
}
