package storage

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A Snapshot is a study with all its trials at one moment. To copy a study,
// Export it, change the name if the copy is for the same storage, and Import it.
type Snapshot struct {
	Study
	Trials []*trial.Trial // the finished ones in finishing order, then the others by number
}

// Check returns an error that matches ErrInvalid if Import must refuse the
// snapshot: if Study.Check fails, if Study.CheckImport fails for a trial, or if
// the trials' numbers are not 0 to n-1, once each.
func (s Snapshot) Check() error {
	if err := s.Study.Check(); err != nil {
		return err
	}
	seen := make([]bool, len(s.Trials))
	for _, t := range s.Trials {
		if t.Number < 0 || t.Number >= len(seen) || seen[t.Number] {
			return invalid("the numbers of %d trials are not 0 to %d, once each: got %d",
				len(seen), len(seen)-1, t.Number)
		}
		seen[t.Number] = true
		if err := s.CheckImport(t); err != nil {
			return fmt.Errorf("trial %d: %w", t.Number, err)
		}
	}
	return nil
}

// Normalized returns the snapshot as Import stores it: with times in UTC and
// whole microseconds and without -0. A Running trial is Waiting, as if its
// worker had given it back, and is rewound to the start.
func (s Snapshot) Normalized() Snapshot {
	trials := make([]*trial.Trial, len(s.Trials))
	for i, t := range s.Trials {
		trials[i] = normalized(t)
	}
	s.Trials = trials
	return s
}

func normalized(t *trial.Trial) *trial.Trial {
	c, u := *t, unsigned(additions(t))
	c.Params, c.Reports, c.Constraints, c.Values = u.Params, u.Reports, u.Constraints, u.Values
	c.Start, c.End = instant(t.Start), instant(t.End)
	if !t.State.Finished() {
		c.Start, c.End = time.Time{}, time.Time{}
	}
	if t.State == trial.Running {
		c.State, c.Reports, c.Constraints = trial.Waiting, nil, nil
		c.SystemAttrs = maps.Clone(t.SystemAttrs)
		maps.DeleteFunc(c.SystemAttrs, func(key string, _ json.RawMessage) bool {
			return sysattr.Reported(key) || sysattr.IsConstraint(key)
		})
	}
	return &c
}

// instant is the time with the zone and the resolution that every storage keeps.
func instant(at time.Time) time.Time {
	if at.IsZero() {
		return time.Time{}
	}
	return at.UTC().Truncate(time.Microsecond)
}

// Check returns an error that matches ErrInvalid if no study may have this
// name, these directions or these attributes. Attributes need only be UTF-8 and
// JSON, because other programs set them too.
func (s Study) Check() error {
	if len(s.Directions) == 0 {
		return invalid("the study %q has no direction, want at least one", s.Name)
	}
	if err := CheckName("study name", s.Name); err != nil {
		return err
	}
	return checkForeign(s.UserAttrs, s.SystemAttrs)
}

// CheckAdd returns an error that matches ErrInvalid if Add must refuse t.
func (s Study) CheckAdd(t *trial.Trial) error {
	if err := checkTimes(t); err != nil {
		return err
	}
	return additions(t).Check(len(s.Directions))
}

// CheckImport returns an error that matches ErrInvalid if Import must refuse t.
// It allows more than CheckAdd, because other programs do: names of any length.
func (s Study) CheckImport(t *trial.Trial) error {
	if err := checkForeign(t.UserAttrs, t.SystemAttrs); err != nil {
		return err
	}
	if t.Seen < 0 {
		return invalid("seen is %d, want at least 0", t.Seen)
	}
	if err := checkTimes(t); err != nil {
		return err
	}
	for i, p := range t.Params {
		if slices.ContainsFunc(t.Params[:i], func(q trial.Param) bool { return q.Name == p.Name }) {
			return invalid("there are two parameters %q", p.Name)
		}
		if !utf8.ValidString(p.Name) {
			return invalid("parameter %q is not UTF-8", p.Name)
		}
		if err := checkParam(p); err != nil {
			return err
		}
	}
	for i, r := range t.Reports {
		if i > 0 && r.Step <= t.Reports[i-1].Step {
			return invalid("step %d of its reports comes after step %d", r.Step, t.Reports[i-1].Step)
		}
	}
	for name := range t.Constraints {
		if !utf8.ValidString(name) {
			return invalid("constraint %q is not UTF-8", name)
		}
	}
	u := Update{Reports: t.Reports, Constraints: t.Constraints, State: t.State, Values: t.Values}
	return u.Check(len(s.Directions))
}

func checkTimes(t *trial.Trial) error {
	for _, at := range []time.Time{t.Start, t.End} {
		if y := at.UTC().Year(); !at.IsZero() && (y < 1 || y > 9999) {
			return invalid("the year of a time is %d, want 1 to 9999", y)
		}
	}
	return nil
}

// checkForeign checks attributes whose keys may be what any program allows.
func checkForeign(all ...map[string]json.RawMessage) error {
	for _, attrs := range all {
		for key, value := range attrs {
			if !utf8.ValidString(key) || !utf8.Valid(value) {
				return invalid("attribute %q is not UTF-8", key)
			}
		}
	}
	return checkJSON(all...)
}
