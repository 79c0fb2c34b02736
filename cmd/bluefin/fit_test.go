package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestTablesFitTheTerminal(t *testing.T) {
	r := record{{Name: "number", Value: 1}, {Name: "value", Value: 0.123456789}, {Name: "datetime_start", Value: "2026-01-02 03:04:05"},
		{Name: "duration", Value: "0:00:01.234567"}, {Name: "params", Value: record{{Name: "learning_rate", Value: 1e-5}, {Name: "x", Value: 1.5}, {Name: "value", Value: "日本語日本語日本語日本語日本語"}}},
		{Name: "user_attrs", Value: record{{Name: "note", Value: strings.Repeat("a", 60)}}}, {Name: "state", Value: "COMPLETE"}}
	for width, want := range map[int]string{
		200: "",
		110: "note",
		90:  "note datetime_start",
		80:  "note datetime_start duration",
		70:  "note datetime_start duration params_value",
		1:   "note datetime_start duration params_value x learning_rate",
	} {
		var b bytes.Buffer
		fitted, left := fit([]record{r}, width)
		printTable(&b, fitted, true)
		if got := strings.Join(left, " "); got != want {
			t.Errorf("%d columns: got %q left out, want %q", width, got, want)
		}
		if line, _, _ := strings.Cut(b.String(), "\n"); width > 40 && len(line) > width {
			t.Errorf("%d columns: got a table of %d", width, len(line))
		}
		for _, word := range []string{" 0.1235 ", " COMPLETE "} {
			if !strings.Contains(b.String(), word) {
				t.Errorf("%d columns: no %q in\n%s", width, word, b.String())
			}
		}
	}
}

func TestLongAttributesAreLeftOutOfTables(t *testing.T) {
	long := []any{strings.Repeat("x", longAttr)}
	records := []record{
		{{Name: "number", Value: 0}, {Name: "user_attrs", Value: record{{Name: "loss", Value: long}}}},
		{{Name: "number", Value: 1}, {Name: "user_attrs", Value: record{{Name: "loss", Value: long}}}},
	}
	if names := dropLong(records); len(names) != 1 || names[0] != "loss" {
		t.Errorf("got %q left out, want loss once", names)
	}
	if got := columnNames(records); len(got) != 1 {
		t.Errorf("got columns %q, want none of attributes, as all are long", got)
	}
}
