package storagetest

import (
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/internal/awkward"
	"github.com/bluefin-hpo/bluefin/trial"
)

// testBegin checks what a new trial has.
func testBegin(t *testing.T, s suite) {
	a, b := s.create("a"), s.create("b")
	// Two seconds of tolerance: a storage may have another clock, and cut its digits.
	before := time.Now().Add(-time.Second)
	// Rule: Seen is stored with the trial, or its draw could not be repeated.
	for i := range 3 {
		got := s.begin(a.ID, storage.Claim{Lease: claim("w").Lease, Seen: 7})
		if got.Number != i || got.State != trial.Running || got.Seen != 7 {
			t.Errorf("a new trial has the next number, runs, and keeps Seen: got %+v", got)
		}
		if got.Start.Before(before) || got.Start.After(time.Now().Add(time.Second)) || !got.End.IsZero() {
			t.Errorf("a trial that begins starts now and has no end: got %v, %v", got.Start, got.End)
		}
	}
	// Rule: numbers belong to a study, ids to the storage.
	if got := s.begin(b.ID, claim("w")); got.Number != 0 {
		t.Errorf("every study counts its trials from 0: got %d", got.Number)
	}
	_, err := s.Begin(s.ctx, 99, claim("w"))
	s.want(err, storage.ErrNotExist, "Begin of no study")
}

// testBudget checks that the budget is the study's and counts what has begun.
func testBudget(t *testing.T, s suite) {
	id := s.create("a").ID
	limited := claim("w")
	limited.Budget = 2
	if _, err := s.Add(s.ctx, id, &trial.Trial{Number: -1, State: trial.Waiting}); err != nil {
		t.Fatal(err)
	}
	// Rule: queued trials come first; somebody asked for them.
	if got := s.begin(id, limited); got.Number != 0 {
		t.Errorf("a waiting trial begins first: got %d", got.Number)
	}
	s.begin(id, limited)
	if _, err := s.Add(s.ctx, id, &trial.Trial{Number: -1, State: trial.Waiting}); err != nil {
		t.Fatal(err)
	}
	// Rule: running trials count, or several workers would overrun the budget together.
	_, err := s.Begin(s.ctx, id, limited)
	s.want(err, storage.ErrBudget, "running trials count, and no waiting one begins beyond the budget")
	s.write(id, 0, storage.Update{State: trial.Failed})
	// Rule: failed trials count, or a broken objective would run forever.
	_, err = s.Begin(s.ctx, id, limited)
	s.want(err, storage.ErrBudget, "failed trials count")
	// Rule: an interrupted trial frees its place and is the next to run.
	s.write(id, 1, storage.Update{State: trial.Waiting})
	if got := s.begin(id, limited); got.Number != 1 {
		t.Errorf("a trial given back does not count: got %d, want 1", got.Number)
	}
	// Rule: 0 means no limit, as in the zero value of a claim.
	if got := s.begin(id, claim("w")); got.Number != 2 {
		t.Errorf("budget 0 means no limit: got %d, want 2", got.Number)
	}
}

// testLeases checks who owns a running trial, without waiting for any time to pass.
func testLeases(t *testing.T, s suite) {
	id := s.create("a").ID
	// A lease of no duration has run out when Begin returns.
	over := storage.Claim{Lease: storage.Lease{Owner: "dead"}, Budget: 1, Seen: 3}
	s.begin(id, over)
	s.write(id, 0, storage.Update{
		Owner: "dead", Params: x(1), Reports: []trial.Report{{Step: 0, Value: 1}},
		Constraints: map[string]float64{"c": 1}, UserAttrs: awkward.Attrs("u", "1"),
		SystemAttrs: awkward.Attrs("s", "2", sysattr.RungPrefix+"0", "3"),
	})
	// Rule: an orphan restarts within a budget that is used up, because it has begun already.
	heir := storage.Claim{Lease: claim("heir").Lease, Budget: 1, Seen: 9}
	got := s.begin(id, heir)
	if got.Number != 0 || got.State != trial.Running || got.Seen != 3 {
		t.Errorf("an orphan keeps its number and Seen: got %+v", got)
	}
	// Rule: the draw stays, so the restarted trial is the same point.
	if len(got.Params) != 1 || got.UserAttrs["u"] == nil || got.SystemAttrs["s"] == nil {
		t.Errorf("an orphan keeps parameters and attributes: got %+v", got)
	}
	// Rule: without a checkpoint the objective starts over, so what it observed goes.
	if len(got.Reports) != 0 || len(got.Constraints) != 0 || got.SystemAttrs[sysattr.RungPrefix+"0"] != nil {
		t.Errorf("an orphan loses reports, what follows from them, and constraints: got %+v", got)
	}
	// Rule: a live lease protects its trial from every other worker.
	_, err := s.Begin(s.ctx, id, heir)
	s.want(err, storage.ErrBudget, "a trial with a lease is not an orphan")
	// Rule: the former owner cannot overwrite the result of its heir.
	s.want(s.Write(s.ctx, id, 0, storage.Update{Owner: "dead", State: trial.Failed}), storage.ErrLost,
		"a lost trial cannot be written")
	s.write(id, 0, storage.Update{Owner: "heir", State: trial.Complete, Values: []float64{1}})

	// Rule: renewing works even when the time is over, as after a long pause of the machine.
	s.begin(id, storage.Claim{Lease: storage.Lease{Owner: "slow"}})
	s.write(id, 1, storage.Update{Owner: "slow", Renew: time.Hour})
	if got := s.begin(id, claim("w")); got.Number != 2 {
		t.Errorf("a renewed lease is not over: trial %d was started", got.Number)
	}
	// Rule: a result is not thrown away only because it is late.
	s.begin(id, storage.Claim{Lease: storage.Lease{Owner: "late"}})
	s.write(id, 3, storage.Update{Owner: "late", State: trial.Complete, Values: []float64{1}})
	if got := s.begin(id, claim("w")); got.Number != 4 {
		t.Errorf("a worker whose lease ran out may write until it is replaced: trial %d was started", got.Number)
	}
}

// testAdd checks trials that come from elsewhere, or wait to be run.
func testAdd(t *testing.T, s suite) {
	id := s.create("a").ID
	dist := space.Int{Low: 1, High: 9, Step: 2}
	// Values that storages lose easily: infinity, NaN, a step, an attribute to the letter.
	added := &trial.Trial{Number: 0, State: trial.Complete, Values: []float64{math.Inf(-1)},
		Params:  []trial.Param{{Name: "i", Value: 3, Dist: dist}},
		Reports: []trial.Report{{Step: 2, Value: math.NaN()}}, SystemAttrs: awkward.Attrs("fixed_params", `{"i": 3}`)}
	// Rule: a number names one trial; adding it again, as after a lost answer, is an error.
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
		t.Errorf("an added trial is stored whole and has times: got %+v", got)
	}
	// Rule: a refused Add uses up no number.
	if len(s.since(id, 0).Trials) != 1 {
		t.Error("an Add that fails adds nothing")
	}
	if _, err := s.Add(s.ctx, id, &trial.Trial{Number: -1, State: trial.Waiting}); err != nil {
		t.Fatal(err)
	}
	if got := s.trial(id, 1); got.State != trial.Waiting || !got.Start.IsZero() {
		t.Errorf("a waiting trial has no start: got %+v", got)
	}
}

// testRelease checks a trial that its worker gives back, as on Ctrl-C.
func testRelease(t *testing.T, s suite) {
	id := s.create("a").ID
	s.begin(id, claim("w"))
	s.write(id, 0, storage.Update{
		Params:  x(1),
		Reports: []trial.Report{{Step: 0, Value: 1}}, Constraints: map[string]float64{"c": 1}})
	// Parameters come with the release itself: they may not have been saved before.
	s.write(id, 0, storage.Update{Owner: "w", State: trial.Waiting,
		Params:  []trial.Param{{Name: "y", Value: 2, Dist: space.Float{High: 2}}},
		Reports: []trial.Report{{Step: 1, Value: 1}}})
	got := s.trial(id, 0)
	if got.State != trial.Waiting || len(got.Params) != 2 || len(got.Reports)+len(got.Constraints) != 0 || !got.Start.IsZero() {
		t.Errorf("a trial given back waits with its parameters and without its reports: got %+v", got)
	}
	// Rule: releasing ends ownership at once, before anybody claims the trial.
	s.want(s.Write(s.ctx, id, 0, storage.Update{Owner: "w"}), storage.ErrLost, "a trial given back is lost")
	// Rule: the trial continues as drawn and is first in the queue.
	if got := s.begin(id, claim("v")); got.Number != 0 || len(got.Params) != 2 {
		t.Errorf("a trial given back begins next: got %+v", got)
	}
}

// testStates checks that a finished trial is a fact that never changes.
func testStates(t *testing.T, s suite) {
	id := s.create("a", trial.Minimize, trial.Maximize).ID
	// One of each way to end; Pruned may have fewer values than objectives, or none.
	for number, u := range []storage.Update{
		{State: trial.Complete, Values: []float64{math.Inf(1), -2}},
		{State: trial.Pruned, Values: []float64{3}},
		{State: trial.Pruned},
		{State: trial.Failed},
	} {
		s.begin(id, claim("w"))
		s.write(id, number, u)
		got := s.trial(id, number)
		if got.State != u.State || !slices.Equal(got.Values, u.Values) || got.End.Before(got.Start) {
			t.Errorf("a finished trial has its state, values and end: got %+v, want %+v", got, u)
		}
		// Rule: samplers keep results of finished trials forever, so even an empty write is
		// refused.
		for _, again := range []storage.Update{{}, {State: trial.Failed}, {State: trial.Waiting}, {Renew: 1},
			{Params: []trial.Param{{Name: "x", Dist: space.Float{}}}}, {UserAttrs: awkward.Attrs("k", "1")}} {
			s.want(s.Write(s.ctx, id, number, again), storage.ErrFinished, "a finished trial never changes")
		}
		if after := s.trial(id, number); after.State != got.State || len(after.Params)+len(after.UserAttrs) != 0 {
			t.Errorf("a refused write changes nothing: got %+v", after)
		}
	}
	// Rule: a waiting trial belongs to nobody; only Begin makes it somebody's.
	if n, err := s.Add(s.ctx, id, &trial.Trial{Number: -1, State: trial.Waiting}); err != nil || n != 4 {
		t.Fatalf("Add: %d, %v", n, err)
	}
	s.want(s.Write(s.ctx, id, 4, storage.Update{State: trial.Failed}), storage.ErrLost, "a waiting trial cannot be written")
}
