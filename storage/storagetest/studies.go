package storagetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"sync"
	"testing"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// testStudies checks names, ids and attributes of studies.
func testStudies(t *testing.T, s suite) {
	if all, err := s.Studies(s.ctx); err != nil || len(all) != 0 {
		t.Errorf("an empty storage has no studies: got %v, %v", all, err)
	}
	a := s.create("b")
	b := s.create("a", trial.Maximize, trial.Minimize)
	// Rule: any text is a name; quotes, dashes and percent signs find unescaped SQL.
	c := s.create(`odd "name" 'x'; -- 日本語 %`)
	// Rule: an id belongs to one study, for a caller holds on to it.
	if a.ID == b.ID || b.ID == c.ID {
		t.Errorf("IDs are different: got %d, %d, %d", a.ID, b.ID, c.ID)
	}
	// Rule: Create returns what Load will, so a program behaves the same on its second run.
	for _, want := range []storage.Study{a, b, c} {
		got, err := s.Load(s.ctx, want.Name)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Load gives what Create gave: got %+v, %v, want %+v", got, err, want)
		}
	}
	// Rule: the order is that of creation, the same at every call.
	if all, err := s.Studies(s.ctx); err != nil || !reflect.DeepEqual(all, []storage.Study{a, b, c}) {
		t.Errorf("Studies gives all by ID: got %+v, %v", all, err)
	}
	// Rule: two studies never share a name, or resuming would be a guess.
	_, err := s.Create(s.ctx, "a", minimize)
	s.want(err, storage.ErrExist, "names are unique")
	// Rule: names are compared byte by byte, as Optuna does.
	_, err = s.Load(s.ctx, "A")
	s.want(err, storage.ErrNotExist, "names are case-sensitive")
	// Rule: mistakes are refused by every storage alike; Optuna's column ends at 512.
	_, err = s.Create(s.ctx, "", minimize)
	s.want(err, storage.ErrInvalid, "a name is not empty")
	_, err = s.Create(s.ctx, string(make([]byte, 513)), minimize)
	s.want(err, storage.ErrInvalid, "a name has at most 512 bytes")
	_, err = s.Create(s.ctx, "none", nil)
	s.want(err, storage.ErrInvalid, "a study has a direction")

	// Rule: attributes are texts for the storage, Python's NaN included.
	for _, value := range []string{`"first"`, `{"n": [1, null, NaN]}`} {
		set := map[string]json.RawMessage{"note": json.RawMessage(value)}
		if err := s.WriteStudy(s.ctx, a.ID, storage.StudyUpdate{UserAttrs: set}); err != nil {
			t.Fatal(err)
		}
		if got, _ := s.Load(s.ctx, "b"); string(got.UserAttrs["note"]) != value || got.SystemAttrs != nil {
			t.Errorf("the last value of an attribute stays, unchanged: got %+v, want %s", got, value)
		}
	}
	// Rule: nothing is written for a study that does not exist.
	one := map[string]json.RawMessage{"k": json.RawMessage("1")}
	s.want(s.WriteStudy(s.ctx, 99, storage.StudyUpdate{UserAttrs: one}), storage.ErrNotExist, "WriteStudy of no study")
	empty := storage.StudyUpdate{SystemAttrs: map[string]json.RawMessage{"": json.RawMessage("1")}}
	s.want(s.WriteStudy(s.ctx, a.ID, empty), storage.ErrInvalid, "a key is not empty")
}

// testWriteStudy checks that updates of a study are whole, and see what others have changed.
func testWriteStudy(t *testing.T, s suite) {
	a := s.create("a")
	text := func(x string) json.RawMessage { return json.RawMessage(strconv.Quote(x)) }
	many := map[string]json.RawMessage{}
	for i := range 100 {
		many[fmt.Sprint("k", i)] = text(fmt.Sprint("first ", i))
	}
	// Rule: a nil text in If wants no attribute.
	first := storage.StudyUpdate{SystemAttrs: many, UserAttrs: map[string]json.RawMessage{"k1": text("user")},
		If: map[string]json.RawMessage{"k7": nil}}
	if err := s.WriteStudy(s.ctx, a.ID, first); err != nil {
		t.Fatal(err)
	}
	s.want(s.WriteStudy(s.ctx, a.ID, first), storage.ErrChanged, "the attribute is there now")
	// Rule: user and system attributes are apart, though keys are equal.
	got, _ := s.Load(s.ctx, "a")
	if !reflect.DeepEqual(got.SystemAttrs, many) || !reflect.DeepEqual(got.UserAttrs, first.UserAttrs) {
		t.Errorf("WriteStudy sets all attributes: got %+v", got)
	}
	// Rule: what is refused changes nothing.
	stale := storage.StudyUpdate{SystemAttrs: map[string]json.RawMessage{"k1": text("stale"), "k2": text("stale")},
		If: map[string]json.RawMessage{"k1": text("first 1"), "k2": text("other")}}
	s.want(s.WriteStudy(s.ctx, a.ID, stale), storage.ErrChanged, "k2 has another value")
	if after, _ := s.Load(s.ctx, "a"); !reflect.DeepEqual(after, got) {
		t.Errorf("a refused update changes nothing: got %+v, want %+v", after, got)
	}
	// Rule: of callers who have read the same, one wins.
	wins := 0
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			u := storage.StudyUpdate{SystemAttrs: map[string]json.RawMessage{"k3": text(fmt.Sprint("second ", i))},
				If: map[string]json.RawMessage{"k3": text("first 3")}}
			err := s.WriteStudy(s.ctx, a.ID, u)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				wins++
			} else if !errors.Is(err, storage.ErrChanged) {
				t.Errorf("WriteStudy: %v", err)
			}
		})
	}
	if all.Wait(); wins != 1 {
		t.Errorf("%d of 8 updates of the same state took effect, want 1", wins)
	}
}

// testDelete checks that a study goes completely and alone.
func testDelete(t *testing.T, s suite) {
	old, other := s.create("old"), s.create("other")
	for _, study := range []storage.Study{old, other} {
		s.begin(study.ID, claim("w"))
		s.write(study.ID, 0, storage.Update{Params: x(1),
			Reports: []trial.Report{{Step: 1, Value: 1}}, Constraints: map[string]float64{"c": 1},
			State: trial.Complete, Values: []float64{1}})
	}
	if err := s.Delete(s.ctx, old.ID); err != nil {
		t.Fatal(err)
	}
	_, err := s.Load(s.ctx, "old")
	s.want(err, storage.ErrNotExist, "a deleted study is gone")
	// Rule: a second Delete reports that there was nothing to delete.
	s.want(s.Delete(s.ctx, old.ID), storage.ErrNotExist, "Delete of no study")
	again := s.create("old")
	// Rule: ids are never reused; a worker of the old study would write into the new one.
	if again.ID == old.ID {
		t.Errorf("the ID %d of a deleted study is used again", old.ID)
	}
	if got := s.since(again.ID, 0).Trials; len(got) != 0 {
		t.Errorf("a new study has no trials: got %v", numbers(got))
	}
	// Rule: rows of other studies stay, though their trials have the same numbers.
	if got := s.since(other.ID, 0).Trials; len(got) != 1 || len(got[0].Params) != 1 {
		t.Errorf("Delete leaves other studies alone: got %v", got)
	}
	// Rule: workers that still run learn at their next call that the study is gone.
	_, err = s.Begin(s.ctx, old.ID, claim("w"))
	s.want(err, storage.ErrNotExist, "Begin of a deleted study")
	_, err = s.Since(s.ctx, old.ID, 0)
	s.want(err, storage.ErrNotExist, "Since of a deleted study")
	_, err = s.Add(s.ctx, old.ID, &trial.Trial{Number: -1, State: trial.Waiting})
	s.want(err, storage.ErrNotExist, "Add to a deleted study")
	s.want(s.Write(s.ctx, old.ID, 0, storage.Update{}), storage.ErrNotExist, "Write to a deleted study")
}
