package storagetest

import (
	"slices"
	"sync"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/internal/awkward"
	"github.com/bluefin-hpo/bluefin/trial"
)

// testSince checks the one call by which every worker learns of changes.
func testSince(t *testing.T, s suite) {
	id, other := s.create("a").ID, s.create("b").ID
	start := s.since(id, 0)
	if len(start.Trials) != 0 {
		t.Errorf("a new study has no trials: got %v", numbers(start.Trials))
	}
	// Two studies side by side: revisions of one must not move those of the other.
	for range 4 {
		s.begin(id, claim("w"))
		s.begin(other, claim("w"))
	}
	// Finished against the order of numbers, so the two orders differ.
	s.write(id, 2, storage.Update{State: trial.Failed})
	s.write(id, 0, storage.Update{State: trial.Complete, Values: []float64{1}})
	all := s.since(id, 0)
	// Rule: a history only grows at its end, in finishing order, whoever reads it.
	if got, want := numbers(all.Trials), []int{2, 0, 1, 3}; !slices.Equal(got, want) {
		t.Errorf("the finished trials come in finishing order, then the others by number: got %v, want %v", got, want)
	}
	// Rule: everything after a revision is reported, or a worker would never learn of it.
	if got := s.since(id, start.Revision); !slices.Equal(numbers(got.Trials), numbers(all.Trials)) || got.Revision != all.Revision {
		t.Errorf("from a revision before all trials: got %v", numbers(got.Trials))
	}
	// Rule: no change, no trials: this is the usual answer, and it must be cheap.
	if got := s.since(id, all.Revision); len(got.Trials) != 0 || got.Revision != all.Revision {
		t.Errorf("nothing changed: got %v, revision %d after %d", numbers(got.Trials), got.Revision, all.Revision)
	}
	// Rule: every kind of write raises the revision, and reports its own trial only.
	for what, change := range map[string]storage.Update{
		"a parameter":      {Params: []trial.Param{{Name: "x", Dist: space.Float{}}}},
		"a report":         {Reports: []trial.Report{{Step: 1}}},
		"a constraint":     {Constraints: map[string]float64{"c": 1}},
		"a user attribute": {UserAttrs: awkward.Attrs("k", "1")},
		"an attribute":     {SystemAttrs: awkward.Attrs("k", "1")},
	} {
		before := s.since(id, 0).Revision
		s.write(id, 3, change)
		if got := s.since(id, before); !slices.Equal(numbers(got.Trials), []int{3}) || got.Revision <= before {
			t.Errorf("%s is a change of its trial alone: got %v, revision %d after %d", what, numbers(got.Trials), got.Revision, before)
		}
	}
	// Rule: a worker may leave out the running trials of its own owners; finished ones always
	// come.
	for _, c := range []struct {
		except []string
		want   []int
	}{{[]string{"v", "w"}, []int{2, 0}}, {[]string{"v"}, []int{2, 0, 1, 3}}} {
		got, err := s.Since(s.ctx, id, start.Revision, c.except...)
		if err != nil || !slices.Equal(numbers(got.Trials), c.want) || got.Revision != s.since(id, 0).Revision {
			t.Errorf("except the trials that %q run: got %v, %v, want %v", c.except, numbers(got.Trials), err, c.want)
		}
	}
	// Rule: several changes come together, finished ones first.
	before := s.since(id, 0).Revision
	s.write(id, 1, storage.Update{State: trial.Waiting})
	s.write(id, 3, storage.Update{State: trial.Failed})
	if got := s.since(id, before); !slices.Equal(numbers(got.Trials), []int{3, 1}) {
		t.Errorf("two trials changed: got %v, want [3 1]", numbers(got.Trials))
	}
}

// testCopies checks that trials and studies are snapshots: workers read them without a
// lock.
func testCopies(t *testing.T, s suite) {
	directions := []trial.Direction{trial.Maximize}
	study := s.create("a", directions...)
	// Change both what was passed in and what came back; the stored study must not follow.
	directions[0] = trial.Minimize
	study.Directions[0] = trial.Minimize
	if got, _ := s.Load(s.ctx, "a"); got.Directions[0] != trial.Maximize {
		t.Error("a study shares its directions with a caller")
	}
	s.begin(study.ID, claim("w"))
	u := storage.Update{Params: x(1), Reports: []trial.Report{{Value: 1}},
		Constraints: map[string]float64{"c": 1}, UserAttrs: awkward.Attrs("k", "1")}
	s.write(study.ID, 0, u)
	// Change the update after it was written, and the trial after it was read.
	early := s.trial(study.ID, 0)
	u.Params[0].Name, u.Reports[0].Value, u.Constraints["c"], u.UserAttrs["k"][0] = "y", 2, 2, '2'
	s.write(study.ID, 0, storage.Update{Reports: []trial.Report{{Step: 1}}, UserAttrs: awkward.Attrs("l", "1"),
		Constraints: map[string]float64{"d": 1}, State: trial.Complete, Values: []float64{1}})
	got := s.trial(study.ID, 0)
	if got.Params[0].Name != "x" || got.Reports[0].Value != 1 || got.Constraints["c"] != 1 || string(got.UserAttrs["k"]) != "1" {
		t.Errorf("a trial shares memory with the update that wrote it: got %+v", got)
	}
	if early.State != trial.Running || len(early.Reports) != 1 || len(early.UserAttrs) != 1 || len(early.Constraints) != 1 {
		t.Errorf("a trial that was returned changed later: got %+v", early)
	}
}

// testConcurrency checks that workers share a study without losing or doubling a trial.
func testConcurrency(t *testing.T, s suite) {
	const workers, each = 8, 12
	id := s.create("a").ID
	// Waiting trials are where a claim is most easily taken twice.
	for range workers {
		if _, err := s.Add(s.ctx, id, &trial.Trial{Number: -1, State: trial.Waiting}); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	got := make([][]int, workers)
	for w := range workers {
		wg.Go(func() {
			c := claim(string(rune('a' + w)))
			c.Budget = workers * each
			for {
				tr, err := s.Begin(s.ctx, id, c)
				if err != nil {
					s.want(err, storage.ErrBudget, "the budget stops workers")
					return
				}
				got[w] = append(got[w], tr.Number)
				for _, u := range []storage.Update{
					{Owner: c.Owner, Params: []trial.Param{{Name: "x", Dist: space.Float{}}}},
					{Owner: c.Owner, Reports: []trial.Report{{Value: 1}}},
					{Owner: c.Owner, State: trial.Complete, Values: []float64{float64(tr.Number)}},
				} {
					if err := s.Write(s.ctx, id, tr.Number, u); err != nil {
						t.Errorf("Write: %v", err)
					}
				}
				// Readers run among the writers, as they do in a study.
				if _, err := s.Since(s.ctx, id, 0); err != nil {
					t.Errorf("Since: %v", err)
				}
			}
		})
	}
	wg.Wait()
	all := slices.Concat(got...)
	slices.Sort(all)
	// Rule: numbers have no gap and no trial has two owners.
	for i, n := range all {
		if i != n {
			t.Fatalf("every trial begins once: got %v", all)
		}
	}
	// Rule: a budget is exact, since counting and claiming are one step.
	if len(all) != workers*each {
		t.Errorf("the budget is exact: got %d trials, want %d", len(all), workers*each)
	}
}
