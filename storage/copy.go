package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bluefin-hpo/bluefin/space/pyjson"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A Porter is a Storage that gives away and takes in whole studies. What one
// exports, another imports, so that the histories of both studies are equal at
// every point. The suite in package storagetest checks the rules.
type Porter interface {
	Storage

	// Export returns a study and its trials as they are at one moment: the
	// finished ones in finishing order, then the others by number. Beside
	// Constraints, their SystemAttrs have the attributes in which the storage
	// keeps constraints, if it keeps them so. It fails with ErrNotExist if there
	// is no study called name.
	Export(ctx context.Context, name string) (Study, []*trial.Trial, error)

	// Import creates a study with the name, directions and attributes of s and
	// with the given trials, in one atomic step. The finished ones have
	// finished in the order of trials. A Running one is Waiting in the new
	// study, as if its worker had given it back, and without a checkpoint. All
	// else is kept: numbers, times, Seen, attributes. A constraint that is among
	// the SystemAttrs too is kept as it stands there.
	//
	// Import fails with ErrExist if the name is taken, and with ErrInvalid if
	// CheckImport does.
	Import(ctx context.Context, s Study, trials []*trial.Trial) (Study, error)
}

var _ Porter = (*Memory)(nil)

// Export implements Porter.
func (m *Memory) Export(ctx context.Context, name string) (Study, []*trial.Trial, error) {
	m.mu.Lock()
	s := m.named(name)
	m.mu.Unlock()
	if s == nil {
		return Study{}, nil, fmt.Errorf("study %q: %w", name, ErrNotExist)
	}
	c, err := m.Since(ctx, s.ID, 0)
	if err != nil {
		return Study{}, nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return s.copy(), c.Trials, nil
}

// Import implements Porter. Constraints are kept as numbers alone.
func (m *Memory) Import(_ context.Context, s Study, trials []*trial.Trial) (Study, error) {
	records, err := CheckImport(s, trials)
	if err != nil {
		return Study{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	study, err := m.create(s.Name, s.Directions)
	if err != nil {
		return Study{}, err
	}
	study.UserAttrs, study.SystemAttrs = withAttrs(nil, s.UserAttrs), withAttrs(nil, s.SystemAttrs)
	for range records {
		study.new()
	}
	for _, r := range records {
		attrs := maps.Clone(r.SystemAttrs)
		maps.DeleteFunc(attrs, func(key string, _ json.RawMessage) bool { return isConstraint(key) })
		t := applied(&trial.Trial{}, Update{Params: r.Params, Reports: r.Reports, Constraints: r.Constraints, UserAttrs: r.UserAttrs, SystemAttrs: attrs})
		t.Number, t.State, t.Values, t.Seen, t.Start, t.End = r.Number, r.State, slices.Clone(r.Values), r.Seen, r.Start, r.End
		study.set(study.trials[r.Number], t)
	}
	return study.copy(), nil
}

// CheckImport returns the trials as Import keeps them, or an error that matches
// ErrInvalid: if a study may not be created so, if the numbers of the trials
// are not 0 to n-1, each once, or if one is nothing that a storage could hold.
// It asks less than CheckTrial, because other programs do. It is for
// implementations of Porter.
func CheckImport(s Study, trials []*trial.Trial) ([]*trial.Trial, error) {
	if err := CheckStudy(s.Name, s.Directions); err != nil {
		return nil, err
	}
	if err := checkAttrs(s.UserAttrs, s.SystemAttrs); err != nil {
		return nil, err
	}
	seen := make([]bool, len(trials))
	var records []*trial.Trial
	for _, t := range trials {
		if t.Number < 0 || t.Number >= len(trials) || seen[t.Number] {
			return nil, fmt.Errorf("%w: the numbers of %d trials are not 0 to %d, each once: there is %d", ErrInvalid, len(trials), len(trials)-1, t.Number)
		}
		seen[t.Number] = true
		if err := CheckRecord(t, len(s.Directions)); err != nil {
			return nil, fmt.Errorf("trial %d: %w", t.Number, err)
		}
		records = append(records, imported(t))
	}
	return records, nil
}

// CheckRecord returns an error that matches ErrInvalid unless t is a trial that
// a study with the given number of objectives may hold.
func CheckRecord(t *trial.Trial, objectives int) error {
	invalid := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
	}
	if err := checkAttrs(t.UserAttrs, t.SystemAttrs); err != nil {
		return err
	}
	if t.Seen < 0 {
		return invalid("seen is %d, want at least 0", t.Seen)
	}
	for _, at := range []time.Time{t.Start, t.End} {
		if y := at.UTC().Year(); !at.IsZero() && (y < 1 || y > 9999) {
			return invalid("the year of a time is %d, want 1 to 9999", y)
		}
	}
	values := t.Values
	if t.State == trial.Pruned && len(values) <= objectives {
		values = values[:min(len(values), 1)] // Optuna lets them have all
	}
	for i, p := range t.Params {
		if slices.ContainsFunc(t.Params[:i], func(q trial.Param) bool { return q.Name == p.Name }) {
			return invalid("parameter %q is there twice", p.Name)
		}
		if !utf8.ValidString(p.Name) {
			return invalid("parameter %q is not UTF-8", p.Name)
		}
		if err := checkParam(p); err != nil {
			return invalid("parameter %q: %w", p.Name, err)
		}
	}
	for i, r := range t.Reports {
		if i > 0 && r.Step <= t.Reports[i-1].Step {
			return invalid("step %d of its reports comes after step %d", r.Step, t.Reports[i-1].Step)
		}
	}
	if slices.ContainsFunc(t.Values, math.IsNaN) {
		return invalid("a value is NaN, want a number")
	}
	for name := range t.Constraints {
		if !utf8.ValidString(name) {
			return invalid("constraint %q is not UTF-8", name)
		}
	}
	return Update{Reports: t.Reports, Constraints: t.Constraints, State: t.State, Values: values}.Check(objectives)
}

// checkAttrs checks attributes, whose keys may be what any program allows.
func checkAttrs(all ...map[string]json.RawMessage) error {
	for _, attrs := range all {
		for key, value := range attrs {
			if !utf8.ValidString(key) || !utf8.Valid(value) {
				return fmt.Errorf("%w: attribute %q is not UTF-8", ErrInvalid, key)
			}
			if _, err := pyjson.Unmarshal(value); err != nil {
				return fmt.Errorf("%w: attribute %q: %w", ErrInvalid, key, err)
			}
		}
	}
	return nil
}

// imported returns the record of a trial in its new study.
func imported(t *trial.Trial) *trial.Trial {
	c := *t
	instant := func(at time.Time) time.Time {
		if at.IsZero() {
			return time.Time{}
		}
		return at.UTC().Truncate(time.Microsecond)
	}
	c.Start, c.End = instant(t.Start), instant(t.End)
	u := unsigned(Update{Params: t.Params, Reports: t.Reports, Constraints: t.Constraints, Values: t.Values})
	c.Params, c.Reports, c.Constraints, c.Values = u.Params, u.Reports, u.Constraints, u.Values
	if !t.State.Finished() {
		c.Start, c.End = time.Time{}, time.Time{}
	}
	if t.State != trial.Running {
		return &c
	}
	c.State, c.Reports, c.Constraints = trial.Waiting, nil, nil
	c.SystemAttrs = maps.Clone(t.SystemAttrs)
	maps.DeleteFunc(c.SystemAttrs, func(key string, _ json.RawMessage) bool { return trial.Reported(key) || isConstraint(key) })
	return &c
}

// isConstraint reports whether Optuna keeps constraints in the system
// attribute, in that of version 5 or that of versions before it.
func isConstraint(key string) bool {
	return key == "constraints" || strings.HasPrefix(key, "constraints:")
}

// Copied says what is not in a copy of a study as it was in the original.
type Copied struct {
	Study   Study // the new one
	Trials  int
	Running []int    // the numbers of trials that were Running, and are Waiting in the copy
	ByID    []string // the keys of system attributes that name trials by ids, which are other ids in the copy
}

// Copy makes a study called newName in to, which is as the one called name in
// from. The two may be one storage.
func Copy(ctx context.Context, from Porter, name string, to Porter, newName string) (Copied, error) {
	s, trials, err := from.Export(ctx, name)
	if err != nil {
		return Copied{}, err
	}
	s.Name = newName
	return Take(ctx, to, s, trials)
}

// Take imports a study that was exported, perhaps by another program.
func Take(ctx context.Context, to Porter, s Study, trials []*trial.Trial) (Copied, error) {
	created, err := to.Import(ctx, s, trials)
	if err != nil {
		return Copied{}, err
	}
	c := Copied{Study: created, Trials: len(trials)}
	for _, t := range trials {
		if t.State == trial.Running {
			c.Running = append(c.Running, t.Number)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.SystemAttrs)) {
		if byID.MatchString(key) {
			c.ByID = append(c.ByID, key)
		}
	}
	return c, nil
}

// byID matches the system attributes of a study in which Optuna and its
// dashboard name trials by ids: notes and artifacts of a trial, trials that a
// preference leaves out, the parents of a generation.
var byID = regexp.MustCompile(`^(dashboard:[0-9]+:|dashboard:artifacts:[0-9]+:|preference:skip_trial:[0-9]+$|NSGAI+Sampler:parent:)`)
