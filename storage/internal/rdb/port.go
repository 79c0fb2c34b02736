package rdb

import (
	"context"
	"database/sql"
	"maps"
	"strconv"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Export implements storage.Storage. It adds the attributes with constraints, which
// load turns into numbers, so that a copy has them in the same form.
func (db *DB) Export(ctx context.Context, name string) (s storage.Snapshot, err error) {
	err = db.read(ctx, func(t *Tx) error {
		id, err := db.find(t, name)
		if err != nil {
			return err
		}
		if s.Study, err = loadStudy(t, id); err != nil {
			return err
		}
		if s.Trials, err = load(t, `b.study_id = ?`, id); err != nil {
			return err
		}
		// load keeps constraints as numbers only, so their texts are read once more.
		byNumber := map[int]*trial.Trial{}
		for _, tr := range s.Trials {
			byNumber[tr.Number] = tr
		}
		// CROSS JOIN fixes the order: SQLite might otherwise scan every attribute of the file.
		return t.Each(func(rows Rows) error {
			var (
				number int
				key    string
				value  sql.RawBytes
			)
			err := rows.Scan(&number, &key, &value)
			if tr := byNumber[number]; err == nil && tr != nil {
				setAttr(&tr.SystemAttrs, key, value)
			}
			return err
		}, `
			SELECT t.number, a."key", a.value_json
			FROM trials t CROSS JOIN trial_system_attributes a
			WHERE a.trial_id = t.trial_id AND t.study_id = ?
				AND (a."key" = '`+sysattr.ConstraintList+`' OR substr(a."key", 1, ?) = '`+sysattr.ConstraintPrefix+`')`, id, len(sysattr.ConstraintPrefix))
	})
	return s, err
}

// Import implements storage.Storage. The ids of the trials grow with their
// numbers, as Optuna requires; the rows are inserted in finishing order, which
// the triggers record.
func (db *DB) Import(ctx context.Context, s storage.Snapshot) (created storage.Study, err error) {
	if err := s.Check(); err != nil {
		return created, err
	}
	err = db.write(ctx, func(t *Tx) error {
		if created, err = create(t, s.Name, s.Directions); err != nil {
			return err
		}
		// Attributes of a new study cannot conflict, so there is no ON CONFLICT.
		attrRows(created.ID, s.UserAttrs).insert(t, `study_user_attributes (study_id, "key", value_json)`, ``)
		attrRows(created.ID, s.SystemAttrs).insert(t, `study_system_attributes (study_id, "key", value_json)`, ``)
		ids, err := t.Trials(t, len(s.Trials))
		if err != nil {
			return err
		}
		// One transaction for all: a failed import leaves nothing behind.
		for _, r := range s.Normalized().Trials {
			if err := importTrial(t, created.ID, ids[r.Number], r); err != nil {
				return err
			}
		}
		// Read back, so the caller gets exactly what Load will return.
		created, err = loadStudy(t, created.ID)
		return err
	})
	return created, err
}

// importTrial inserts a trial. The triggers derive its place in finishing order and
// what it had seen from the order of inserts; the latter is then replaced.
func importTrial(t *Tx, study, id int64, r *trial.Trial) error {
	t.Exec(`
		INSERT INTO trials (trial_id, number, study_id, state, datetime_start, datetime_complete)
		VALUES (?, ?, ?, ?, ?, ?)`, id, r.Number, study, r.State.String(), encodeTime(r.Start), encodeTime(r.End))
	u := additions(r)
	u.Constraints = unlisted(r)
	if err := addTo(t, id, u); err != nil {
		return err
	}
	t.Exec(`UPDATE bluefin_trials SET seen = ? WHERE trial_id = ?`, r.Seen, id)
	return t.Err()
}

// unlisted returns the constraints that are not also in a list of Optuna 4:
// written in both forms they would count twice.
func unlisted(r *trial.Trial) map[string]float64 {
	text, ok := r.SystemAttrs[sysattr.ConstraintList]
	if !ok {
		return r.Constraints
	}
	v, _ := pyjson.Unmarshal(text) // which Snapshot.Check has read
	list, _ := v.([]any)
	rest := maps.Clone(r.Constraints)
	for i := range list {
		delete(rest, strconv.Itoa(i))
	}
	return rest
}
