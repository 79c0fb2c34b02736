// Package oracle gives tests the numbers that reference libraries computed (Optuna 5, cmaes,
// SciPy); testdata/README.md lists them. Only tests import it.
package oracle

import (
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

//go:embed testdata/*.json
var files embed.FS

// Load decodes an oracle file into the struct that v points to, whose fields are lists of cases,
// and logs how many there are. If the environment variable BLUEFIN_ORACLES is set, the file is read
// from that folder, so cases can be added without changing code.
func Load(tb testing.TB, name string, v any) {
	tb.Helper()
	text, err := read(name)
	if err != nil {
		tb.Fatal(err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		tb.Fatalf("%s: %v", name, err)
	}
	tb.Logf("oracle %s: %s", name, lists(reflect.ValueOf(v).Elem()))
}

func read(name string) ([]byte, error) {
	if dir := os.Getenv("BLUEFIN_ORACLES"); dir != "" {
		return os.ReadFile(filepath.Join(dir, name))
	}
	return files.ReadFile("testdata/" + name)
}

// lists describes how many elements the lists of a struct have.
func lists(v reflect.Value) string {
	var all []string
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if f := v.Field(i); f.Kind() == reflect.Slice {
			name = cmp.Or(name, strings.ToLower(v.Type().Field(i).Name))
			all = append(all, fmt.Sprintf("%d cases of %s", f.Len(), name))
		}
	}
	return strings.Join(all, ", ")
}

// A Float is a float64 whose JSON may also be "inf", "-inf", "nan", or null for NaN.
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

// Near returns an error unless got is within rel·max(1, |want|) of want, or both are the same
// infinity or NaN.
func Near(got, want, rel float64) error {
	if got == want || math.IsNaN(got) && math.IsNaN(want) {
		return nil
	}
	if d := math.Abs(got - want); !(d <= rel*math.Max(1, math.Abs(want))) {
		return fmt.Errorf("got %v, want %v within %v relative", got, want, rel)
	}
	return nil
}
