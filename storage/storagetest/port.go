package storagetest

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Ported returns a study and trials that are hard to copy, as Export returns
// them: in all states, finished in another order than they were numbered, with
// times, infinities, NaN, attributes of other programs, and values out of range.
func Ported() (storage.Study, []*trial.Trial) {
	at := func(second, microsecond int) time.Time {
		return time.Date(2026, 1, 2, 3, 4, second, microsecond*1000, time.UTC)
	}
	s := storage.Study{
		Name: "größe 日本 'x'; --", Directions: []trial.Direction{trial.Maximize, trial.Minimize},
		UserAttrs:   attrs("task", `{"nan": NaN, "list": [1, 2.0]}`, "", `"an empty key"`),
		SystemAttrs: attrs("study:metric_names", `["a", "\u65e5"]`, "dashboard:note_ver", "3", "dashboard:note_str:0", `"# note"`),
	}
	x := trial.Param{Name: "x", Value: 0.30000000000000004, Dist: space.Float{High: 1}}
	c := trial.Param{Name: "größe", Value: 2, Dist: space.Categorical{Choices: []any{nil, true, 1, 2.5, math.NaN(), "日本 \"x\""}}}
	far := trial.Param{Name: "i", Value: 99, Dist: space.Int{Low: 1, High: 9, Step: 2}} // as Optuna allows a queued value to be
	return s, []*trial.Trial{
		{Number: 4, State: trial.Failed, Seen: 0, Start: at(4, 1), End: at(5, 999999), SystemAttrs: attrs(trial.FailureKey, `"why"`)},
		{Number: 1, State: trial.Complete, Seen: 0, Params: []trial.Param{x, c, far}, Values: []float64{math.Inf(1), math.Inf(-1)}, Start: at(1, 0), End: at(7, 0),
			Reports:     []trial.Report{{Step: 0, Value: math.NaN()}, {Step: 7, Value: math.Inf(-1)}, {Step: 8, Value: -5e-324}},
			Constraints: map[string]float64{"c": -1, "größe": math.Inf(1)}, UserAttrs: attrs("u", "\"\\ud83d\\ude00\"\n"), SystemAttrs: attrs("cma:generation", "4")},
		{Number: 0, State: trial.Pruned, Seen: 1, Params: []trial.Param{c}, Values: []float64{3}, Start: at(6, 0), End: at(8, 0), SystemAttrs: attrs(trial.RungPrefix+"0", "3.0")},
		{Number: 5, State: trial.Complete, Seen: 3, Values: []float64{-5e-324, math.MaxFloat64}, End: at(9, 0)}, // as the dashboard ends a queued trial
		{Number: 2, State: trial.Waiting, Seen: 2, Params: []trial.Param{x}, Reports: []trial.Report{{Step: 1, Value: 1}}, SystemAttrs: attrs("fixed_params", `{"x": 0.5}`)},
		{Number: 3, State: trial.Running, Seen: 3, Params: []trial.Param{x}, Reports: []trial.Report{{Step: 1, Value: 1}}, Start: at(10, 0),
			Constraints: map[string]float64{"c": 1}, UserAttrs: attrs("u", "1"), SystemAttrs: attrs(trial.RungPrefix+"0", "3.0", "s", "1")},
	}
}

// attrs makes attributes of keys and values in turn.
func attrs(pairs ...string) map[string]json.RawMessage {
	m := map[string]json.RawMessage{}
	for pair := range slices.Chunk(pairs, 2) {
		m[pair[0]] = json.RawMessage(pair[1])
	}
	return m
}

// Text writes all of a trial, so that equal trials have equal texts: NaN is
// equal to itself there.
func Text(t *trial.Trial) string {
	whole := comparable(t)
	whole["start"], whole["end"] = t.Start.String(), t.End.String()
	return fmt.Sprint(whole)
}

// testPort checks the rules of storage.Porter, if the storage is one.
func testPort(t *testing.T, s suite) {
	p, ok := s.Storage.(storage.Porter)
	if !ok {
		t.Skip("the storage is no Porter")
	}
	want, trials := Ported()
	s.create("before")
	created, err := p.Import(s.ctx, want, trials)
	if err != nil {
		t.Fatal(err)
	}
	want.ID = created.ID
	got, ported, err := p.Export(s.ctx, want.Name)
	if err != nil {
		t.Fatal(err)
	}
	for what, study := range map[string]storage.Study{"Import": created, "Export": got} {
		if fmt.Sprint(study) != fmt.Sprint(want) {
			t.Errorf("%s returns the study with its attributes: got %v, want %v", what, study, want)
		}
	}
	since := s.since(created.ID, 0)
	for i, w := range trials {
		if w.State == trial.Running {
			w = &trial.Trial{Number: w.Number, State: trial.Waiting, Seen: w.Seen, Params: w.Params, UserAttrs: w.UserAttrs, SystemAttrs: attrs("s", "1")}
		}
		if got := Text(since.Trials[i]); got != Text(w) {
			t.Errorf("an imported trial is kept whole, in its place: got\n%s, want\n%s", got, Text(w))
		}
		if got := withoutConstraints(ported[i]); Text(got) != Text(w) {
			t.Errorf("Export gives what was imported: got\n%s, want\n%s", Text(got), Text(w))
		}
	}
	if again, _, err := p.Export(s.ctx, "before"); err != nil || again.Name != "before" {
		t.Errorf("Export of a study without trials: got %v, %v", again, err)
	}

	// The study goes on.
	if n, err := s.Add(s.ctx, created.ID, &trial.Trial{Number: -1, State: trial.Waiting}); err != nil || n != 6 {
		t.Errorf("the numbers go on: got %d, %v, want 6", n, err)
	}
	c := claim("w")
	c.Budget = 5
	if got := s.begin(created.ID, c); got.Number != 2 || len(got.Reports) != 0 {
		t.Errorf("the first that waits is begun, from its start: got %s", Text(got))
	}
	_, err = s.Begin(s.ctx, created.ID, c)
	s.want(err, storage.ErrBudget, "the imported trials count as begun, but for those that wait")
	s.write(created.ID, 2, storage.Update{State: trial.Failed})
	if got := numbers(s.since(created.ID, 0).Trials); !slices.Equal(got, []int{4, 1, 0, 5, 2, 3, 6}) {
		t.Errorf("a trial finishes after the imported ones: got %v", got)
	}
	if got := s.since(created.ID, since.Revision); !slices.Contains(numbers(got.Trials), 2) {
		t.Errorf("what changes after the import is seen: got %v", numbers(got.Trials))
	}

	testPortRefuses(t, s, p)
}

func testPortRefuses(t *testing.T, s suite, p storage.Porter) {
	_, _, err := p.Export(s.ctx, "none")
	s.want(err, storage.ErrNotExist, "Export of no study")
	good, trials := Ported()
	_, err = p.Import(s.ctx, good, trials)
	s.want(err, storage.ErrExist, "a name is taken once")
	good.Name = "refused"
	for rule, change := range map[string]func(*storage.Study, []*trial.Trial){
		"a study has a name":               func(s *storage.Study, _ []*trial.Trial) { s.Name = "" },
		"a study has a direction":          func(s *storage.Study, _ []*trial.Trial) { s.Directions = nil },
		"an attribute is JSON":             func(s *storage.Study, _ []*trial.Trial) { s.UserAttrs = attrs("k", "{") },
		"an attribute of a trial is JSON":  func(_ *storage.Study, t []*trial.Trial) { t[5].SystemAttrs = attrs("k", "") },
		"a key is UTF-8":                   func(_ *storage.Study, t []*trial.Trial) { t[5].UserAttrs = attrs("\xff", "1") },
		"numbers have no gap":              func(_ *storage.Study, t []*trial.Trial) { t[3].Number = 6 },
		"numbers are not negative":         func(_ *storage.Study, t []*trial.Trial) { t[3].Number = -1 },
		"a number is there once":           func(_ *storage.Study, t []*trial.Trial) { t[3].Number = 0 },
		"Complete has a value for each":    func(_ *storage.Study, t []*trial.Trial) { t[3].Values = t[3].Values[:1] },
		"Pruned has no more than that":     func(_ *storage.Study, t []*trial.Trial) { t[2].Values = []float64{1, 2, 3} },
		"Failed has no value":              func(_ *storage.Study, t []*trial.Trial) { t[0].Values = []float64{1} },
		"Waiting has no value":             func(_ *storage.Study, t []*trial.Trial) { t[4].Values = []float64{1} },
		"no value is NaN":                  func(_ *storage.Study, t []*trial.Trial) { t[2].Values = []float64{1, math.NaN()} },
		"a state is one":                   func(_ *storage.Study, t []*trial.Trial) { t[0].State = 9 },
		"a parameter is there once":        func(_ *storage.Study, t []*trial.Trial) { t[1].Params = append(t[1].Params, t[1].Params[0]) },
		"a parameter has a distribution":   func(_ *storage.Study, t []*trial.Trial) { t[4].Params = []trial.Param{{Name: "x"}} },
		"a choice is there":                func(_ *storage.Study, t []*trial.Trial) { t[2].Params[0].Value = 6 },
		"the name of a parameter is UTF-8": func(_ *storage.Study, t []*trial.Trial) { t[2].Params[0].Name = "\xff" },
		"steps increase":                   func(_ *storage.Study, t []*trial.Trial) { t[1].Reports[1].Step = 0 },
		"a step is not negative":           func(_ *storage.Study, t []*trial.Trial) { t[1].Reports[0].Step = -1 },
		"a constraint is not NaN":          func(_ *storage.Study, t []*trial.Trial) { t[1].Constraints["c"] = math.NaN() },
		"Seen is not negative":             func(_ *storage.Study, t []*trial.Trial) { t[1].Seen = -1 },
		"a year has four digits":           func(_ *storage.Study, t []*trial.Trial) { t[1].End = t[1].End.AddDate(9000, 0, 0) },
	} {
		study, trials := Ported()
		study.Name = good.Name
		change(&study, trials)
		_, err := p.Import(s.ctx, study, trials)
		s.want(err, storage.ErrInvalid, rule)
	}
	_, err = s.Load(s.ctx, good.Name)
	s.want(err, storage.ErrNotExist, "an import that is refused leaves nothing")
	if _, err := p.Import(s.ctx, good, trials); err != nil {
		t.Errorf("an import after those that were refused: %v", err)
	}
}

// withoutConstraints is the trial without the attributes that keep constraints.
func withoutConstraints(t *trial.Trial) *trial.Trial {
	c := *t
	c.SystemAttrs = map[string]json.RawMessage{}
	for key, value := range t.SystemAttrs {
		if key != "constraints" && (len(key) < 12 || key[:12] != "constraints:") {
			c.SystemAttrs[key] = value
		}
	}
	return &c
}
