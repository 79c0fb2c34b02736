package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
	"github.com/bluefin-hpo/bluefin/internal/pyjson"
)

// longAttr is the length, in bytes of JSON, above which tables and export omit an attribute unless
// --attrs asks for it.
const longAttr = 80

// dropLong removes long attributes from the records and returns their names. A column that becomes
// empty is removed too.
func dropLong(records []record) (names []string) {
	long := func(name string, v any) bool {
		// Measured as JSON, which is independent of the format.
		text, err := pyjson.Marshal(jsonValue(v))
		if err != nil || len(text) <= longAttr {
			return false
		}
		// Each name once, in the order of the records.
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
		return true
	}
	for _, r := range records {
		for i, m := range r {
			if m.Name != "user_attrs" {
				continue
			}
			switch attrs := m.Value.(type) {
			// Trials have records, studies maps: Optuna flattens only the former.
			case record:
				r[i].Value = slices.DeleteFunc(attrs, func(a pyjson.Member) bool { return long(a.Name, a.Value) })
			case map[string]any:
				for _, a := range objectOf(attrs) {
					if long(a.Name, a.Value) {
						delete(attrs, a.Name)
					}
				}
			}
		}
	}
	if len(names) > 0 {
		dropEmptyAttrs(records)
	}
	return names
}

// hasAttrs reports whether a trial or study has attributes.
func hasAttrs(r record) bool {
	switch attrs := member(r, "user_attrs").(type) {
	case record:
		return len(attrs) > 0
	case map[string]any:
		return len(attrs) > 0
	}
	return false
}

// leftOut is the note about attributes that are not shown.
func leftOut(names []string) string {
	return fmt.Sprintf("Long attributes left out: %s (--attrs shows them).", listed(names))
}

// dropLongJSON is dropLong for attributes that are JSON text.
func dropLongJSON(attrs map[string]json.RawMessage) (names []string) {
	for name, text := range attrs {
		if len(text) > longAttr {
			delete(attrs, name)
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// fit makes the records fit a terminal of the given width: parameters and attributes get their own
// columns, floats four digits, durations hundredths of a second, long texts an ellipsis. If that is
// still too wide it drops columns, and returns their names: attributes first, then times, then
// parameters from the right.
func fit(records []record, width int) (fitted []record, left []string) {
	// Wide enough for a path's end or a date, and several fit beside each other.
	const widestText = 24
	var attrs []string
	for _, r := range records {
		r = spread(r)
		for i, m := range r {
			r[i].Value = shortened(m.Value, widestText)
			if m.Name == "duration" && m.Value != nil {
				whole, rest, _ := strings.Cut(show(m.Value), ".")
				r[i].Value = whole + "." + (rest + "00")[:2]
			}
		}
		fitted = append(fitted, r)
	}
	for _, r := range records {
		list, _ := member(r, "user_attrs").(record)
		for _, a := range list {
			attrs = append(attrs, a.Name, "user_attrs_"+a.Name)
		}
	}
	columns := columnNames(fitted)
	total := 1 // the left border; each column adds a border and two spaces
	widths := map[string]int{}
	for _, name := range columns {
		// The header is folded, so its longest part counts.
		w := text.LongestLineLen(fold(message.Visible(name)))
		for _, r := range fitted {
			w = max(w, text.StringWidthWithoutEscSequences(message.Visible(show(member(r, name)))))
		}
		widths[name] = w
		total += w + 3
	}
	leave := func(may func(string) bool) {
		for i := len(columns) - 1; i >= 0 && total > width; i-- {
			if name := columns[i]; may(name) {
				// From the right: what comes first is what matters most.
				left = append(left, name)
				total -= widths[name] + 3
				columns = slices.Delete(columns, i, i+1)
			}
		}
	}
	// Without these a line says nothing.
	needed := []string{"name", "number", "value", "values", "state"}
	isNeeded := func(name string) bool { return slices.Contains(needed, name) }
	leave(func(name string) bool { return slices.Contains(attrs, name) && !isNeeded(name) })
	leave(func(name string) bool { return strings.HasPrefix(name, "datetime_") })
	leave(func(name string) bool { return name == "duration" })
	leave(func(name string) bool { return !isNeeded(name) })
	for i, r := range fitted {
		fitted[i] = padded(r, columns)
	}
	return fitted, left
}

// spread replaces objects by their members, under their own names where these are free.
func spread(r record) record {
	var flat record
	for _, m := range r {
		object, ok := m.Value.(record)
		if !ok {
			flat = append(flat, m)
			continue
		}
		for _, e := range object {
			// A parameter called state must not pass for the trial's state.
			if slices.ContainsFunc(r, func(m pyjson.Member) bool { return m.Name == e.Name }) ||
				member(flat, e.Name) != nil {
				e.Name = m.Name + "_" + e.Name
			}
			flat = append(flat, e)
		}
	}
	return flat
}

// shortened returns v with four digits, or cut to the given columns with an ellipsis.
func shortened(v any, widest int) any {
	if x, ok := v.(float64); ok {
		// Rounded and parsed, so the value is printed by the same rules as the others.
		if short, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 4, 64), 64); err == nil {
			return short
		}
		return v
	}
	word := show(v)
	if text.StringWidthWithoutEscSequences(word) <= widest {
		return v
	}
	// By columns, not by bytes: some characters take two.
	for text.StringWidthWithoutEscSequences(word) >= widest {
		_, size := utf8.DecodeLastRuneInString(word)
		word = word[:len(word)-size]
	}
	return word + "…"
}
