package oracle

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The number of cases in each file. Load logs those that a test reads:
//
//	go test -v ./... | grep 'oracle '
func TestCases(t *testing.T) {
	entries, err := files.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, e := range entries {
		var own, used map[string][]json.RawMessage
		text, _ := files.ReadFile("testdata/" + e.Name())
		if err := json.Unmarshal(text, &own); err != nil {
			t.Fatalf("%s: %v", e.Name(), err)
		}
		if text, err = read(e.Name()); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &used); err != nil {
			t.Fatalf("%s: %v", e.Name(), err)
		}
		var all []string
		sum := 0
		for _, list := range slices.Sorted(maps.Keys(own)) {
			if len(used[list]) == 0 {
				t.Errorf("%s has no cases of %s", e.Name(), list)
			}
			sum += len(used[list])
			all = append(all, fmt.Sprintf("%d of %s", len(used[list]), list))
		}
		t.Logf("%s: %d cases: %s", e.Name(), sum, strings.Join(all, ", "))
		total += sum
	}
	t.Logf("%d cases in %d files", total, len(entries))
}

// logged records what a test logs, and whether it failed.
type logged struct {
	testing.TB
	text   string
	failed bool
}

func (l *logged) Helper()                           {}
func (l *logged) Logf(format string, args ...any)   { l.text += fmt.Sprintf(format, args...) }
func (l *logged) Fatal(args ...any)                 { l.failed = true; panic(l) }
func (l *logged) Fatalf(format string, args ...any) { l.Fatal() }

func TestCasesCanBeAdded(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("BLUEFIN_ORACLES", dir)
	load := func(text string) (got []float64, l *logged) {
		if text != "" {
			if err := os.WriteFile(filepath.Join(dir, "truncnorm.json"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		l = &logged{TB: t}
		defer func() {
			if r := recover(); r != nil && r != any(l) {
				panic(r)
			}
		}()
		var v struct {
			Erf []struct{ X, Y Float }
			Ppf []struct{ Q Float } `json:"ppf"`
		}
		Load(l, "truncnorm.json", &v)
		for _, c := range v.Erf {
			got = append(got, float64(c.Y))
		}
		return got, l
	}
	if got, l := load(`{"erf": [{"x": 1, "y": 2}, {"x": 3, "y": "-inf"}], "ppf": [{"q": "nan"}], "other": [1]}`); len(got) != 2 || got[0] != 2 ||
		l.text != "oracle truncnorm.json: 2 cases of erf, 1 cases of ppf" {
		t.Errorf("got %v, %q", got, l.text)
	}
	if _, l := load(`{"erf": [{"x": "much"}]}`); !l.failed {
		t.Error("a broken file passes")
	}
	if err := os.Remove(filepath.Join(dir, "truncnorm.json")); err != nil {
		t.Fatal(err)
	}
	if _, l := load(""); !l.failed {
		t.Error("a file missing from the folder passes")
	}
}
