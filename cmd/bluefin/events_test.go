package main

import (
	"math"
	"testing"
)

// Programs meet the same names in --log-format json and in -f strict-json.
func TestNumbersThatJSONLacksHaveOneNameInAllOutputs(t *testing.T) {
	for x, want := range map[float64]any{math.Inf(1): "Infinity", math.Inf(-1): "-Infinity", 0.5: 0.5} {
		if got := jsonNumber(x); got != want {
			t.Errorf("%v: got %v, want %v", x, got, want)
		}
	}
	if got := jsonNumber(math.NaN()); got != "NaN" {
		t.Errorf("got %v", got)
	}
}
