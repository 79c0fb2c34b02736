package study

import (
	"encoding/json"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/trial"
)

// An Export is one trial as it is given to other programs, in JSON. Parameters
// have their external values and types, in the order in which they were
// suggested. Numbers that JSON does not have are the strings "NaN",
// "Infinity" and "-Infinity".
type Export struct {
	StudyName string                     `json:"study_name"`
	Direction string                     `json:"direction,omitempty"` // of the one objective
	Trial     int                        `json:"trial"`
	Value     *Number                    `json:"value,omitempty"` // of the one objective
	Params    Params                     `json:"params"`
	UserAttrs map[string]json.RawMessage `json:"user_attrs"`
	Start     *time.Time                 `json:"datetime_start"` // UTC; null if nobody knows
	End       *time.Time                 `json:"datetime_complete"`

	// In place of Direction and Value if there are several objectives.
	Directions []string `json:"directions,omitempty"`
	Values     []Number `json:"values,omitempty"`
}

// Export returns what other programs need of a trial of this study.
func (s *Study) Export(t *trial.Trial) Export {
	e := Export{StudyName: s.Name(), Trial: t.Number, Params: t.Params, UserAttrs: map[string]json.RawMessage{}}
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
		e.Values = append(e.Values, Number(v))
	}
	if len(e.Directions) == 1 {
		e.Direction, e.Directions = e.Directions[0], nil
		if len(e.Values) == 1 {
			e.Value, e.Values = &e.Values[0], nil
		}
	}
	return e
}

// A Number is a float64 that has JSON also if it is NaN or infinite.
type Number float64

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) {
	return pyjson.Standard([]byte(pyjson.Float(float64(n)))), nil
}

// Params are parameters whose JSON is an object of external values, in their
// order. A float always has a point or an exponent, so that 1.0 and 1 differ.
type Params []trial.Param

// MarshalJSON implements json.Marshaler.
func (p Params) MarshalJSON() ([]byte, error) {
	var o pyjson.Object
	for _, param := range p {
		o = append(o, pyjson.Member{Name: param.Name, Value: param.External()})
	}
	text, err := pyjson.Marshal(o)
	return pyjson.Standard(text), err
}
