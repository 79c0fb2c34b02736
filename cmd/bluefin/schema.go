package main

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/bluefin-hpo/bluefin/cmd/internal/outline"
	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A kind is the type of a column.
type kind uint8

const (
	noKind kind = iota // no value but null so far
	boolKind
	intKind
	floatKind
	textKind
	jsonKind // anything else, or a mixture
	timeKind
)

// with is the type of a column that has values of both.
func (k kind) with(other kind) kind {
	switch {
	case k == noKind || k == other:
		return other
	case other == noKind:
		return k
	case k == intKind && other == floatKind || k == floatKind && other == intKind:
		return floatKind
	}
	return jsonKind
}

func kindOf(v any) kind {
	switch v.(type) {
	case nil:
		return noKind
	case bool:
		return boolKind
	case int:
		return intKind
	case float64:
		return floatKind
	case string:
		return textKind
	}
	return jsonKind
}

// A dataColumn is one value of each trial.
type dataColumn struct {
	name string
	kind kind
	of   func(*trial.Trial) any // nil: the trial has none
}

// A schema is the columns of csv, jsonl and parquet. Trials add names and types.
type schema struct {
	objectives                 int
	params, attrs, constraints map[string]kind
	order                      []string // of params: as they first occur
}

func newSchema(objectives int) *schema {
	return &schema{objectives: objectives,
		params: map[string]kind{}, attrs: map[string]kind{}, constraints: map[string]kind{}}
}

// add takes the names of a trial. The type of a parameter is that of its distribution, so it does not
// change as a study grows.
func (s *schema) add(t *trial.Trial) {
	for _, p := range t.Params {
		old, ok := s.params[p.Name]
		if !ok {
			s.order = append(s.order, p.Name)
		}
		s.params[p.Name] = old.with(distKind(p.Dist))
	}
	for name, text := range t.UserAttrs {
		s.attrs[name] = s.attrs[name].with(kindOf(attrValue(text)))
	}
	for name := range t.Constraints {
		s.constraints[name] = floatKind
	}
}

func distKind(d space.Dist) kind {
	switch d := d.(type) {
	case space.Int:
		return intKind
	case space.Categorical:
		k := noKind
		for _, choice := range d.Choices {
			k = k.with(kindOf(choice))
		}
		return k
	}
	return floatKind
}

// attrValue reads an attribute. Text that is not JSON is taken as it is.
func attrValue(text json.RawMessage) any {
	v, err := pyjson.Unmarshal(text)
	if err != nil {
		return string(text)
	}
	return v
}

// columns lists the columns. All studies have those that do not begin with params_, user_attrs_ or
// constraints_.
func (s *schema) columns() []dataColumn {
	all := []dataColumn{{"number", intKind, func(t *trial.Trial) any { return t.Number }}}
	for i, name := range outline.ValueNames(s.objectives) {
		all = append(all, dataColumn{name, floatKind, func(t *trial.Trial) any {
			if i < len(t.Values) {
				return t.Values[i]
			}
			return nil
		}})
	}
	all = append(all,
		dataColumn{"datetime_start", timeKind, func(t *trial.Trial) any { return timeValue(t.Start) }},
		dataColumn{"datetime_complete", timeKind, func(t *trial.Trial) any { return timeValue(t.End) }},
		dataColumn{"duration", floatKind, seconds})
	for _, name := range s.order {
		all = append(all, dataColumn{"params_" + name, s.params[name], func(t *trial.Trial) any {
			if p, ok := t.Param(name); ok {
				return p.External()
			}
			return nil
		}})
	}
	for _, name := range slices.Sorted(maps.Keys(s.attrs)) {
		all = append(all, dataColumn{"user_attrs_" + name, s.attrs[name], func(t *trial.Trial) any {
			if text, ok := t.UserAttrs[name]; ok {
				return attrValue(text)
			}
			return nil
		}})
	}
	for _, name := range slices.Sorted(maps.Keys(s.constraints)) {
		all = append(all, dataColumn{"constraints_" + name, floatKind, func(t *trial.Trial) any {
			if x, ok := t.Constraints[name]; ok {
				return x
			}
			return nil
		}})
	}
	return append(all,
		dataColumn{"last_step", intKind, func(t *trial.Trial) any {
			if r, ok := t.LastReport(); ok {
				return r.Step
			}
			return nil
		}},
		dataColumn{"last_value", floatKind, func(t *trial.Trial) any {
			if r, ok := t.LastReport(); ok {
				return r.Value
			}
			return nil
		}},
		dataColumn{"failure", textKind, func(t *trial.Trial) any {
			if f := t.Failure(); f != "" {
				return f
			}
			return nil
		}},
		dataColumn{"state", textKind, func(t *trial.Trial) any { return t.State.String() }})
}

// line is a trial as an object: the columns, with parameters, attributes and constraints in objects of
// their own.
func (s *schema) line(t *trial.Trial) record {
	one := newSchema(s.objectives)
	var r record
	for _, c := range one.columns() {
		r = append(r, pyjson.Member{Name: c.name, Value: jsonTime(c.of(t))})
		if c.name == "duration" {
			constraints := map[string]any{}
			for name, x := range t.Constraints {
				constraints[name] = x
			}
			r = append(r, pyjson.Member{Name: "params", Value: paramsRecord(t.Params)},
				pyjson.Member{Name: "user_attrs", Value: attrsRecord(t.UserAttrs)},
				pyjson.Member{Name: "constraints", Value: objectOf(constraints)})
		}
	}
	return r
}

func jsonTime(v any) any {
	if at, ok := v.(time.Time); ok {
		return at.Format(time.RFC3339Nano)
	}
	return v
}

// timeValue is nil for the zero time.
func timeValue(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC()
}

// seconds is nil for trials that have not finished.
func seconds(t *trial.Trial) any {
	if t.Start.IsZero() || t.End.IsZero() {
		return nil
	}
	return t.Duration().Seconds()
}
