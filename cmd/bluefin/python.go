package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
)

// show writes a value as Python's str does, and None as nothing: tables and the value format look
// like Optuna's.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	return pythonRepr(v)
}

// pythonRepr writes a value as Python's repr does.
func pythonRepr(v any) string {
	// Nested values are always repr, as in Python: only the outermost is str.
	list := func(values []any) string {
		var words []string
		for _, e := range values {
			words = append(words, pythonRepr(e))
		}
		return strings.Join(words, ", ")
	}
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return map[bool]string{true: "True", false: "False"}[v]
	case int:
		return strconv.Itoa(v)
	case float64:
		// Python writes nan and inf in lower case, JSON does not.
		return strings.ToLower(strings.Replace(pyjson.Float(v), "Infinity", "inf", 1))
	case string:
		// Python picks the quotes that need no escape.
		if strings.Contains(v, "'") && !strings.Contains(v, `"`) {
			return `"` + strings.ReplaceAll(v, `\`, `\\`) + `"`
		}
		return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`, "\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(v) + "'"
	case []any:
		return "[" + list(v) + "]"
	case tuple:
		// Python tells a tuple of one from parentheses by the comma.
		if len(v) == 1 {
			return "(" + list(v) + ",)"
		}
		return "(" + list(v) + ")"
	case map[string]any:
		// Sorted, because Go's maps have no order.
		return pythonRepr(objectOf(v))
	case record:
		var words []string
		for _, m := range v {
			words = append(words, pythonRepr(m.Name)+": "+pythonRepr(m.Value))
		}
		return "{" + strings.Join(words, ", ") + "}"
	}
	return fmt.Sprint(v)
}

// showTime writes a time in local time, as Optuna does; nil for the zero time.
func showTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	// Seconds are enough to read; exports have the rest.
	return t.Local().Format(time.DateTime)
}

// showDuration writes a duration as Python's timedelta does.
func showDuration(d time.Duration) string {
	days, rest := d/(24*time.Hour), d%(24*time.Hour)
	s := fmt.Sprintf("%d:%02d:%02d", rest/time.Hour, rest/time.Minute%60, rest/time.Second%60)
	// Python leaves out a fraction of 0.
	if us := rest / time.Microsecond % 1e6; us != 0 {
		s += fmt.Sprintf(".%06d", us)
	}
	switch days {
	case 0:
		return s
	case 1:
		return "1 day, " + s
	}
	return fmt.Sprintf("%d days, %s", days, s)
}

// objectOf lists the values of a map by name.
func objectOf(m map[string]any) record {
	var r record
	for _, name := range slices.Sorted(maps.Keys(m)) {
		r = append(r, pyjson.Member{Name: name, Value: m[name]})
	}
	return r
}
