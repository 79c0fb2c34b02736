package plot

import (
	"encoding/json"
	"math"
)

// A Config says what the plots of a study show. The zero value shows the first objective and all
// parameters.
type Config struct {
	Objective int      // from 0
	Names     []string // of the objectives; nil: "value", or "values_0" and so on
	Params    []string // in this order; nil: every parameter of the trials that are shown, sorted
}

// An Axis says what a coordinate means.
type Axis struct {
	Name    string   `json:"name"`
	Log     bool     `json:"log,omitempty"`     // best drawn on a logarithmic scale
	Int     bool     `json:"int,omitempty"`     // only whole numbers have a meaning
	Choices []string `json:"choices,omitempty"` // of a categorical parameter: coordinate i means Choices[i]
	Low     Float    `json:"low"`               // of all trials of the study, whatever range they searched
	High    Float    `json:"high"`
}

// A Float is a number that may be missing: NaN and ±Inf are null in JSON.
type Float float64

// MarshalJSON implements json.Marshaler.
func (f Float) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(f)) || math.IsInf(float64(f), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(f))
}

// UnmarshalJSON implements json.Unmarshaler.
func (f *Float) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*f = Float(math.NaN())
		return nil
	}
	return json.Unmarshal(text, (*float64)(f))
}
