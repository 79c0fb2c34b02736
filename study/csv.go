package study

import (
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/trial"
)

// WriteCSV writes a table of trials with a header. The columns are number, state, value (with
// several objectives: value_0, value_1, …), start and end (RFC 3339, UTC), duration (seconds),
// params_NAME in the order in which names first occur, user_attrs_NAME (JSON), sorted, and failure,
// the reason. Reports and constraints are not in it. A cell
// is empty if the trial has no such value. Numbers read back exactly; others are NaN, Infinity and
// -Infinity.
func WriteCSV(w io.Writer, trials []*trial.Trial) error {
	objectives, params, attrs := columns(trials)
	header := []string{"number", "state"}
	for i := range objectives {
		if objectives == 1 {
			header = append(header, "value")
		} else {
			header = append(header, "value_"+strconv.Itoa(i))
		}
	}
	header = append(header, "start", "end", "duration")
	for _, name := range params {
		header = append(header, "params_"+name)
	}
	for _, name := range attrs {
		header = append(header, "user_attrs_"+name)
	}
	header = append(header, "failure")
	rows := csv.NewWriter(w)
	if err := rows.Write(header); err != nil {
		return err
	}
	for _, t := range trials {
		row := []string{strconv.Itoa(t.Number), t.State.String()}
		for i := range objectives {
			row = append(row, cell(i < len(t.Values), func() string { return pyjson.Float(t.Values[i]) }))
		}
		row = append(row, moment(t.Start), moment(t.End),
			cell(t.Duration() > 0, func() string { return strconv.FormatFloat(t.Duration().Seconds(), 'f', -1, 64) }))
		for _, name := range params {
			p, ok := t.Param(name)
			row = append(row, cell(ok, func() string { return external(p) }))
		}
		for _, name := range attrs {
			row = append(row, string(t.UserAttrs[name]))
		}
		row = append(row, t.Failure())
		if err := rows.Write(row); err != nil {
			return err
		}
	}
	rows.Flush()
	return rows.Error()
}

// columns returns the number of objectives and the names of parameters and user attributes.
func columns(trials []*trial.Trial) (objectives int, params, attrs []string) {
	objectives = 1
	seen, keys := map[string]bool{}, map[string]bool{}
	for _, t := range trials {
		objectives = max(objectives, len(t.Values))
		for _, p := range t.Params {
			if !seen[p.Name] {
				seen[p.Name] = true
				params = append(params, p.Name)
			}
		}
		for key := range t.UserAttrs {
			keys[key] = true
		}
	}
	return objectives, params, slices.Sorted(maps.Keys(keys))
}

// cell returns the text if ok, else "".
func cell(ok bool, text func() string) string {
	if !ok {
		return ""
	}
	return text()
}

// moment returns a time as text, "" for the zero time.
func moment(t time.Time) string {
	return cell(!t.IsZero(), func() string { return t.UTC().Format(time.RFC3339Nano) })
}

// external returns the value of a parameter as text.
func external(p trial.Param) string {
	if x, ok := p.External().(float64); ok {
		return pyjson.Float(x)
	}
	return fmt.Sprint(p.External())
}
