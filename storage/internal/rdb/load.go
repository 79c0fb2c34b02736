package rdb

import (
	"cmp"
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

// Since implements storage.Storage. Most calls find that nothing changed, after one
// query.
func (db *DB) Since(ctx context.Context, study, revision int64, except ...string) (c storage.Changes, err error) {
	err = db.read(ctx, func(t *Tx) error {
		// -1 is no revision, so it shows whether the study has a row.
		c.Revision = -1
		objectives := 0
		err := t.Each(func(rows Rows) error { return rows.Scan(&c.Revision, &objectives) }, `
			SELECT revision, (SELECT count(*) FROM study_directions d WHERE d.study_id = b.study_id)
			FROM bluefin_studies b WHERE study_id = ?`, study)
		switch {
		case err != nil:
			return err
		case c.Revision < 0:
			return fmt.Errorf("study %d: %w", study, storage.ErrNotExist)
		case c.Revision == revision:
			return nil
		}
		// The caller knows its own running trials better than the file does and need not read
		// them back.
		where, args := `b.study_id = ? AND b.revision > ?`, []any{study, revision}
		if len(except) > 0 {
			list := `?` + strings.Repeat(`, ?`, len(except)-1)
			where += ` AND (b.lease_owner IS NULL OR b.lease_owner NOT IN (` + list + `))`
			for _, owner := range except {
				args = append(args, owner)
			}
		}
		if c.Trials, err = load(t, where, args...); err != nil {
			return err
		}
		return t.checkValues(c.Trials, max(objectives, 1))
	})
	return c, err
}

// checkValues fails if a complete trial lacks values, which others index without looking.
func (t *Tx) checkValues(trials []*trial.Trial, objectives int) error {
	for _, tr := range trials {
		if tr.State == trial.Complete && len(tr.Values) != objectives {
			return fmt.Errorf("%w: trial %d is %v with %d values, want %d",
				t.Corrupt, tr.Number, tr.State, len(tr.Values), objectives)
		}
	}
	return nil
}

// loadTrial reads one trial, or fails with storage.ErrNotExist.
func loadTrial(t *Tx, id int64) (*trial.Trial, error) {
	trials, err := load(t, `b.trial_id = ?`, id)
	if err != nil {
		return nil, err
	}
	if len(trials) == 0 {
		return nil, storage.ErrNotExist
	}
	return trials[0], nil
}

// load reads the trials for which where holds, a condition on the row b of
// bluefin_trials: the finished ones in finishing order, then the others by
// number.
func load(t *Tx, where string, args ...any) ([]*trial.Trial, error) {
	return loadWith(t, true, where, args...)
}

// loadWith is load, with or without the reports.
func loadWith(t *Tx, reports bool, where string, args ...any) ([]*trial.Trial, error) {
	l := loader{corrupt: t.Corrupt, trials: map[int64]*loading{}, dists: map[string]space.Dist{}}
	err := t.Each(l.trial, `
		SELECT t.trial_id, t.number, t.state, CAST(t.datetime_start AS TEXT), CAST(t.datetime_complete AS TEXT), b.seen
		FROM bluefin_trials b JOIN trials t ON t.trial_id = b.trial_id
		WHERE `+where+` ORDER BY b.finish IS NULL, b.finish, t.number`, args...)
	if err != nil || len(l.order) == 0 {
		return l.order, err
	}
	// Everything that belongs to the trials, in one query with rows of one shape:
	// the kind, the trial, a sort key, a name, a number, a text. The loader sorts
	// the rows of one kind and trial; SQLite would sort all rows together.
	// Reports arrive sorted, from the index, so inserting them is an append.
	part := func(kind int, columns, table string) string {
		return fmt.Sprintf(`
			SELECT %d, c.trial_id, %s FROM bluefin_trials b CROSS JOIN %s c
			WHERE c.trial_id = b.trial_id AND %s`, kind, columns, table, where)
	}
	parts := []string{
		// Parameters are ordered by param_id, the order in which they were suggested.
		part(paramRow, `c.param_id, c.param_name, c.param_value, c.distribution_json`, `trial_params`),
		part(valueRow, `c.objective, NULL, c.value, CAST(c.value_type AS TEXT)`, `trial_values`),
		part(userAttrRow, `NULL, c."key", NULL, c.value_json`, `trial_user_attributes`),
		part(systemAttrRow, `NULL, c."key", NULL, c.value_json`, `trial_system_attributes`),
	}
	if reports {
		parts = append(parts, part(reportRow,
			`c.step, NULL, c.intermediate_value, CAST(c.intermediate_value_type AS TEXT)`, `trial_intermediate_values`))
	}
	err = t.Each(l.row, strings.Join(parts, ` UNION ALL `), slices.Concat(slices.Repeat([][]any{args}, len(parts))...)...)
	return l.order, inStudy(t, err, where, args)
}

// The kinds of rows that belong to a trial.
const (
	paramRow = iota
	valueRow
	reportRow
	userAttrRow
	systemAttrRow
)

// A loader reads rows into trials. It exists for one call of load.
type loader struct {
	corrupt error
	trials  map[int64]*loading // by trial_id
	order   []*trial.Trial
	dists   map[string]space.Dist // by JSON text; most trials share a few
}

// loading is a trial with the sort keys of its rows, which are dropped once it is whole.
type loading struct {
	trial.Trial
	params []int64 // the param_id of each parameter
	values []int64 // the objective of each value
}

// trial reads a row of trials. It records the trial even on an error, which ends load
// anyway.
func (l *loader) trial(rows Rows) error {
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
		t.Start, err = DecodeTime(start)
	}
	if err == nil {
		t.End, err = DecodeTime(end)
	}
	l.trials[id] = &t
	l.order = append(l.order, &t.Trial)
	return l.wrap(&t, err)
}

// row reads a row of any kind and adds it to its trial.
func (l *loader) row(rows Rows) error {
	var (
		kind, id int64
		order    sql.NullInt64
		name     sql.NullString
		number   sql.NullFloat64
		// RawBytes is valid until the next row only; whoever keeps the text copies it.
		text sql.RawBytes
	)
	if err := rows.Scan(&kind, &id, &order, &name, &number, &text); err != nil {
		return err
	}
	t := l.trials[id]
	// Only rows of selected trials are queried, so this is a broken index or a trial deleted
	// by hand.
	if t == nil {
		return fmt.Errorf("%w: rows of trial id %d, which does not exist", l.corrupt, id)
	}
	switch kind {
	case paramRow:
		return l.wrap(t, l.param(t, order.Int64, trial.Param{Name: name.String, Value: number.Float64}, text))
	case valueRow:
		x, err := DecodeFloat(number, string(text))
		t.Values = insertAt(&t.values, order.Int64, t.Values, x)
		return l.wrap(t, err)
	case reportRow:
		x, err := DecodeFloat(number, string(text))
		r := trial.Report{Step: int(order.Int64), Value: x}
		i, _ := slices.BinarySearchFunc(t.Reports, r.Step, func(r trial.Report, step int) int { return r.Step - step })
		t.Reports = slices.Insert(t.Reports, i, r)
		return l.wrap(t, err)
	case userAttrRow:
		setAttr(&t.UserAttrs, name.String, text)
		return nil
	}
	return l.wrap(t, t.systemAttr(name.String, text))
}

// param adds a parameter. Distributions are parsed once per text and shared, since they
// are immutable.
func (l *loader) param(t *loading, id int64, p trial.Param, text []byte) error {
	dist, ok := l.dists[string(text)]
	if !ok {
		var err error
		if dist, err = space.Unmarshal(text); err != nil {
			err = fmt.Errorf("parameter %q: %w", p.Name, err)
			// JSON that Python accepts but we cannot represent is not damage.
			if _, broken := pyjson.Unmarshal(text); broken == nil {
				err = foreign{err}
			}
			return err
		}
		l.dists[string(text)] = dist
	}
	// A value out of range is allowed, as in Optuna, but a choice is an index.
	if _, ok := dist.(space.Categorical); ok && !dist.Contains(p.Value) {
		return fmt.Errorf("parameter %q is choice %v of %v", p.Name, p.Value, dist)
	}
	p.Dist = dist
	t.Params = insertAt(&t.params, id, t.Params, p)
	return nil
}

// insertAt inserts v into values, which are sorted by orders.
func insertAt[T any](orders *[]int64, order int64, values []T, v T) []T {
	i, _ := slices.BinarySearchFunc(*orders, order, cmp.Compare[int64])
	*orders = slices.Insert(*orders, i, order)
	return slices.Insert(values, i, v)
}

// systemAttr adds a system attribute, or the constraints that it stands for.
func (t *loading) systemAttr(key string, value []byte) error {
	if !sysattr.IsConstraint(key) {
		setAttr(&t.SystemAttrs, key, value)
		return nil
	}
	constraints, err := sysattr.Constraints(key, value)
	if err != nil {
		return err
	}
	if t.Constraints == nil {
		t.Constraints = map[string]float64{}
	}
	maps.Copy(t.Constraints, constraints)
	return nil
}

// wrap adds the trial to an error, and that the database is corrupt unless it is sound.
func (l *loader) wrap(t *loading, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.As(err, new(foreign)):
		return fmt.Errorf("trial %d: %w", t.Number, err)
	}
	return fmt.Errorf("%w: trial %d: %w", l.corrupt, t.Number, err)
}

// A foreign error is about a value that another program may save and this one
// cannot represent, such as an integer of more than 64 bits. The database is sound.
type foreign struct{ error }

// inStudy adds the name of the study to a foreign error. where selects its
// trials.
func inStudy(t *Tx, err error, where string, args []any) error {
	name := ""
	if !errors.As(err, new(foreign)) || t.Get(&name, `
		SELECT study_name FROM studies s JOIN bluefin_trials b ON b.study_id = s.study_id
		WHERE `+where+` LIMIT 1`, args...) != nil {
		// If the study is not found either, the plain error is the better one.
		return err
	}
	return fmt.Errorf("study %q: %w", name, err)
}

// setAttr copies value, which the driver will overwrite.
func setAttr(attrs *map[string]json.RawMessage, key string, value []byte) {
	if *attrs == nil {
		*attrs = map[string]json.RawMessage{}
	}
	(*attrs)[key] = slices.Clone(json.RawMessage(value))
}
