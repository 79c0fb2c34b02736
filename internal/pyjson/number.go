package pyjson

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
)

// A Number is a float64 that standard JSON can hold: NaN and the infinities are the strings "NaN",
// "Infinity" and "-Infinity", as Standard writes them. It also reads "nan", "inf" and "-inf".
type Number float64

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) { return Standard([]byte(Float(float64(n)))), nil }

// UnmarshalJSON implements json.Unmarshaler.
func (n *Number) UnmarshalJSON(text []byte) error {
	var x float64
	err := json.Unmarshal(text, &x)
	switch strings.ToLower(string(text)) {
	case `"nan"`:
		x, err = math.NaN(), nil
	case `"infinity"`, `"inf"`:
		x, err = math.Inf(1), nil
	case `"-infinity"`, `"-inf"`:
		x, err = math.Inf(-1), nil
	case "null":
		err = fmt.Errorf("null")
	}
	if err != nil {
		return fmt.Errorf(`%.40s is no value, want a number, "NaN", "Infinity" or "-Infinity"`, text)
	}
	*n = Number(x)
	return nil
}
