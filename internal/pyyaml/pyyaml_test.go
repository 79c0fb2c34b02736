package pyyaml_test

import (
	"math"
	"reflect"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/internal/pyyaml"
)

func TestValuesAreWrittenForBothVersions(t *testing.T) {
	for _, test := range []struct {
		v    any
		want string
	}{
		{nil, "null"}, {true, "true"}, {3, "3"}, {1.0, "1.0"}, {1e-05, "1.0e-05"}, {2.5e300, "2.5e+300"},
		{math.Inf(1), ".inf"}, {math.Inf(-1), "-.inf"}, {math.NaN(), ".nan"}, {"adamw", "adamw"},
		{"facebook/bart-base", "facebook/bart-base"}, {"no", `"no"`}, {"Null", `"Null"`}, {"1e-3", `"1e-3"`},
		{"", `""`}, {"a: b", `"a: b"`}, {"2024-01-01", `"2024-01-01"`}, {"~", `"~"`},
	} {
		if text, err := yaml.Marshal(pyyaml.Node(test.v)); err != nil || string(text) != test.want+"\n" {
			t.Errorf("%#v: got %q and %v, want %q", test.v, text, err, test.want)
		}
	}
}

func TestNestedValuesReadBack(t *testing.T) {
	list := []any{1, 0.1, "on", nil, map[string]any{"y": false, "x": 1e-300}}
	text, err := yaml.Marshal(pyyaml.Node(pyjson.Object{{Name: "z", Value: list}, {Name: "a.b", Value: map[string]any{}}}))
	if err != nil {
		t.Fatal(err)
	}
	var got any
	if err := yaml.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if want := (map[string]any{"z": list, "a.b": map[string]any{}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v of\n%s", got, want, text)
	}
	if text[0] != 'z' {
		t.Errorf("the order is lost:\n%s", text)
	}
}
