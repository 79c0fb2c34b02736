package dashboard

import (
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A filter selects trials. The zero value selects all.
type filter struct {
	states   []trial.State
	feasible *bool
	numbers  []span
	values   map[int]span // by objective
	params   map[string]paramFilter
	words    []string // in lower case
}

// A span is a range of numbers, with both ends.
type span struct{ low, high float64 }

func (s span) has(x float64) bool { return s.low <= x && x <= s.high }

// A paramFilter allows a range of a numeric parameter, or some choices of another.
type paramFilter struct {
	span    *span
	choices []string
}

// pageKeys are what a query has besides a filter.
var pageKeys = []string{"sort", "desc", "page", "column", "objective", "x", "y", "param", "study", "token"}

// isFilterKey reports whether a key of a query is part of a filter.
func isFilterKey(key string) bool {
	switch key {
	case "state", "feasible", "number", "value", "q":
		return true
	}
	return strings.HasPrefix(key, "value.") || strings.HasPrefix(key, "p.")
}

// parseFilter reads a query about a study. Empty values are those of forms that were left empty.
func parseFilter(q url.Values, now *snapshot) (f filter, err error) {
	f.values, f.params = map[int]span{}, map[string]paramFilter{}
	for key, values := range q {
		values = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return strings.TrimSpace(v) == "" })
		if len(values) == 0 {
			continue
		}
		last := values[len(values)-1]
		objective, isValue := "0", key == "value"
		if rest, ok := strings.CutPrefix(key, "value."); ok {
			objective, isValue = rest, true
		}
		param, isParam := strings.CutPrefix(key, "p.")
		switch {
		case key == "state":
			for _, v := range values {
				state, err := trial.ParseState(strings.ToUpper(v))
				if err != nil {
					return f, badf("state is %q, want RUNNING, COMPLETE, PRUNED, FAIL or WAITING.", v)
				}
				f.states = append(f.states, state)
			}
		case key == "feasible":
			yes, err := strconv.ParseBool(last)
			if err != nil {
				return f, badf("feasible is %q, want true or false.", last)
			}
			f.feasible = &yes
		case key == "number":
			for _, v := range values {
				s, err := parseSpan(key, v)
				if err != nil {
					return f, err
				}
				f.numbers = append(f.numbers, s)
			}
		case key == "q":
			f.words = strings.Fields(strings.ToLower(last))
		case isValue:
			i, err := strconv.Atoi(objective)
			if n := len(now.study.Directions); err != nil || i < 0 || i >= n {
				return f, badf("%q is no objective: the study has %s, from value.0.", key, counted(n))
			}
			if f.values[i], err = parseSpan(key, last); err != nil {
				return f, err
			}
		case isParam:
			if f.params[param], err = now.paramFilter(param, values); err != nil {
				return f, err
			}
		case !slices.Contains(pageKeys, key):
			return f, badf("%q is no filter, want state, feasible, number, value, p.NAME or q.", key)
		}
	}
	return f, nil
}

// paramFilter reads the values of one parameter in a query.
func (s *snapshot) paramFilter(name string, values []string) (f paramFilter, err error) {
	all := s.params()
	i := slices.IndexFunc(all, func(p param) bool { return p.Name == name })
	switch {
	case i < 0 && !s.loading():
		var names []string
		for _, p := range all[:min(len(all), 20)] {
			names = append(names, strconv.Quote(p.Name))
		}
		return f, badf("No trial has a parameter %q, only %s.", name, strings.Join(names, ", "))
	case i >= 0 && all[i].Choices != nil:
		for _, v := range values {
			if !slices.Contains(all[i].Choices, v) {
				return f, badf("p.%s is %q, want one of %q.", name, v, all[i].Choices)
			}
		}
		return paramFilter{choices: values}, nil
	}
	r, err := parseSpan("p."+name, values[len(values)-1])
	return paramFilter{span: &r}, err
}

// parseSpan reads LOW..HIGH, where either end may be missing, or one number.
func parseSpan(key, text string) (span, error) {
	wrong := badf("%s is %q, want a number or LOW..HIGH, where either end may be missing.", key, text)
	end := func(text string, missing float64) (float64, bool) {
		text = strings.TrimSpace(text)
		if text == "" {
			return missing, true
		}
		x, err := strconv.ParseFloat(text, 64)
		return x, err == nil && !math.IsNaN(x)
	}
	low, high, isRange := strings.Cut(text, "..")
	if !isRange {
		high = low
	}
	a, okA := end(low, math.Inf(-1))
	b, okB := end(high, math.Inf(1))
	if !okA || !okB || text == ".." {
		return span{}, wrong
	}
	if a > b {
		return span{}, badf("%s is %q: its low end is above its high end.", key, text)
	}
	return span{a, b}, nil
}

// keep reports whether the filter selects t.
func (f filter) keep(t *trial.Trial) bool {
	if f.states != nil && !slices.Contains(f.states, t.State) {
		return false
	}
	if f.feasible != nil && *f.feasible != (t.Violation() == 0) {
		return false
	}
	if f.numbers != nil && !slices.ContainsFunc(f.numbers, func(s span) bool { return s.has(float64(t.Number)) }) {
		return false
	}
	for i, s := range f.values {
		if i >= len(t.Values) || !s.has(t.Values[i]) {
			return false
		}
	}
	for name, want := range f.params {
		p, ok := t.Param(name)
		if !ok || !want.has(p) {
			return false
		}
	}
	return f.mentioned(t)
}

// has reports whether the filter of a parameter allows p.
func (f paramFilter) has(p trial.Param) bool {
	_, isChoice := p.Dist.(space.Categorical)
	switch {
	case f.span != nil:
		return !isChoice && f.span.has(p.Value)
	case isChoice:
		return slices.Contains(f.choices, valueText(p.External()))
	}
	return slices.Contains(f.choices, valueText(p.Value))
}

// mentioned reports whether each word is somewhere in the texts of t.
func (f filter) mentioned(t *trial.Trial) bool {
	if len(f.words) == 0 {
		return true
	}
	var b strings.Builder
	b.WriteString(t.Failure())
	for _, p := range t.Params {
		b.WriteString("\n" + p.Name + " " + valueText(p.External()))
	}
	for key, v := range t.UserAttrs {
		b.WriteString("\n" + key + " ")
		b.Write(v)
	}
	text := strings.ToLower(b.String())
	for _, w := range f.words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}
