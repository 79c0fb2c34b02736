package plot

import (
	"encoding/json"
	"math"
)

// An Axis says what a coordinate means.
type Axis struct {
	Name    string   `json:"name"`
	Log     bool     `json:"log,omitempty"`     // best drawn on a logarithmic scale; Low is above 0
	Int     bool     `json:"int,omitempty"`     // only whole numbers have a meaning
	Choices []string `json:"choices,omitempty"` // of a categorical parameter: coordinate i means Choices[i]

	// Low and High are the ends of a parameter's range in all trials of the history, of whatever
	// state, or the lowest and highest finite value that is shown. NaN if there is none.
	Low  Float `json:"low"`
	High Float `json:"high"`
}

// newAxis returns an axis over the finite ones of the values.
func newAxis(name string, values []Float) Axis {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if x := float64(v); finite(x) {
			low, high = min(low, x), max(high, x)
		}
	}
	if low > high {
		low, high = math.NaN(), math.NaN()
	}
	return Axis{Name: name, Low: Float(low), High: Float(high)}
}

// A Float is a number that may be missing: NaN and ±Inf are null in JSON.
type Float float64

// MarshalJSON implements json.Marshaler.
func (f Float) MarshalJSON() ([]byte, error) {
	if !finite(float64(f)) {
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
