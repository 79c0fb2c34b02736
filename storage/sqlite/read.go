package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/space/pyjson"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Since implements storage.Storage.
func (db *DB) Since(ctx context.Context, study, revision int64) (c storage.Changes, err error) {
	err = db.read(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		err := tx.GetContext(ctx, &c.Revision, `SELECT revision FROM bluefin_studies WHERE study_id = ?`, study)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("study %d: %w", study, storage.ErrNotExist)
		} else if err != nil || c.Revision == revision {
			return err
		}
		c.Trials, err = load(ctx, tx, `b.study_id = ? AND b.revision > ?`, study, revision)
		return err
	})
	return c, err
}

func loadTrial(ctx context.Context, tx *sqlx.Tx, id int64) (*trial.Trial, error) {
	trials, err := load(ctx, tx, `b.trial_id = ?`, id)
	if err != nil {
		return nil, err
	}
	if len(trials) == 0 {
		return nil, storage.ErrNotExist
	}
	return trials[0], nil
}

// load reads the trials of which where is true, a condition on the row b of
// bluefin_trials: the finished ones in finishing order, then the others by
// number.
func load(ctx context.Context, tx *sqlx.Tx, where string, args ...any) ([]*trial.Trial, error) {
	l := loader{ctx: ctx, tx: tx, where: where, args: args, trials: map[int64]*loading{}, dists: map[string]space.Dist{}}
	l.loadTrials()
	if len(l.order) > 0 {
		l.loadParams()
		l.loadValues()
		l.loadReports()
		l.loadAttrs("trial_user_attributes", func(t *loading, key, value string) error {
			setAttr(&t.UserAttrs, key, value)
			return nil
		})
		l.loadAttrs("trial_system_attributes", (*loading).setSystemAttr)
	}
	return l.order, l.err
}

// A loader reads rows into trials and keeps the first error.
type loader struct {
	ctx    context.Context
	tx     *sqlx.Tx
	where  string
	args   []any
	trials map[int64]*loading // by trial_id
	order  []*trial.Trial
	dists  map[string]space.Dist // by JSON text: most trials share a few
	err    error
}

type loading struct {
	trial.Trial
	paramIDs []int64
}

// each runs a query and calls row, which scans a row, for each of its rows.
func (l *loader) each(query string, row func(*sql.Rows) error) {
	if l.err != nil {
		return
	}
	rows, err := l.tx.QueryContext(l.ctx, query, l.args...)
	if err != nil {
		l.err = err
		return
	}
	defer rows.Close()
	for rows.Next() {
		if l.err = row(rows); l.err != nil {
			return
		}
	}
	l.err = rows.Err()
}

func (l *loader) loadTrials() {
	l.each(`
		SELECT t.trial_id, t.number, t.state, CAST(t.datetime_start AS TEXT), CAST(t.datetime_complete AS TEXT), b.seen
		FROM bluefin_trials b JOIN trials t ON t.trial_id = b.trial_id
		WHERE `+l.where+` ORDER BY b.finish IS NULL, b.finish, t.number`,
		func(rows *sql.Rows) error {
			var (
				id         int64
				state      string
				start, end sql.NullString
				t          loading
			)
			err := rows.Scan(&id, &t.Number, &state, &start, &end, &t.Seen)
			if err == nil {
				t.State, err = trial.ParseState(state)
			}
			if err == nil {
				t.Start, err = decodeTime(start)
			}
			if err == nil {
				t.End, err = decodeTime(end)
			}
			l.trials[id] = &t
			l.order = append(l.order, &t.Trial)
			return t.wrap(err)
		})
}

func (l *loader) loadParams() {
	l.each(`
		SELECT c.trial_id, c.param_id, c.param_name, c.param_value, c.distribution_json
		FROM bluefin_trials b CROSS JOIN trial_params c ON c.trial_id = b.trial_id WHERE `+l.where,
		func(rows *sql.Rows) error {
			var (
				id, paramID int64
				p           trial.Param
				text        sql.RawBytes
			)
			if err := rows.Scan(&id, &paramID, &p.Name, &p.Value, &text); err != nil {
				return err
			}
			t := l.trials[id]
			dist, ok := l.dists[string(text)]
			if !ok {
				var err error
				if dist, err = space.Unmarshal(text); err != nil {
					return t.wrap(err)
				}
				l.dists[string(text)] = dist
			}
			if _, ok := dist.(space.Categorical); ok && !dist.Contains(p.Value) {
				return t.wrap(fmt.Errorf("parameter %q is choice %v of %v", p.Name, p.Value, dist))
			}
			p.Dist = dist
			// Rows come in any order; their ids tell in which they were suggested.
			i, _ := slices.BinarySearchFunc(t.paramIDs, paramID, cmp.Compare[int64])
			t.paramIDs = slices.Insert(t.paramIDs, i, paramID)
			t.Params = slices.Insert(t.Params, i, p)
			return nil
		})
}

func (l *loader) loadValues() {
	l.each(`
		SELECT c.trial_id, c.value, c.value_type
		FROM bluefin_trials b CROSS JOIN trial_values c ON c.trial_id = b.trial_id WHERE `+l.where+` ORDER BY c.trial_id, c.objective`,
		func(rows *sql.Rows) error {
			var (
				id    int64
				value sql.NullFloat64
				kind  string
			)
			if err := rows.Scan(&id, &value, &kind); err != nil {
				return err
			}
			x, err := decodeFloat(value, kind)
			l.trials[id].Values = append(l.trials[id].Values, x)
			return l.trials[id].wrap(err)
		})
}

func (l *loader) loadReports() {
	l.each(`
		SELECT c.trial_id, c.step, c.intermediate_value, c.intermediate_value_type
		FROM bluefin_trials b CROSS JOIN trial_intermediate_values c ON c.trial_id = b.trial_id WHERE `+l.where+` ORDER BY c.trial_id, c.step`,
		func(rows *sql.Rows) error {
			var (
				id    int64
				step  int
				value sql.NullFloat64
				kind  string
			)
			if err := rows.Scan(&id, &step, &value, &kind); err != nil {
				return err
			}
			x, err := decodeFloat(value, kind)
			l.trials[id].Reports = append(l.trials[id].Reports, trial.Report{Step: step, Value: x})
			return l.trials[id].wrap(err)
		})
}

func (l *loader) loadAttrs(table string, set func(t *loading, key, value string) error) {
	l.each(`
		SELECT c.trial_id, c."key", c.value_json
		FROM bluefin_trials b CROSS JOIN `+table+` c ON c.trial_id = b.trial_id WHERE `+l.where,
		func(rows *sql.Rows) error {
			var (
				id         int64
				key, value string
			)
			if err := rows.Scan(&id, &key, &value); err != nil {
				return err
			}
			return l.trials[id].wrap(set(l.trials[id], key, value))
		})
}

func (t *loading) setSystemAttr(key, value string) error {
	name, ok := strings.CutPrefix(key, constraintPrefix)
	if !ok && key != legacyConstraints {
		setAttr(&t.SystemAttrs, key, value)
		return nil
	}
	v, err := pyjson.Unmarshal([]byte(value))
	if err != nil {
		return err
	}
	if t.Constraints == nil {
		t.Constraints = map[string]float64{}
	}
	set := func(name string, v any) {
		switch v := v.(type) {
		case float64:
			t.Constraints[name] = v
		case int:
			t.Constraints[name] = float64(v)
		}
	}
	if ok {
		set(name, v)
	}
	list, _ := v.([]any) // the legacy form; null if Optuna could not compute them
	for i, v := range list {
		set(strconv.Itoa(i), v)
	}
	return nil
}

func (t *loading) wrap(err error) error {
	if err != nil {
		return fmt.Errorf("%w: trial %d: %w", ErrCorrupt, t.Number, err)
	}
	return nil
}

func setAttr(attrs *map[string]json.RawMessage, key, value string) {
	if *attrs == nil {
		*attrs = map[string]json.RawMessage{}
	}
	(*attrs)[key] = json.RawMessage(value)
}
