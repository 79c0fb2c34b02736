package storagetest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/internal/awkward"
	"github.com/bluefin-hpo/bluefin/trial"
)

// testPort checks Export and Import with a study that is hard to copy.
func testPort(t *testing.T, s suite) {
	want := awkward.Study()
	// An older study moves ids, so a storage that confuses ids and numbers is found out.
	s.create("before")
	created, err := s.Import(s.ctx, want)
	if err != nil {
		t.Fatal(err)
	}
	want.ID = created.ID
	got, err := s.Export(s.ctx, want.Name)
	if err != nil {
		t.Fatal(err)
	}
	// Rule: attributes travel with the study, to the letter.
	for what, study := range map[string]storage.Study{"Import": created, "Export": got.Study} {
		if fmt.Sprint(study) != fmt.Sprint(want.Study) {
			t.Errorf("%s returns the study with its attributes: got %v, want %v", what, study, want.Study)
		}
	}
	since := s.since(created.ID, 0)
	for i, w := range want.Trials {
		if w.State == trial.Running {
			w = &trial.Trial{Number: w.Number, State: trial.Waiting, Seen: w.Seen, Params: w.Params,
				UserAttrs: w.UserAttrs, SystemAttrs: awkward.Attrs("s", "1")}
		}
		if got := Text(since.Trials[i]); got != Text(w) {
			t.Errorf("an imported trial is stored whole, in its place: got\n%s, want\n%s", got, Text(w))
		}
		if got := withoutConstraints(got.Trials[i]); Text(got) != Text(w) {
			t.Errorf("Export gives what was imported: got\n%s, want\n%s", Text(got), Text(w))
		}
	}
	// Rule: a study without trials is a study.
	if again, err := s.Export(s.ctx, "before"); err != nil || again.Name != "before" {
		t.Errorf("Export of a study without trials: got %v, %v", again, err)
	}

	// The study can continue.
	if n, err := s.Add(s.ctx, created.ID, &trial.Trial{Number: -1, State: trial.Waiting}); err != nil || n != 6 {
		t.Errorf("numbering continues: got %d, %v, want 6", n, err)
	}
	// Rule: a running trial waits in the copy, because its worker writes to the original.
	c := claim("w")
	c.Budget = 5
	if got := s.begin(created.ID, c); got.Number != 2 || len(got.Reports) != 0 {
		t.Errorf("the first waiting trial begins, from the start: got %s", Text(got))
	}
	// Rule: the budget counts imported trials, or a copied study would run too long.
	_, err = s.Begin(s.ctx, created.ID, c)
	s.want(err, storage.ErrBudget, "imported trials count as started, except waiting ones")
	// Rule: finishing order continues; samplers rely on a history that only grows.
	s.write(created.ID, 2, storage.Update{State: trial.Failed})
	if got := numbers(s.since(created.ID, 0).Trials); !slices.Equal(got, []int{4, 1, 0, 5, 2, 3, 6}) {
		t.Errorf("a trial finishes after the imported ones: got %v", got)
	}
	// Rule: an import leaves a revision from which later changes are seen.
	if got := s.since(created.ID, since.Revision); !slices.Contains(numbers(got.Trials), 2) {
		t.Errorf("changes after the import are seen: got %v", numbers(got.Trials))
	}

	testPortRefuses(t, s)
}

// testPortRefuses checks that a damaged export is refused as a whole.
func testPortRefuses(t *testing.T, s suite) {
	_, err := s.Export(s.ctx, "none")
	s.want(err, storage.ErrNotExist, "Export of no study")
	good := awkward.Study()
	// Rule: an import never merges into a study that exists.
	_, err = s.Import(s.ctx, good)
	s.want(err, storage.ErrExist, "names are unique")
	good.Name = "refused"
	// Each change makes one defect in a study that is otherwise valid.
	for rule, change := range map[string]func(*storage.Study, []*trial.Trial){
		"a study has a name":              func(s *storage.Study, _ []*trial.Trial) { s.Name = "" },
		"a study has a direction":         func(s *storage.Study, _ []*trial.Trial) { s.Directions = nil },
		"an attribute is JSON":            func(s *storage.Study, _ []*trial.Trial) { s.UserAttrs = awkward.Attrs("k", "{") },
		"an attribute of a trial is JSON": func(_ *storage.Study, t []*trial.Trial) { t[5].SystemAttrs = awkward.Attrs("k", "") },
		"a key is UTF-8":                  func(_ *storage.Study, t []*trial.Trial) { t[5].UserAttrs = awkward.Attrs("\xff", "1") },
		"numbers have no gap":             func(_ *storage.Study, t []*trial.Trial) { t[3].Number = 6 },
		"numbers are not negative":        func(_ *storage.Study, t []*trial.Trial) { t[3].Number = -1 },
		"numbers are unique":              func(_ *storage.Study, t []*trial.Trial) { t[3].Number = 0 },
		"Complete has a value for each":   func(_ *storage.Study, t []*trial.Trial) { t[3].Values = t[3].Values[:1] },
		"Pruned has at most that many":    func(_ *storage.Study, t []*trial.Trial) { t[2].Values = []float64{1, 2, 3} },
		"Failed has no value":             func(_ *storage.Study, t []*trial.Trial) { t[0].Values = []float64{1} },
		"Waiting has no value":            func(_ *storage.Study, t []*trial.Trial) { t[4].Values = []float64{1} },
		"no value is NaN":                 func(_ *storage.Study, t []*trial.Trial) { t[2].Values = []float64{1, math.NaN()} },
		"a state is known":                func(_ *storage.Study, t []*trial.Trial) { t[0].State = 9 },
		"parameter names are unique": func(_ *storage.Study, t []*trial.Trial) {
			t[1].Params = append(t[1].Params, t[1].Params[0])
		},
		"a parameter has a distribution":   func(_ *storage.Study, t []*trial.Trial) { t[4].Params = []trial.Param{{Name: "x"}} },
		"a choice exists":                  func(_ *storage.Study, t []*trial.Trial) { t[2].Params[0].Value = 6 },
		"the name of a parameter is UTF-8": func(_ *storage.Study, t []*trial.Trial) { t[2].Params[0].Name = "\xff" },
		"steps increase":                   func(_ *storage.Study, t []*trial.Trial) { t[1].Reports[1].Step = 0 },
		"a step is not negative":           func(_ *storage.Study, t []*trial.Trial) { t[1].Reports[0].Step = -1 },
		"a constraint is not NaN":          func(_ *storage.Study, t []*trial.Trial) { t[1].Constraints["c"] = math.NaN() },
		"Seen is not negative":             func(_ *storage.Study, t []*trial.Trial) { t[1].Seen = -1 },
		"a year has four digits":           func(_ *storage.Study, t []*trial.Trial) { t[1].End = t[1].End.AddDate(9000, 0, 0) },
	} {
		bad := awkward.Study()
		bad.Name = good.Name
		change(&bad.Study, bad.Trials)
		_, err := s.Import(s.ctx, bad)
		s.want(err, storage.ErrInvalid, rule)
	}
	// Rule: all or nothing; the name stays free for another attempt.
	_, err = s.Load(s.ctx, good.Name)
	s.want(err, storage.ErrNotExist, "a refused import leaves nothing")
	if _, err := s.Import(s.ctx, good); err != nil {
		t.Errorf("an import after refused ones: %v", err)
	}
}

// withoutConstraints is the trial without the attributes that keep constraints.
func withoutConstraints(t *trial.Trial) *trial.Trial {
	c := *t
	c.SystemAttrs = maps.Clone(t.SystemAttrs)
	maps.DeleteFunc(c.SystemAttrs, func(key string, _ json.RawMessage) bool {
		return key == "constraints" || strings.HasPrefix(key, "constraints:")
	})
	return &c
}
