package storagetest

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/internal/awkward"
	"github.com/bluefin-hpo/bluefin/trial"
)

// testWrite checks what a running trial gathers, in which order, and which value stays.
func testWrite(t *testing.T, s suite) {
	id := s.create("a").ID
	s.begin(id, claim("w"))
	// Names against the alphabet, an inexact sum and all kinds of choices: order and digits
	// must survive.
	params := []trial.Param{
		{Name: "z", Value: 0.1 + 0.2, Dist: space.Float{Low: -1, High: 1}},
		{Name: "a", Value: 1e-5, Dist: space.Float{Low: 1e-7, High: 1e-1, Log: true}},
		{Name: "m", Value: 2, Dist: space.Categorical{Choices: []any{nil, true, 1, 2.5, "日本 \"x\""}}},
		{Name: "b", Value: 7, Dist: space.Int{Low: 1, High: 9, Step: 3}},
	}
	// NaN, both infinities and the smallest number above 0.
	reports := []trial.Report{{Step: 0, Value: math.NaN()}, {Step: 3, Value: math.Inf(1)},
		{Step: 9, Value: math.Inf(-1)}, {Step: 12, Value: 5e-324}}
	// Later steps first: storages must sort, not append.
	s.write(id, 0, storage.Update{Params: params[:1], Reports: reports[2:], UserAttrs: awkward.Attrs("k", "1")})
	s.write(id, 0, storage.Update{
		Params:      append([]trial.Param{{Name: "z", Value: 1, Dist: space.Float{Low: -1, High: 1}}}, params[1:]...),
		Reports:     append(slices.Clone(reports[:2]), trial.Report{Step: 9, Value: 4}),
		Constraints: map[string]float64{"memory": math.Inf(1), "time": -0.5},
		UserAttrs:   awkward.Attrs("k", `{"nan": NaN}`)})
	// The second write repeats names with other values, as a worker does that got no answer.
	s.write(id, 0, storage.Update{Constraints: map[string]float64{"time": 3}, SystemAttrs: awkward.Attrs("s", `"x"`)})
	got := s.trial(id, 0)
	if len(got.Params) != len(params) {
		t.Fatalf("got %d parameters, want %d", len(got.Params), len(params))
	}
	// Rule: the first value stays, since a sampler may have acted on it already.
	for i, p := range got.Params {
		if p.Name != params[i].Name || p.Value != params[i].Value || !space.Equal(p.Dist, params[i].Dist) {
			t.Errorf("parameters keep their order and first value: got %+v, want %+v", p, params[i])
		}
	}
	if !slices.EqualFunc(got.Reports, reports, func(a, b trial.Report) bool {
		return a.Step == b.Step && (a.Value == b.Value || math.IsNaN(a.Value) && math.IsNaN(b.Value))
	}) {
		t.Errorf("reports are sorted by step and keep their first value: got %v, want %v", got.Reports, reports)
	}
	// Rule: constraints are facts of the trial, like its reports.
	if want := map[string]float64{"memory": math.Inf(1), "time": -0.5}; !maps.Equal(got.Constraints, want) {
		t.Errorf("constraints keep their first value: got %v, want %v", got.Constraints, want)
	}
	// Rule: attributes are the user's and may change while a trial runs.
	if string(got.UserAttrs["k"]) != `{"nan": NaN}` || string(got.SystemAttrs["s"]) != `"x"` || len(got.SystemAttrs) != 1 {
		t.Errorf("attributes keep their last value, unchanged: got %s, %s", got.UserAttrs, got.SystemAttrs)
	}
	// Rule: Write never creates a trial.
	s.want(s.Write(s.ctx, id, 1, storage.Update{}), storage.ErrNotExist, "Write of no trial")
	s.want(s.Write(s.ctx, id, -1, storage.Update{}), storage.ErrNotExist, "Write of trial -1")
}

// testZeros checks that -0 is stored as 0: number columns of SQLite drop the sign, and
// storages must agree.
func testZeros(t *testing.T, s suite) {
	id := s.create("a").ID
	zero := math.Copysign(0, -1)
	u := storage.Update{Params: []trial.Param{{Name: "x", Value: zero, Dist: space.Float{Low: -1, High: 1}}},
		Reports: []trial.Report{{Step: 1, Value: zero}}, Constraints: map[string]float64{"c": zero},
		State: trial.Complete, Values: []float64{zero}}
	s.begin(id, claim("w"))
	s.write(id, 0, u)
	// By Write and by Add: both ways into a storage must agree.
	added := &trial.Trial{Number: -1, State: u.State, Params: u.Params, Reports: u.Reports,
		Constraints: u.Constraints, Values: u.Values}
	if _, err := s.Add(s.ctx, id, added); err != nil {
		t.Fatal(err)
	}
	for number := range 2 {
		got := s.trial(id, number)
		for what, x := range map[string]float64{"parameter": got.Params[0].Value, "report": got.Reports[0].Value,
			"constraint": got.Constraints["c"], "value": got.Values[0]} {
			if x != 0 || math.Signbit(x) {
				t.Errorf("trial %d: a %s of -0 is kept as %v, want 0", number, what, x)
			}
		}
	}
	// Rule: a storage changes its own copy, never the caller's.
	if !math.Signbit(u.Params[0].Value) || !math.Signbit(u.Values[0]) ||
		!math.Signbit(u.Reports[0].Value) || !math.Signbit(u.Constraints["c"]) {
		t.Error("the caller's update was modified")
	}
}

// testInvalid checks that every storage refuses the same mistakes, and refuses them
// whole.
func testInvalid(t *testing.T, s suite) {
	id := s.create("a").ID
	s.begin(id, claim("w"))
	for rule, u := range map[string]storage.Update{
		"Complete needs a value":           {State: trial.Complete},
		"Complete takes one per objective": {State: trial.Complete, Values: []float64{1, 2}},
		"no value is NaN":                  {State: trial.Complete, Values: []float64{math.NaN()}},
		"no pruned value is NaN":           {State: trial.Pruned, Values: []float64{math.NaN()}},
		"Pruned takes one value at most":   {State: trial.Pruned, Values: []float64{1, 2}},
		"Failed takes no value":            {State: trial.Failed, Values: []float64{1}},
		"Waiting takes no value":           {State: trial.Waiting, Values: []float64{1}},
		"a running trial takes no value":   {Values: []float64{1}},
		"a step is not negative":           {Reports: []trial.Report{{Step: -1}}},
		"a constraint is not NaN":          {Constraints: map[string]float64{"c": math.NaN()}},
		"a parameter has a name":           {Params: []trial.Param{{Dist: space.Float{}}}},
		"an attribute has a key":           {UserAttrs: awkward.Attrs("", "1")},
		"a parameter has a distribution":   {Params: []trial.Param{{Name: "x"}}},
		"a parameter is a number":          {Params: []trial.Param{{Name: "x", Value: math.NaN(), Dist: space.Float{High: 1}}}},
		"a choice exists":                  {Params: []trial.Param{{Name: "x", Value: 7, Dist: space.Categorical{Choices: []any{"a"}}}}},
		"a choice is JSON":                 {Params: []trial.Param{{Name: "x", Dist: space.Categorical{Choices: []any{struct{}{}}}}}},
		"an attribute is JSON":             {SystemAttrs: awkward.Attrs("a", "{")},
		"a name is UTF-8":                  {Params: []trial.Param{{Name: "a\xff", Dist: space.Float{High: 1}}}},
		"a state is known":                 {State: 9},
		"a key has at most 512 bytes":      {SystemAttrs: map[string]json.RawMessage{string(make([]byte, 513)): json.RawMessage("1")}},
	} {
		if u.UserAttrs == nil { // which must not be written
			u.UserAttrs = awkward.Attrs("k", "1")
		}
		// The attribute is valid; finding it later means that half of an update was written.
		s.want(s.Write(s.ctx, id, 0, u), storage.ErrInvalid, rule)
	}
	if got := s.trial(id, 0); got.State != trial.Running || len(got.UserAttrs) != 0 {
		t.Errorf("a refused write changes nothing: got %+v", got)
	}
}
