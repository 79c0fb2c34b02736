package storage

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/trial"
)

// rewound returns a copy of t put back to the checkpoint, or to the start.
func (mt *memoryTrial) rewound(t *trial.Trial) *trial.Trial {
	c := *t
	c.SystemAttrs = maps.Clone(t.SystemAttrs)
	maps.DeleteFunc(c.SystemAttrs, func(key string, _ json.RawMessage) bool { return sysattr.Reported(key) })
	if mt.checkpoint == nil {
		c.Reports, c.Constraints = nil, nil
		return &c
	}
	c.Reports = slices.DeleteFunc(slices.Clone(t.Reports), func(r trial.Report) bool {
		return r.Step > mt.checkpoint.Step
	})
	c.SystemAttrs = withAttrs(c.SystemAttrs, mt.marks)
	return &c
}

// reported returns the attributes that follow from reports.
func reported(attrs map[string]json.RawMessage) map[string]json.RawMessage {
	marks := maps.Clone(attrs)
	maps.DeleteFunc(marks, func(key string, _ json.RawMessage) bool { return !sysattr.Reported(key) })
	return marks
}

// applied returns a copy of t with the additions of u. State and Values are
// left to the caller.
func applied(t *trial.Trial, u Update) *trial.Trial {
	c := *t
	if len(u.Params) > 0 {
		c.Params = slices.Grow(slices.Clip(c.Params), len(u.Params))
	}
	for _, p := range u.Params {
		i := slices.IndexFunc(c.Params, func(q trial.Param) bool { return q.Name == p.Name })
		switch {
		case i < 0:
			c.Params = append(c.Params, p)
		case u.Replace:
			c.Params = slices.Clone(c.Params)
			c.Params[i] = p
		}
	}
	for _, r := range u.Reports {
		i, ok := slices.BinarySearchFunc(c.Reports, r.Step, func(r trial.Report, step int) int { return r.Step - step })
		if i < len(c.Reports) { // an append may share the array: earlier records end before the new element
			c.Reports = slices.Clip(c.Reports)
		}
		switch {
		case !ok:
			c.Reports = slices.Insert(c.Reports, i, r)
		case u.Replace:
			c.Reports = slices.Clone(c.Reports)
			c.Reports[i] = r
		}
	}
	switch {
	case len(u.Constraints) == 0:
	case u.Replace:
		c.Constraints = merged(t.Constraints, u.Constraints)
	default:
		c.Constraints = merged(u.Constraints, t.Constraints)
	}
	c.UserAttrs = withAttrs(c.UserAttrs, u.UserAttrs)
	c.SystemAttrs = withAttrs(c.SystemAttrs, u.SystemAttrs)
	if len(u.SystemAttrs) == 0 { // sorting no keys allocates, too
		return &c
	}
	for _, key := range slices.Sorted(maps.Keys(u.SystemAttrs)) { // a list first, so that a name of its own wins
		if sysattr.IsConstraint(key) {
			set, _ := sysattr.Constraints(key, u.SystemAttrs[key]) // Check has read it
			c.Constraints = merged(c.Constraints, set)
			delete(c.SystemAttrs, key)
		}
	}
	return &c
}

// merged returns a new map with the constraints of both; the later ones win.
func merged(earlier, later map[string]float64) map[string]float64 {
	all := make(map[string]float64, len(earlier)+len(later))
	maps.Copy(all, earlier)
	maps.Copy(all, later)
	return all
}

// withAttrs returns a copy of attrs with those of set.
func withAttrs(attrs, set map[string]json.RawMessage) map[string]json.RawMessage {
	if len(set) == 0 {
		return attrs
	}
	c := maps.Clone(attrs)
	if c == nil {
		c = map[string]json.RawMessage{}
	}
	for key, value := range set {
		c[key] = slices.Clone(value)
	}
	return c
}

// now is the time with the resolution that every storage keeps.
func now() time.Time { return instant(time.Now()) }

// AddTimes returns when a trial that Add adds starts and ends.
func AddTimes(t *trial.Trial) (start, end time.Time) {
	start, end = instant(t.Start), instant(t.End)
	switch {
	case !t.State.Finished():
		end = time.Time{}
	case end.IsZero():
		end = now()
	}
	if start.IsZero() && t.State != trial.Waiting {
		start = end
		if end.IsZero() {
			start = now()
		}
	}
	return start, end
}
