// Package journal writes a study as JSON Lines and reads it back. It also reads
// the journal files of Optuna.
//
// The first line is the study, each other line a trial: the finished ones in
// finishing order, then the others by number. Nothing is left out but checkpoints,
// so the study can be rebuilt with the same history at every point. Numbers that
// JSON lacks are the strings "NaN", "Infinity" and "-Infinity"; attributes and
// distributions are JSON texts in strings, unchanged. A line ends with a checksum,
// which lines written by hand may omit.
//
//	{"bluefin_journal":1,"name":"digits","directions":["minimize"],"trials":1,…,"crc32":"1c291ca3"}
//	{"number":0,"state":"COMPLETE","seen":0,"start":"2026-01-02T03:04:05.000000Z",…,"crc32":"9be3e0a3"}
package journal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math"
	"time"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// formatVersion is the version of the format that this package reads and writes.
const formatVersion = 1

// A header is the first line.
type header struct {
	// A pointer tells a missing member from 0.
	Version     *int              `json:"bluefin_journal"`
	Name        string            `json:"name"`
	Directions  []string          `json:"directions"`
	Trials      *int              `json:"trials"` // how many lines follow
	UserAttrs   map[string]string `json:"user_attrs,omitempty"`
	SystemAttrs map[string]string `json:"system_attrs,omitempty"`
}

// A line is one trial.
type line struct {
	Number      *int              `json:"number"`
	State       string            `json:"state"`
	Seen        int               `json:"seen"`
	Start       string            `json:"start,omitempty"` // UTC, with microseconds
	End         string            `json:"end,omitempty"`
	Params      []param           `json:"params,omitempty"` // in the order in which they were suggested
	Values      []number          `json:"values,omitempty"`
	Reports     []report          `json:"reports,omitempty"`
	Constraints map[string]number `json:"constraints,omitempty"`
	UserAttrs   map[string]string `json:"user_attrs,omitempty"`
	SystemAttrs map[string]string `json:"system_attrs,omitempty"`
}

// A param is one parameter of a trial.
type param struct {
	Name         string  `json:"name"`
	Value        *number `json:"value"` // internal form: the index of a choice
	Distribution string  `json:"distribution"`
}

// A report is a pair of step and value.
type report struct {
	step  int
	value number
}

// MarshalJSON writes [step, value]: short, because a file may hold many reports.
func (r report) MarshalJSON() ([]byte, error) { return json.Marshal([]any{r.step, r.value}) }

// UnmarshalJSON reads what MarshalJSON writes, and nothing else.
func (r *report) UnmarshalJSON(text []byte) error {
	var pair []json.RawMessage
	if err := json.Unmarshal(text, &pair); err != nil {
		return err
	}
	// An array of fixed length would silently drop or zero what does not fit.
	if len(pair) != 2 {
		return fmt.Errorf("the report %s is not a pair of step and value", text)
	}
	if err := json.Unmarshal(pair[0], &r.step); err != nil {
		return err
	}
	return json.Unmarshal(pair[1], &r.value)
}

// A number is a float64 that has JSON even if it is NaN or infinite.
type number float64

// MarshalJSON writes a number with all its digits, or one of three strings.
func (n number) MarshalJSON() ([]byte, error) {
	switch x := float64(n); {
	case math.IsNaN(x):
		return []byte(`"NaN"`), nil
	case math.IsInf(x, 1):
		return []byte(`"Infinity"`), nil
	case math.IsInf(x, -1):
		return []byte(`"-Infinity"`), nil
	}
	return json.Marshal(float64(n))
}

// UnmarshalJSON is the inverse. Only these three strings stand for numbers.
func (n *number) UnmarshalJSON(text []byte) error {
	switch string(text) {
	case `"NaN"`:
		*n = number(math.NaN())
	case `"Infinity"`:
		*n = number(math.Inf(1))
	case `"-Infinity"`:
		*n = number(math.Inf(-1))
	default:
		// json would leave a float64 as it was for null, and so read it as 0.
		if text[0] != '-' && (text[0] < '0' || text[0] > '9') {
			return fmt.Errorf("%.100s is not a number", text)
		}
		return json.Unmarshal(text, (*float64)(n))
	}
	return nil
}

// timeLayout has microseconds, because a study file holds no more.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// encodeTime returns "" for a missing time, which is then left out.
func encodeTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(timeLayout)
}

// decodeTime is the inverse of encodeTime.
func decodeTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	return time.Parse(timeLayout, s)
}

// encodeTrial returns the line of a trial.
func encodeTrial(t *trial.Trial) (line, error) {
	l := line{Number: &t.Number, State: t.State.String(), Seen: t.Seen,
		Start: encodeTime(t.Start), End: encodeTime(t.End),
		UserAttrs: encodeAttrs(t.UserAttrs), SystemAttrs: encodeAttrs(t.SystemAttrs)}
	for _, p := range t.Params {
		dist, err := space.Marshal(p.Dist)
		if err != nil {
			return l, fmt.Errorf("parameter %q: %w", p.Name, err)
		}
		// A new variable for each parameter, since the line keeps a pointer to it.
		value := number(p.Value)
		l.Params = append(l.Params, param{p.Name, &value, dist})
	}
	for _, v := range t.Values {
		l.Values = append(l.Values, number(v))
	}
	for _, r := range t.Reports {
		l.Reports = append(l.Reports, report{r.Step, number(r.Value)})
	}
	for name, c := range t.Constraints {
		// nil stays nil, so a trial is equal after a round trip.
		if l.Constraints == nil {
			l.Constraints = map[string]number{}
		}
		l.Constraints[name] = number(c)
	}
	return l, nil
}

// trial is the inverse of encodeTrial. dists caches distributions by their text.
func (l line) trial(dists map[string]space.Dist) (*trial.Trial, error) {
	// Without this a line that lacks its number would be trial 0.
	if l.Number == nil {
		return nil, fmt.Errorf("the trial has no number")
	}
	t := &trial.Trial{Number: *l.Number, Seen: l.Seen,
		UserAttrs: decodeAttrs(l.UserAttrs), SystemAttrs: decodeAttrs(l.SystemAttrs)}
	var err error
	if t.State, err = trial.ParseState(l.State); err != nil {
		return nil, err
	}
	if t.Start, err = decodeTime(l.Start); err != nil {
		return nil, err
	}
	if t.End, err = decodeTime(l.End); err != nil {
		return nil, err
	}
	for _, p := range l.Params {
		if p.Value == nil {
			return nil, fmt.Errorf("parameter %q has no value", p.Name)
		}
		// Most trials share a few distributions, so each text is parsed once.
		dist, ok := dists[p.Distribution]
		if !ok {
			if dist, err = space.Unmarshal([]byte(p.Distribution)); err != nil {
				return nil, fmt.Errorf("parameter %q: %w", p.Name, err)
			}
			dists[p.Distribution] = dist
		}
		t.Params = append(t.Params, trial.Param{Name: p.Name, Value: float64(*p.Value), Dist: dist})
	}
	for _, v := range l.Values {
		t.Values = append(t.Values, float64(v))
	}
	for _, r := range l.Reports {
		t.Reports = append(t.Reports, trial.Report{Step: r.step, Value: float64(r.value)})
	}
	for name, c := range l.Constraints {
		// nil for none, as everywhere in a trial.
		if t.Constraints == nil {
			t.Constraints = map[string]float64{}
		}
		t.Constraints[name] = float64(c)
	}
	return t, nil
}

// encodeAttrs turns JSON into strings: Python's NaN is not JSON, and spaces must survive.
func encodeAttrs(attrs map[string]json.RawMessage) map[string]string {
	m := make(map[string]string, len(attrs))
	for key, value := range attrs {
		m[key] = string(value)
	}
	return m
}

// decodeAttrs is the inverse of encodeAttrs; nil for none, as everywhere in a trial.
func decodeAttrs(texts map[string]string) map[string]json.RawMessage {
	if len(texts) == 0 {
		return nil
	}
	m := make(map[string]json.RawMessage, len(texts))
	for key, value := range texts {
		m[key] = json.RawMessage(value)
	}
	return m
}

// The end of a line is a checksum of all before it.
const (
	sumMark = `,"crc32":"`
	// eight hexadecimal digits and the end of the object
	sumLength = len(sumMark) + 8 + len(`"}`)
)

// seal adds the checksum to the end of an object.
func seal(object []byte) []byte {
	// The sum covers the bytes as written, so it needs no canonical form of JSON.
	body := bytes.TrimSuffix(object, []byte("}"))
	return fmt.Appendf(body, `%s%08x"}`, sumMark, crc32.ChecksumIEEE(body))
}

// unseal verifies the checksum and returns the object without it. A line without
// one is accepted: another program, or a person, may have written it.
func unseal(text []byte) ([]byte, error) {
	at := len(text) - sumLength
	if at < 0 || !bytes.HasPrefix(text[at:], []byte(sumMark)) {
		return text, nil
	}
	body := text[:at]
	if want := fmt.Sprintf(`%s%08x"}`, sumMark, crc32.ChecksumIEEE(body)); string(text[at:]) != want {
		return nil, fmt.Errorf("the line is damaged: its checksum is %s, want %s",
			text[at+len(sumMark):len(text)-2], want[len(sumMark):len(want)-2])
	}
	// Clone, because append would overwrite the checksum in the caller's line.
	return append(bytes.Clone(body), '}'), nil
}
