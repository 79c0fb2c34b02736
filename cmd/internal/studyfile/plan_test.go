package studyfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/cmd/internal/searchspace"
	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// plain returns a file with compiled expressions as their text, and without what Text leaves out.
func plain(f *File) string {
	g := *f
	exprs := fmt.Sprint(g.Space.Constraints)
	g.Space.Params = nil
	for _, p := range f.Space.Params {
		exprs += fmt.Sprintf("\n%#v", p.Dist) + fmt.Sprint(p.Name, p.If, p.Values == nil, p.Path)
		exprs += fmt.Sprintf("%#v", p.Values)
		if b := p.Belief; b != nil {
			exprs += fmt.Sprint(" believed ", b.Center, b.Spread, b.Weights)
		}
		p.If, p.Dist, p.Belief = nil, nil, nil
		g.Space.Params = append(g.Space.Params, p)
	}
	for _, rule := range g.Failures {
		exprs += fmt.Sprint("\n", rule.Exit, rule.Signal, rule.Match, rule.Do, rule.Retries)
	}
	target := ""
	if g.Target != nil {
		target = fmt.Sprint(*g.Target)
	}
	g.Target, g.Failures, g.Space.Constraints, g.Notes = nil, nil, nil, nil
	g.Sampler.Where, g.Pruner.Where = "", ""
	withMacros := g.Arguments != nil
	g.Arguments = nil
	return fmt.Sprintf("%#v\n%v %v\n%s", g, withMacros, target, exprs)
}

// again writes and reads a file, and fails the test unless both are the same.
func again(t *testing.T, f *File) string {
	t.Helper()
	text, err := f.Text()
	if err != nil {
		t.Fatal(err)
	}
	g, err := Parse("again.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if a, b := plain(f), plain(g); a != b {
		t.Fatalf("got\n%s\nwant\n%s\nfrom\n%s", b, a, text)
	}
	return text
}

func TestAFileIsReadAsItWasWritten(t *testing.T) {
	paths, err := filepath.Glob("../../../examples/*/study.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(paths, "testdata/full.yaml", "testdata/sweep.yaml") {
		f, err := Read(path)
		if err != nil {
			t.Fatal(err)
		}
		text := again(t, f)
		if err := check(t, []byte(text)); err != nil {
			t.Errorf("%s: the schema says %v about\n%s", path, err, text)
		}
	}
	again(t, &File{Finetune: map[string]string{"train": "a b.csv", "folds": "5", "balanced": "true"}, Initial: -1})
	f := &File{Metrics: []Metric{{"a:b", "maximize"}, {"1", "minimize"}}, Command: []string{"sh", "-c", "\n x  y \n\n", "", "null", "1e3", "ü\x7f"},
		Seed: math.MaxInt64, Regex: "(\t\\d+)#: ", Slots: Slots{Env: [][]string{{"A=1"}, {"A=", "B== x"}}}}
	f.Space.Params = []searchspace.Param{
		{Name: "1", Dist: space.Categorical{Choices: []any{1, 1.0, "1", true, "true", nil, "null", "", "a: b", "2020-01-01", "\x00", math.Inf(1)}}},
		{Name: "a b: #", Dist: space.Float{Low: 1, High: 2}},
		{Name: "tiny", Dist: space.Float{Low: 5e-324, High: math.MaxFloat64, Log: true}},
		{Name: "i", Dist: space.Int{Low: math.MinInt32, High: math.MaxInt32, Step: 3}},
		{Name: "b", Dist: space.Categorical{Choices: []any{"x", "y"}}, Values: []any{[]any{0.9, 1.0, nil}, map[string]any{"k": []any{}}},
			Path: []string{"opt", "b"}},
	}
	f.First = map[string]any{"1": "null", "i": math.MinInt32 + 3}
	again(t, f)
}

// Whatever a file says, its plan says the same.
func FuzzAFileIsReadAsItWasWritten(f *testing.F) {
	for _, path := range []string{"testdata/full.yaml", "testdata/sweep.yaml"} {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("parameters: {a: null, b: true, c: 3, d: [1, null, 1.0], e: 'a,b', f: {choices: [x, y], values: [[1], {a: 2}], path: [g, h]}}")
	f.Add("parameters: {a: {range: 1..9:log, prior: {center: 3, sigma: 0.3 decade}}, b: {choices: [x, y], weights: [1, 2e-300]}}")
	f.Add("args: sweep\ncommand: [a, '${args}', \"b\\n c\"]\nmax_initial_failures: -1\nseed: 7\nenv: {A: 1}")
	f.Add("finetune: {train: a.csv}\nslots: [{A: 1}, {A: 2}]\nfailures: [{exit: [3, 4], do: retry}, {}]")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Parse("a.yaml", []byte(text))
		if err != nil {
			return
		}
		again(t, file)
	})
}

func TestAStudyRemembersItsPlan(t *testing.T) {
	ctx, db := t.Context(), &storage.Memory{}
	s, err := db.Create(ctx, "bert", []trial.Direction{trial.Minimize})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Plan(s); !errors.Is(err, ErrNoPlan) {
		t.Errorf("without a plan: got %v", err)
	}
	f, err := Read("testdata/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second one changes nothing
		if err := f.Save(ctx, db, s); err != nil {
			t.Fatal(err)
		}
		if s, err = db.Load(ctx, "bert"); err != nil {
			t.Fatal(err)
		}
	}
	g, err := Plan(s)
	if err != nil {
		t.Fatal(err)
	}
	want := *f
	want.Name, want.Storage, want.Durability, want.Slots, want.Time = "", "", "", Slots{}, 0
	if a, b := plain(g), plain(&want); a != b {
		t.Errorf("got\n%s\nwant\n%s", a, b)
	}
	if !reflect.DeepEqual(f.Slots, Slots{GPUs: "0,1", GPUsPerTrial: 0.5}) {
		t.Errorf("saving changed the file: %+v", f.Slots)
	}
	for attr, want := range map[string]string{
		`3`: "attribute bluefin:plan is 3, want a text", `"a: ["`: `plan of study "bert":2: `, `"x: 1"`: `plan of study "bert":1: unknown key "x"`,
		`""`: `plan of study "bert" is empty`, `"metrics: [a, b]"`: `plan of study "bert": it has 2 metrics and the study has 1 objectives`,
	} {
		s.SystemAttrs[sysattr.Plan] = json.RawMessage(attr)
		if _, err := Plan(s); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want one line with %q", attr, err, want)
		}
	}
}
