// Package storagetest is the suite that every storage.Storage passes. Call Run
// from a test of the implementation.
package storagetest

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Run checks the rules of storage.Storage. open returns an empty storage, which
// Run closes.
func Run(t *testing.T, open func(t testing.TB) storage.Storage) {
	for _, group := range []struct {
		name string
		test func(*testing.T, suite)
	}{
		{"Studies", testStudies},
		{"Delete", testDelete},
		{"Begin", testBegin},
		{"Budget", testBudget},
		{"Leases", testLeases},
		{"Add", testAdd},
		{"Write", testWrite},
		{"Zeros", testZeros},
		{"States", testStates},
		{"Release", testRelease},
		{"Checkpoints", testCheckpoints},
		{"Orphans", testOrphans},
		{"Invalid", testInvalid},
		{"Since", testSince},
		{"Copies", testCopies},
		{"Port", testPort},
		{"Concurrency", testConcurrency},
		{"Model", testModel},
	} {
		t.Run(group.name, func(t *testing.T) {
			s := open(t)
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
			group.test(t, suite{t, context.Background(), s})
		})
	}
}

// A suite has the calls of a storage with the errors checked.
type suite struct {
	*testing.T
	ctx context.Context
	storage.Storage
}

var minimize = []trial.Direction{trial.Minimize}

func (s suite) create(name string, directions ...trial.Direction) storage.Study {
	s.Helper()
	if directions == nil {
		directions = minimize
	}
	study, err := s.Create(s.ctx, name, directions)
	if err != nil {
		s.Fatalf("Create(%q): %v", name, err)
	}
	return study
}

// claim is a lease that does not run out during the test.
func claim(owner string) storage.Claim {
	return storage.Claim{Lease: storage.Lease{Owner: owner, Duration: time.Hour}}
}

func (s suite) begin(study int64, c storage.Claim) *trial.Trial {
	s.Helper()
	tr, err := s.Begin(s.ctx, study, c)
	if err != nil {
		s.Fatalf("Begin: %v", err)
	}
	return tr
}

func (s suite) write(study int64, number int, u storage.Update) {
	s.Helper()
	if err := s.Write(s.ctx, study, number, u); err != nil {
		s.Fatalf("Write(%d): %v", number, err)
	}
}

func (s suite) since(study, revision int64) storage.Changes {
	s.Helper()
	c, err := s.Since(s.ctx, study, revision)
	if err != nil {
		s.Fatalf("Since(%d): %v", revision, err)
	}
	return c
}

func (s suite) trial(study int64, number int) *trial.Trial {
	s.Helper()
	for _, t := range s.since(study, 0).Trials {
		if t.Number == number {
			return t
		}
	}
	s.Fatalf("trial %d is not there", number)
	return nil
}

func (s suite) want(err, target error, rule string) {
	s.Helper()
	if !errors.Is(err, target) {
		s.Errorf("%s: got %v, want an error that matches %q", rule, err, target)
	}
}

func numbers(trials []*trial.Trial) []int {
	var n []int
	for _, t := range trials {
		n = append(n, t.Number)
	}
	return n
}

func testStudies(t *testing.T, s suite) {
	if all, err := s.Studies(s.ctx); err != nil || len(all) != 0 {
		t.Errorf("an empty storage has no studies: got %v, %v", all, err)
	}
	a := s.create("b")
	b := s.create("a", trial.Maximize, trial.Minimize)
	c := s.create(`odd "name" 'x'; -- 日本語 %`)
	if a.ID == b.ID || b.ID == c.ID {
		t.Errorf("IDs are different: got %d, %d, %d", a.ID, b.ID, c.ID)
	}
	for _, want := range []storage.Study{a, b, c} {
		got, err := s.Load(s.ctx, want.Name)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Load gives what Create gave: got %+v, %v, want %+v", got, err, want)
		}
	}
	if all, err := s.Studies(s.ctx); err != nil || !reflect.DeepEqual(all, []storage.Study{a, b, c}) {
		t.Errorf("Studies gives all by ID: got %+v, %v", all, err)
	}
	_, err := s.Create(s.ctx, "a", minimize)
	s.want(err, storage.ErrExist, "a name is taken once")
	_, err = s.Load(s.ctx, "A")
	s.want(err, storage.ErrNotExist, "names are compared by case")
	_, err = s.Create(s.ctx, "", minimize)
	s.want(err, storage.ErrInvalid, "a name is not empty")
	_, err = s.Create(s.ctx, string(make([]byte, 513)), minimize)
	s.want(err, storage.ErrInvalid, "a name has at most 512 bytes")
	_, err = s.Create(s.ctx, "none", nil)
	s.want(err, storage.ErrInvalid, "a study has a direction")

	for _, value := range []string{`"first"`, `{"n": [1, null, NaN]}`} {
		if err := s.SetUserAttr(s.ctx, a.ID, "note", json.RawMessage(value)); err != nil {
			t.Fatal(err)
		}
		if got, _ := s.Load(s.ctx, "b"); string(got.UserAttrs["note"]) != value {
			t.Errorf("the last value of an attribute stays, to the letter: got %s, want %s", got.UserAttrs["note"], value)
		}
	}
	s.want(s.SetUserAttr(s.ctx, 99, "k", json.RawMessage("1")), storage.ErrNotExist, "SetUserAttr of no study")
	s.want(s.SetUserAttr(s.ctx, a.ID, "", json.RawMessage("1")), storage.ErrInvalid, "a key is not empty")
}

func testDelete(t *testing.T, s suite) {
	old, other := s.create("old"), s.create("other")
	for _, study := range []storage.Study{old, other} {
		s.begin(study.ID, claim("w"))
		s.write(study.ID, 0, storage.Update{Params: []trial.Param{{Name: "x", Value: 1, Dist: space.Float{High: 2}}},
			Reports: []trial.Report{{Step: 1, Value: 1}}, Constraints: map[string]float64{"c": 1}, State: trial.Complete, Values: []float64{1}})
	}
	if err := s.Delete(s.ctx, old.ID); err != nil {
		t.Fatal(err)
	}
	_, err := s.Load(s.ctx, "old")
	s.want(err, storage.ErrNotExist, "a deleted study is gone")
	s.want(s.Delete(s.ctx, old.ID), storage.ErrNotExist, "Delete of no study")
	again := s.create("old")
	if again.ID == old.ID {
		t.Errorf("the ID %d of a deleted study is used again", old.ID)
	}
	if got := s.since(again.ID, 0).Trials; len(got) != 0 {
		t.Errorf("a new study has no trials: got %v", numbers(got))
	}
	if got := s.since(other.ID, 0).Trials; len(got) != 1 || len(got[0].Params) != 1 {
		t.Errorf("Delete leaves other studies alone: got %v", got)
	}
	_, err = s.Begin(s.ctx, old.ID, claim("w"))
	s.want(err, storage.ErrNotExist, "Begin of a deleted study")
	_, err = s.Since(s.ctx, old.ID, 0)
	s.want(err, storage.ErrNotExist, "Since of a deleted study")
	_, err = s.Add(s.ctx, old.ID, &trial.Trial{Number: -1, State: trial.Waiting})
	s.want(err, storage.ErrNotExist, "Add to a deleted study")
	s.want(s.Write(s.ctx, old.ID, 0, storage.Update{}), storage.ErrNotExist, "Write to a deleted study")
}

func testBegin(t *testing.T, s suite) {
	a, b := s.create("a"), s.create("b")
	before := time.Now().Add(-time.Second)
	for i := range 3 {
		got := s.begin(a.ID, storage.Claim{Lease: claim("w").Lease, Seen: 7})
		if got.Number != i || got.State != trial.Running || got.Seen != 7 {
			t.Errorf("a new trial has the next number, runs, and keeps Seen: got %+v", got)
		}
		if got.Start.Before(before) || got.Start.After(time.Now().Add(time.Second)) || !got.End.IsZero() {
			t.Errorf("a begun trial starts now and has no end: got %v, %v", got.Start, got.End)
		}
	}
	if got := s.begin(b.ID, claim("w")); got.Number != 0 {
		t.Errorf("every study counts its trials from 0: got %d", got.Number)
	}
	_, err := s.Begin(s.ctx, 99, claim("w"))
	s.want(err, storage.ErrNotExist, "Begin of no study")
}

func testBudget(t *testing.T, s suite) {
	id := s.create("a").ID
	limited := claim("w")
	limited.Budget = 2
	if _, err := s.Add(s.ctx, id, &trial.Trial{Number: -1, State: trial.Waiting}); err != nil {
		t.Fatal(err)
	}
	if got := s.begin(id, limited); got.Number != 0 {
		t.Errorf("a waiting trial is begun first: got %d", got.Number)
	}
	s.begin(id, limited)
	if _, err := s.Add(s.ctx, id, &trial.Trial{Number: -1, State: trial.Waiting}); err != nil {
		t.Fatal(err)
	}
	_, err := s.Begin(s.ctx, id, limited)
	s.want(err, storage.ErrBudget, "running trials count, and a waiting one is not begun beyond the budget")
	s.write(id, 0, storage.Update{State: trial.Failed})
	_, err = s.Begin(s.ctx, id, limited)
	s.want(err, storage.ErrBudget, "failed trials count")
	s.write(id, 1, storage.Update{State: trial.Waiting})
	if got := s.begin(id, limited); got.Number != 1 {
		t.Errorf("a trial that was given back does not count: got %d, want 1", got.Number)
	}
	if got := s.begin(id, claim("w")); got.Number != 2 {
		t.Errorf("budget 0 is no limit: got %d, want 2", got.Number)
	}
}

func testLeases(t *testing.T, s suite) {
	id := s.create("a").ID
	over := storage.Claim{Lease: storage.Lease{Owner: "dead"}, Budget: 1, Seen: 3}
	s.begin(id, over)
	s.write(id, 0, storage.Update{
		Owner: "dead", Params: []trial.Param{{Name: "x", Value: 1, Dist: space.Float{High: 2}}}, Reports: []trial.Report{{Step: 0, Value: 1}},
		Constraints: map[string]float64{"c": 1}, UserAttrs: map[string]json.RawMessage{"u": json.RawMessage("1")},
		SystemAttrs: map[string]json.RawMessage{"s": json.RawMessage("2"), sysattr.RungPrefix + "0": json.RawMessage("3")},
	})
	heir := storage.Claim{Lease: claim("heir").Lease, Budget: 1, Seen: 9}
	got := s.begin(id, heir)
	if got.Number != 0 || got.State != trial.Running || got.Seen != 3 {
		t.Errorf("an orphan keeps its number and Seen: got %+v", got)
	}
	if len(got.Params) != 1 || got.UserAttrs["u"] == nil || got.SystemAttrs["s"] == nil {
		t.Errorf("an orphan keeps parameters and attributes: got %+v", got)
	}
	if len(got.Reports) != 0 || len(got.Constraints) != 0 || got.SystemAttrs[sysattr.RungPrefix+"0"] != nil {
		t.Errorf("an orphan loses reports, what they led to, and constraints: got %+v", got)
	}
	_, err := s.Begin(s.ctx, id, heir)
	s.want(err, storage.ErrBudget, "a trial with a lease is no orphan")
	s.want(s.Write(s.ctx, id, 0, storage.Update{Owner: "dead", State: trial.Failed}), storage.ErrLost, "a lost trial cannot be written")
	s.write(id, 0, storage.Update{Owner: "heir", State: trial.Complete, Values: []float64{1}})

	s.begin(id, storage.Claim{Lease: storage.Lease{Owner: "slow"}})
	s.write(id, 1, storage.Update{Owner: "slow", Renew: time.Hour})
	if got := s.begin(id, claim("w")); got.Number != 2 {
		t.Errorf("a renewed lease is not over: trial %d was taken", got.Number)
	}
	s.begin(id, storage.Claim{Lease: storage.Lease{Owner: "late"}})
	s.write(id, 3, storage.Update{Owner: "late", State: trial.Complete, Values: []float64{1}})
	if got := s.begin(id, claim("w")); got.Number != 4 {
		t.Errorf("who is late but not replaced may still tell: trial %d was taken", got.Number)
	}
}

func testAdd(t *testing.T, s suite) {
	id := s.create("a").ID
	dist := space.Int{Low: 1, High: 9, Step: 2}
	added := &trial.Trial{Number: 0, State: trial.Complete, Values: []float64{math.Inf(-1)}, Params: []trial.Param{{Name: "i", Value: 3, Dist: dist}},
		Reports: []trial.Report{{Step: 2, Value: math.NaN()}}, SystemAttrs: map[string]json.RawMessage{"fixed_params": json.RawMessage(`{"i": 3}`)}}
	for want := range 2 {
		n, err := s.Add(s.ctx, id, added)
		if want == 1 {
			s.want(err, storage.ErrExist, "Add with a number that is taken")
		} else if err != nil || n != want {
			t.Fatalf("Add returns the number: got %d, %v", n, err)
		}
	}
	got := s.trial(id, 0)
	if got.State != trial.Complete || !reflect.DeepEqual(got.Values, added.Values) || !reflect.DeepEqual(got.Params, added.Params) ||
		!math.IsNaN(got.Reports[0].Value) || got.Start.IsZero() || got.End.Before(got.Start) {
		t.Errorf("an added trial is kept whole and has its times: got %+v", got)
	}
	if len(s.since(id, 0).Trials) != 1 {
		t.Error("an Add that fails adds nothing")
	}
	_, err := s.Add(s.ctx, id, &trial.Trial{Number: -1})
	s.want(err, storage.ErrInvalid, "Add of a Running trial")
	if _, err := s.Add(s.ctx, id, &trial.Trial{Number: -1, State: trial.Waiting}); err != nil {
		t.Fatal(err)
	}
	if got := s.trial(id, 1); got.State != trial.Waiting || !got.Start.IsZero() {
		t.Errorf("a waiting trial has no start: got %+v", got)
	}
}

func testZeros(t *testing.T, s suite) {
	id := s.create("a").ID
	zero := math.Copysign(0, -1)
	u := storage.Update{Params: []trial.Param{{Name: "x", Value: zero, Dist: space.Float{Low: -1, High: 1}}},
		Reports: []trial.Report{{Step: 1, Value: zero}}, Constraints: map[string]float64{"c": zero}, State: trial.Complete, Values: []float64{zero}}
	s.begin(id, claim("w"))
	s.write(id, 0, u)
	if _, err := s.Add(s.ctx, id, &trial.Trial{Number: -1, State: u.State, Params: u.Params, Reports: u.Reports, Constraints: u.Constraints, Values: u.Values}); err != nil {
		t.Fatal(err)
	}
	for number := range 2 {
		got := s.trial(id, number)
		for what, x := range map[string]float64{"parameter": got.Params[0].Value, "report": got.Reports[0].Value, "constraint": got.Constraints["c"], "value": got.Values[0]} {
			if x != 0 || math.Signbit(x) {
				t.Errorf("trial %d: a %s of -0 is kept as %v, want 0", number, what, x)
			}
		}
	}
	if !math.Signbit(u.Params[0].Value) || !math.Signbit(u.Values[0]) || !math.Signbit(u.Reports[0].Value) || !math.Signbit(u.Constraints["c"]) {
		t.Error("what the caller has given was changed")
	}
}

func testWrite(t *testing.T, s suite) {
	id := s.create("a").ID
	s.begin(id, claim("w"))
	params := []trial.Param{
		{Name: "z", Value: 0.1 + 0.2, Dist: space.Float{Low: -1, High: 1}},
		{Name: "a", Value: 1e-5, Dist: space.Float{Low: 1e-7, High: 1e-1, Log: true}},
		{Name: "m", Value: 2, Dist: space.Categorical{Choices: []any{nil, true, 1, 2.5, "日本 \"x\""}}},
		{Name: "b", Value: 7, Dist: space.Int{Low: 1, High: 9, Step: 3}},
	}
	reports := []trial.Report{{Step: 0, Value: math.NaN()}, {Step: 3, Value: math.Inf(1)}, {Step: 9, Value: math.Inf(-1)}, {Step: 12, Value: 5e-324}}
	s.write(id, 0, storage.Update{Params: params[:1], Reports: reports[2:], UserAttrs: map[string]json.RawMessage{"k": json.RawMessage("1")}})
	s.write(id, 0, storage.Update{
		Params:      append([]trial.Param{{Name: "z", Value: 1, Dist: space.Float{Low: -1, High: 1}}}, params[1:]...),
		Reports:     append(slices.Clone(reports[:2]), trial.Report{Step: 9, Value: 4}),
		Constraints: map[string]float64{"memory": math.Inf(1), "time": -0.5},
		UserAttrs:   map[string]json.RawMessage{"k": json.RawMessage(`{"nan": NaN}`)}})
	s.write(id, 0, storage.Update{Constraints: map[string]float64{"time": 3}, SystemAttrs: map[string]json.RawMessage{"s": json.RawMessage(`"x"`)}})
	got := s.trial(id, 0)
	if len(got.Params) != len(params) {
		t.Fatalf("got %d parameters, want %d", len(got.Params), len(params))
	}
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
	if want := map[string]float64{"memory": math.Inf(1), "time": -0.5}; !maps.Equal(got.Constraints, want) {
		t.Errorf("constraints keep their first value: got %v, want %v", got.Constraints, want)
	}
	if string(got.UserAttrs["k"]) != `{"nan": NaN}` || string(got.SystemAttrs["s"]) != `"x"` || len(got.SystemAttrs) != 1 {
		t.Errorf("attributes keep their last value to the letter: got %s, %s", got.UserAttrs, got.SystemAttrs)
	}
	s.want(s.Write(s.ctx, id, 1, storage.Update{}), storage.ErrNotExist, "Write of no trial")
	s.want(s.Write(s.ctx, id, -1, storage.Update{}), storage.ErrNotExist, "Write of trial -1")
}
