package rdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/storage"
)

// Checkpoint implements storage.Storage. A missing study has no checkpoints either,
// so the error does not distinguish them.
func (db *DB) Checkpoint(ctx context.Context, study int64, number int) (c storage.Checkpoint, err error) {
	err = db.read(ctx, func(t *Tx) error {
		found := false
		err := t.Each(func(rows Rows) error {
			found = true
			return rows.Scan(&c.Step, &c.Keep, &c.Data)
		}, `
			SELECT step, keep, data FROM bluefin_checkpoints JOIN trials USING (trial_id)
			WHERE study_id = ? AND number = ?`, study, number)
		if err == nil && !found {
			err = fmt.Errorf("checkpoint of trial %d: %w", number, storage.ErrNotExist)
		}
		return err
	})
	return c, err
}

// setCheckpoint replaces the checkpoint of a trial, and saves with it the
// attributes that follow from its reports so far.
func setCheckpoint(t *Tx, id int64, c storage.Checkpoint) error {
	var attrs []attr
	if err := listAttrs(t, &attrs, id); err != nil {
		return err
	}
	// Texts inside a JSON object keep each value to the letter; nested JSON would be
	// reformatted.
	marks := map[string]string{}
	for _, a := range attrs {
		if sysattr.Reported(a.Key) {
			marks[a.Key] = a.Value
		}
	}
	text, err := json.Marshal(marks)
	if err != nil {
		return err
	}
	// Only progress resets the count of restarts.
	t.Exec(`UPDATE bluefin_trials SET again = 0
		WHERE trial_id = ? AND NOT EXISTS (SELECT 1 FROM bluefin_checkpoints WHERE trial_id = ? AND step >= ?)`,
		id, id, c.Step)
	t.Exec(`
		INSERT INTO bluefin_checkpoints (trial_id, step, keep, marks, data) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (trial_id) DO UPDATE SET step = excluded.step, keep = excluded.keep, marks = excluded.marks, data = excluded.data`,
		id, c.Step, c.Keep, string(text), append([]byte{}, c.Data...)) // empty, not NULL, without data
	return t.Err()
}

// attr is a row of a table of attributes. JSON stays text: nothing here reads it.
type attr struct {
	Key   string `db:"key"`
	Value string `db:"value_json"`
}

// listAttrs appends the system attributes of a trial to attrs.
func listAttrs(t *Tx, attrs *[]attr, trial int64) error {
	return t.List(attrs, `SELECT "key", value_json FROM trial_system_attributes WHERE trial_id = ?`, trial)
}

// rewind returns a trial to its checkpoint, or to its start.
func rewind(t *Tx, id int64) error {
	var at struct {
		Step  int    `db:"step"`
		Marks string `db:"marks"`
	}
	err := t.Get(&at, `SELECT step, marks FROM bluefin_checkpoints WHERE trial_id = ?`, id)
	fresh := errors.Is(err, sql.ErrNoRows)
	if fresh {
		// Step -1 is before every report, so all are deleted.
		at.Step, at.Marks = -1, `{}`
	} else if err != nil {
		return err
	}
	t.Exec(`DELETE FROM trial_intermediate_values WHERE trial_id = ? AND step > ?`, id, at.Step)
	var attrs []attr
	if err := listAttrs(t, &attrs, id); err != nil {
		return err
	}
	for _, a := range attrs {
		// Constraints follow from the objective alone: those before a checkpoint
		// remain true.
		if sysattr.Reported(a.Key) || fresh && sysattr.IsConstraint(a.Key) {
			t.Exec(`DELETE FROM trial_system_attributes WHERE trial_id = ? AND "key" = ?`, id, a.Key)
		}
	}
	var marks map[string]string
	if err := json.Unmarshal([]byte(at.Marks), &marks); err != nil {
		return fmt.Errorf("%w: the checkpoint of trial id %d: %w", t.Corrupt, id, err)
	}
	// Attributes that followed from reports return as they were at the checkpoint.
	u := storage.Update{SystemAttrs: map[string]json.RawMessage{}}
	for key, value := range marks {
		u.SystemAttrs[key] = json.RawMessage(value)
	}
	return addTo(t, id, u)
}
