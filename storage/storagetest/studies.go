package storagetest

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

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
	s.want(err, storage.ErrExist, "names are unique")
	_, err = s.Load(s.ctx, "A")
	s.want(err, storage.ErrNotExist, "names are case-sensitive")
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
			t.Errorf("the last value of an attribute stays, unchanged: got %s, want %s", got.UserAttrs["note"], value)
		}
	}
	s.want(s.SetUserAttr(s.ctx, 99, "k", json.RawMessage("1")), storage.ErrNotExist, "SetUserAttr of no study")
	s.want(s.SetUserAttr(s.ctx, a.ID, "", json.RawMessage("1")), storage.ErrInvalid, "a key is not empty")
}

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
