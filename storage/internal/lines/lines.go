// Package lines turns trials into lines of JSON and back, and loses nothing: the
// files of storage/journal and the messages of storage/remote consist of them.
// Numbers that JSON lacks are the strings "NaN", "Infinity" and "-Infinity";
// attributes and distributions are JSON texts in strings, unchanged.
package lines

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A Trial is one trial.
type Trial struct {
	Number      *int              `json:"number"`
	State       string            `json:"state"`
	Seen        int               `json:"seen"`
	Start       string            `json:"start,omitempty"` // UTC, with microseconds
	End         string            `json:"end,omitempty"`
	Params      []Param           `json:"params,omitempty"` // in the order in which they were suggested
	Values      []Number          `json:"values,omitempty"`
	Reports     []Report          `json:"reports,omitempty"`
	Constraints map[string]Number `json:"constraints,omitempty"`
	UserAttrs   map[string]string `json:"user_attrs,omitempty"`
	SystemAttrs map[string]string `json:"system_attrs,omitempty"`
}

// A Param is one parameter of a trial.
type Param struct {
	Name         string  `json:"name"`
	Value        *Number `json:"value"` // internal form: the index of a choice
	Distribution string  `json:"distribution"`
}

// A Report is a pair of step and value.
type Report struct {
	step  int
	value Number
}

// MarshalJSON writes [step, value]: short, because a file may hold many reports.
func (r Report) MarshalJSON() ([]byte, error) {
	text := strconv.AppendInt([]byte{'['}, int64(r.step), 10)
	return append(r.value.append(append(text, ',')), ']'), nil
}

// UnmarshalJSON reads what MarshalJSON writes, and nothing else.
func (r *Report) UnmarshalJSON(text []byte) (err error) {
	step, value, ok := bytes.Cut(bytes.TrimSuffix(text[1:], []byte("]")), []byte(","))
	// An array of fixed length would silently drop or zero what does not fit.
	if !ok || text[0] != '[' || bytes.ContainsRune(value, ',') {
		return fmt.Errorf("the report %.100s is not a pair of step and value", text)
	}
	if r.step, err = strconv.Atoi(string(bytes.TrimSpace(step))); err != nil {
		return fmt.Errorf("the step of the report %.100s is not a whole number", text)
	}
	return r.value.UnmarshalJSON(bytes.TrimSpace(value))
}

// A Number is a float64 that has JSON even if it is NaN or infinite.
type Number float64

// MarshalJSON writes a number with all its digits, or one of three strings.
func (n Number) MarshalJSON() ([]byte, error) { return n.append(nil), nil }

// append writes a number as encoding/json does, which takes much longer to find out how.
func (n Number) append(text []byte) []byte {
	x := float64(n)
	switch {
	case math.IsNaN(x):
		return append(text, `"NaN"`...)
	case math.IsInf(x, 1):
		return append(text, `"Infinity"`...)
	case math.IsInf(x, -1):
		return append(text, `"-Infinity"`...)
	case x == 0 || math.Abs(x) >= 1e-6 && math.Abs(x) < 1e21:
		return strconv.AppendFloat(text, x, 'f', -1, 64)
	}
	text = strconv.AppendFloat(text, x, 'e', -1, 64)
	if n := len(text); n >= 4 && text[n-4] == 'e' && text[n-3] == '-' && text[n-2] == '0' {
		text = append(text[:n-2], text[n-1])
	}
	return text
}

// UnmarshalJSON is the inverse. Only these three strings stand for numbers.
func (n *Number) UnmarshalJSON(text []byte) error {
	switch string(text) {
	case `"NaN"`:
		*n = Number(math.NaN())
	case `"Infinity"`:
		*n = Number(math.Inf(1))
	case `"-Infinity"`:
		*n = Number(math.Inf(-1))
	default:
		// encoding/json has checked the syntax. It would take null for 0.
		x, err := strconv.ParseFloat(string(text), 64)
		if text[0] != '-' && (text[0] < '0' || text[0] > '9') || err != nil {
			return fmt.Errorf("%.100s is not a number", text)
		}
		*n = Number(x)
	}
	return nil
}

// timeLayout has microseconds, because a study file holds no more.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// EncodeTime returns "" for a missing time, which is then left out.
func EncodeTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(timeLayout)
}

// DecodeTime is the inverse of EncodeTime.
func DecodeTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	return time.Parse(timeLayout, s)
}

// Texts are the texts of distributions. Most trials share a few.
type Texts map[space.Dist]string

// of returns the text of a distribution.
func (known Texts) of(d space.Dist) (string, error) {
	if _, ok := d.(space.Categorical); ok || known == nil {
		return space.Marshal(d) // a list of choices is no key
	}
	if text, ok := known[d]; ok {
		return text, nil
	}
	text, err := space.Marshal(d)
	if err == nil {
		known[d] = text
	}
	return text, err
}

// Encode returns the line of a trial. known may be nil.
func Encode(t *trial.Trial, known Texts) (Trial, error) {
	l := Trial{Number: &t.Number, State: t.State.String(), Seen: t.Seen,
		Start: EncodeTime(t.Start), End: EncodeTime(t.End),
		UserAttrs: EncodeAttrs(t.UserAttrs), SystemAttrs: EncodeAttrs(t.SystemAttrs)}
	for _, p := range t.Params {
		dist, err := known.of(p.Dist)
		if err != nil {
			return l, fmt.Errorf("parameter %q: %w", p.Name, err)
		}
		// A new variable for each parameter, since the line keeps a pointer to it.
		value := Number(p.Value)
		l.Params = append(l.Params, Param{p.Name, &value, dist})
	}
	for _, v := range t.Values {
		l.Values = append(l.Values, Number(v))
	}
	for _, r := range t.Reports {
		l.Reports = append(l.Reports, Report{r.Step, Number(r.Value)})
	}
	for name, c := range t.Constraints {
		// nil stays nil, so a trial is equal after a round trip.
		if l.Constraints == nil {
			l.Constraints = map[string]Number{}
		}
		l.Constraints[name] = Number(c)
	}
	return l, nil
}

// Decode is the inverse of Encode. dists caches distributions by their text.
func (l Trial) Decode(dists map[string]space.Dist) (*trial.Trial, error) {
	// Without this a line that lacks its number would be trial 0.
	if l.Number == nil {
		return nil, fmt.Errorf("the trial has no number")
	}
	t := &trial.Trial{Number: *l.Number, Seen: l.Seen,
		UserAttrs: DecodeAttrs(l.UserAttrs), SystemAttrs: DecodeAttrs(l.SystemAttrs)}
	var err error
	if t.State, err = trial.ParseState(l.State); err != nil {
		return nil, err
	}
	if t.Start, err = DecodeTime(l.Start); err != nil {
		return nil, err
	}
	if t.End, err = DecodeTime(l.End); err != nil {
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

// EncodeAttrs turns JSON into strings: Python's NaN is not JSON, and spaces must survive.
func EncodeAttrs(attrs map[string]json.RawMessage) map[string]string {
	m := make(map[string]string, len(attrs))
	for key, value := range attrs {
		m[key] = string(value)
	}
	return m
}

// DecodeAttrs is the inverse of EncodeAttrs; nil for none, as everywhere in a trial.
func DecodeAttrs(texts map[string]string) map[string]json.RawMessage {
	if len(texts) == 0 {
		return nil
	}
	m := make(map[string]json.RawMessage, len(texts))
	for key, value := range texts {
		m[key] = json.RawMessage(value)
	}
	return m
}
