package study

import (
	"encoding/json"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/trial"
)

// An Export is one trial in JSON, for other programs. Numbers that JSON lacks become the strings
// "NaN", "Infinity" and "-Infinity".
type Export struct {
	StudyName string          `json:"study_name"`
	Direction string          `json:"direction,omitempty"` // with one objective
	Trial     int             `json:"trial"`
	Value     json.RawMessage `json:"value,omitempty"` // with one objective

	// Params is an object of external values, in the order in which they were suggested. A float
	// always has a point or an exponent, so 1.0 and 1 differ.
	Params json.RawMessage `json:"params"`

	UserAttrs map[string]json.RawMessage `json:"user_attrs"`
	Start     *time.Time                 `json:"datetime_start"` // UTC; null if unknown
	End       *time.Time                 `json:"datetime_complete"`

	// With several objectives, these replace Direction and Value.
	Directions []string          `json:"directions,omitempty"`
	Values     []json.RawMessage `json:"values,omitempty"`
}

// Export returns a trial of this study in the form for other programs.
func (s *Study) Export(t *trial.Trial) Export {
	e := Export{StudyName: s.Name(), Trial: t.Number, UserAttrs: map[string]json.RawMessage{}}
	params := pyjson.Object{}
	for _, p := range t.Params {
		params = append(params, pyjson.Member{Name: p.Name, Value: p.External()})
	}
	e.Params = standard(params)
	if !t.Start.IsZero() {
		e.Start = &t.Start
	}
	if !t.End.IsZero() {
		e.End = &t.End
	}
	for key, value := range t.UserAttrs {
		e.UserAttrs[key] = pyjson.Standard(value)
	}
	for _, d := range s.record.Directions {
		e.Directions = append(e.Directions, d.String())
	}
	for _, v := range t.Values {
		e.Values = append(e.Values, standard(v))
	}
	if len(e.Directions) == 1 {
		e.Direction, e.Directions = e.Directions[0], nil
		if len(e.Values) == 1 {
			e.Value, e.Values = e.Values[0], nil
		}
	}
	return e
}

// standard returns the JSON of a parameter value, an objective value or an object of these.
func standard(v any) json.RawMessage {
	text, _ := pyjson.Marshal(v) // these types never fail
	return pyjson.Standard(text)
}
