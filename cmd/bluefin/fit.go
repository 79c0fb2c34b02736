package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
	"github.com/bluefin-hpo/bluefin/internal/pyjson"
)

// longAttr is the length, in bytes of JSON, above which tables and export omit an attribute unless
// --attrs asks for it.
const longAttr = 80

// dropLong removes long attributes from the records and returns their names. It removes our own notes too,
// but does not name them. A column that becomes
// empty is removed too.
func dropLong(records []record) (names []string) {
	long := func(name string, v any) bool {
		if strings.HasPrefix(name, "bluefin:") { // our own notes
			return true
		}
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
			if m.Name == "duration" {
				r[i].Value = shortDuration(m.Value)
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

// transposed makes a column of each trial and a row of each name, which shows a few trials whole on a
// terminal, but for times without room. It reports whether that fits the width.
func transposed(records []record, width int) (rows []record, left []string, ok bool) {
	const most, narrowest, wholeTime = 10, 9, len(time.DateTime) // trials; columns of a value, of a time
	if len(records) == 0 || len(records) > most || member(records[0], "number") == nil {
		return nil, nil, false
	}
	var flat []record
	for _, r := range records {
		flat = append(flat, spread(r))
	}
	names := columnNames(flat)
	room := func() int {
		widest := 0
		for _, name := range names {
			widest = max(widest, text.StringWidthWithoutEscSequences(message.Visible(name)))
		}
		return (width-widest-4)/len(records) - 3
	}
	if room() < wholeTime {
		names = slices.DeleteFunc(names, func(name string) bool {
			if strings.HasPrefix(name, "datetime_") {
				left = append(left, name)
			}
			return strings.HasPrefix(name, "datetime_")
		})
	}
	widest := room()
	for _, name := range names {
		if name == "number" {
			continue
		}
		row := record{{Name: "number", Value: name}}
		for _, r := range flat {
			v := member(r, name)
			if name == "duration" {
				v = shortDuration(v)
			}
			if text.StringWidthWithoutEscSequences(message.Visible(show(v))) > widest { // else with all digits
				v = shortened(v, widest)
			}
			row = append(row, pyjson.Member{Name: show(member(r, "number")), Value: v})
		}
		rows = append(rows, row)
	}
	return rows, left, widest >= narrowest
}

// shortDuration leaves hundredths of a second.
func shortDuration(v any) any {
	if v == nil {
		return nil
	}
	whole, rest, _ := strings.Cut(show(v), ".")
	return whole + "." + (rest + "00")[:2]
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
