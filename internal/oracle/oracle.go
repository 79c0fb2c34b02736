// Package oracle gives tests the numbers that reference libraries computed
// (Optuna 5, cmaes, SciPy), as testdata/README.md lists them. It exists for
// tests only.
package oracle

import (
	"embed"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
)

//go:embed testdata/*.json
var files embed.FS

// Load decodes the oracle file called name into v. If the environment names a
// folder in BLUEFIN_ORACLES, the file is read from there, so that cases can be
// added without touching code.
func Load(tb testing.TB, name string, v any) {
	tb.Helper()
	read := func() ([]byte, error) { return files.ReadFile("testdata/" + name) }
	if dir := os.Getenv("BLUEFIN_ORACLES"); dir != "" {
		read = func() ([]byte, error) { return os.ReadFile(filepath.Join(dir, name)) }
	}
	text, err := read()
	if err != nil {
		tb.Fatal(err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		tb.Fatalf("%s: %v", name, err)
	}
}

// A Float is a float64 whose JSON may also be "inf", "-inf" or "nan", and null
// for NaN.
type Float float64

// UnmarshalJSON implements json.Unmarshaler.
func (f *Float) UnmarshalJSON(text []byte) error {
	switch string(text) {
	case `"inf"`:
		*f = Float(math.Inf(1))
	case `"-inf"`:
		*f = Float(math.Inf(-1))
	case `"nan"`, "null":
		*f = Float(math.NaN())
	default:
		var x float64
		if err := json.Unmarshal(text, &x); err != nil {
			return err
		}
		*f = Float(x)
	}
	return nil
}

// Near returns an error unless got is within rel·max(1, |want|) of want, or
// both are the same infinity or NaN.
func Near(got, want, rel float64) error {
	if got == want || math.IsNaN(got) && math.IsNaN(want) {
		return nil
	}
	if d := math.Abs(got - want); !(d <= rel*math.Max(1, math.Abs(want))) {
		return fmt.Errorf("got %v, want %v within %v relative", got, want, rel)
	}
	return nil
}
