package sqlite

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage/internal/rdb"
)

// An entry is one item of a study or a trial that SQL cannot check.
type entry struct {
	name sql.NullString // if it has one
	// any, because SQLite stores whatever it is given, also a text in a number column
	value any
	text  sql.NullString
}

// texts checks what is stored as text: times, distributions and attributes.
func (c *checker) texts(t *tx, ours bool) error {
	// The joins name the study and, where there is one, the trial of a finding.
	const ofTrial = ` x JOIN trials t ON t.trial_id = x.trial_id JOIN studies s ON s.study_id = t.study_id`
	const ofSelf = ` t JOIN studies s ON s.study_id = t.study_id`
	const ofStudy = ` x JOIN studies s ON s.study_id = x.study_id`
	dists := map[string]space.Dist{}
	// what begins the text of the finding; query follows SELECT s.study_name.
	type textCheck struct {
		what, query string
		check       func(entry) error
	}
	// Times are cast to text: the driver would parse columns declared DATETIME itself.
	checks := []textCheck{
		{"start", `t.number, NULL, NULL, CAST(t.datetime_start AS TEXT) FROM trials` + ofSelf, checkTime},
		{"end", `t.number, NULL, NULL, CAST(t.datetime_complete AS TEXT) FROM trials` + ofSelf, checkTime},
		{"heartbeat", `t.number, NULL, NULL, CAST(x.heartbeat AS TEXT) FROM trial_heartbeats` + ofTrial, checkTime},
		{"parameter", `t.number, param_name, param_value, distribution_json FROM trial_params` + ofTrial,
			func(x entry) error { return checkParam(x, dists) }},
		{"value of objective", `t.number, x.objective, x.value, value_type FROM trial_values` + ofTrial,
			func(x entry) error {
				// Optuna fails a trial whose value is NaN, so it is never stored.
				if x.text.String == "NAN" {
					return errors.New("NaN, want a number")
				}
				return checkFloat(x)
			}},
		{"report of step", `
			t.number, x.step, intermediate_value, intermediate_value_type FROM trial_intermediate_values` + ofTrial, checkFloat},
		{"user attribute", `t.number, "key", NULL, value_json FROM trial_user_attributes` + ofTrial, checkJSON},
		{"system attribute", `t.number, "key", NULL, value_json FROM trial_system_attributes` + ofTrial, checkJSON},
		{"user attribute", `NULL, "key", NULL, value_json FROM study_user_attributes` + ofStudy, checkJSON},
		{"system attribute", `NULL, "key", NULL, value_json FROM study_system_attributes` + ofStudy, checkJSON},
	}
	if ours {
		checks = append(checks, textCheck{"checkpoint", `t.number, NULL, NULL, marks FROM bluefin_checkpoints` + ofTrial,
			checkMarks})
	}
	for _, check := range checks {
		err := t.Each(func(rows rdb.Rows) error {
			var (
				study  string
				number sql.NullInt64
				x      entry
			)
			if err := rows.Scan(&study, &number, &x.name, &x.value, &x.text); err != nil {
				return err
			}
			// A defect is recorded, not returned: one damaged value must not hide the others.
			if err := check.check(x); err != nil {
				what := check.what
				if x.name.Valid {
					what = fmt.Sprintf("%s %q", what, x.name.String)
				}
				if !number.Valid {
					number.Int64 = -1
				}
				c.add(study, int(number.Int64), "its %s is %v", what, err)
			}
			return nil
		}, `SELECT s.study_name, `+check.query)
		if err != nil {
			return err
		}
	}
	return nil
}

// checkTime accepts what rdb.DecodeTime reads, including NULL.
func checkTime(x entry) error {
	if _, err := rdb.DecodeTime(x.text); err != nil {
		return fmt.Errorf("%.100q, want one like %s", x.text.String, rdb.TimeLayout)
	}
	return nil
}

// checkParam checks a parameter. dists caches distributions by their text,
// because most trials share a few.
func checkParam(x entry, dists map[string]space.Dist) error {
	dist, seen := dists[x.text.String]
	if !seen {
		var err error
		if dist, err = space.Unmarshal([]byte(x.text.String)); err != nil {
			return fmt.Errorf("without a valid distribution: %w", err)
		}
		dists[x.text.String] = dist
	}
	value, err := number(x.value)
	switch _, categorical := dist.(space.Categorical); {
	case err != nil:
		return err
	case !value.Valid || math.IsInf(value.Float64, 0):
		return errors.New("not a number")
	// Values out of a numeric range are allowed, as in Optuna; a choice is an index and must
	// exist.
	case categorical && !dist.Contains(value.Float64):
		return fmt.Errorf("choice %v of %v", value.Float64, dist)
	}
	return nil
}

// checkFloat also refuses a number whose type column says that there is none.
func checkFloat(x entry) error {
	value, err := number(x.value)
	if err == nil {
		_, err = rdb.DecodeFloat(value, x.text.String)
	}
	if err == nil && value.Valid && x.text.String != "FINITE" {
		err = fmt.Errorf("%v of type %q", value.Float64, x.text.String)
	}
	return err
}

// number converts a column in which SQLite may store anything.
func number(v any) (sql.NullFloat64, error) {
	switch v := v.(type) {
	case nil:
		return sql.NullFloat64{}, nil
	case float64:
		return sql.NullFloat64{Float64: v, Valid: true}, nil
	case int64:
		return sql.NullFloat64{Float64: float64(v), Valid: true}, nil
	}
	return sql.NullFloat64{}, fmt.Errorf("%.100q, want a number", fmt.Sprint(v))
}

// checkJSON accepts Python's NaN and Infinity, which Optuna writes.
func checkJSON(x entry) error {
	if _, err := pyjson.Unmarshal([]byte(x.text.String)); err != nil {
		return fmt.Errorf("not JSON: %.100q", x.text.String)
	}
	return nil
}

// checkMarks checks the text of a checkpoint.
func checkMarks(x entry) error {
	var marks map[string]string
	if err := json.Unmarshal([]byte(x.text.String), &marks); err != nil {
		return fmt.Errorf("unreadable: %.100q is not an object of strings", x.text.String)
	}
	for key, value := range marks {
		// Each value becomes an attribute again when the trial resumes, so it must be JSON
		// itself.
		if err := checkJSON(entry{text: sql.NullString{String: value}}); err != nil {
			return fmt.Errorf("unreadable: %q is %w", key, err)
		}
	}
	return nil
}
