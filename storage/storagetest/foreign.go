package storagetest

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/internal/awkward"
	"github.com/bluefin-hpo/bluefin/trial"
)

// testForeign checks what clients need that write by Optuna's rules: values that change, trials
// that run without a lease, trials with times of their own.
func testForeign(t *testing.T, s suite) {
	id := s.create("a", trial.Minimize, trial.Maximize).ID
	testForeignAdd(s, id)
	testForeignWrite(s, s.create("b").ID)
	testForeignStart(s, s.create("c").ID)
}

func testForeignAdd(s suite, id int64) {
	s.Helper()
	start := time.Date(2022, 9, 1, 12, 0, 0, 123456789, time.FixedZone("east", 3600))
	end := start.Add(time.Hour)
	stored := func(at time.Time) time.Time { return at.UTC().Truncate(time.Microsecond) }
	for number, added := range []*trial.Trial{
		{State: trial.Complete, Values: []float64{1, 2}, Start: start, End: end},
		{State: trial.Pruned, Values: []float64{1, 2}, Start: start, End: end},
		{State: trial.Waiting, Start: start, End: end, Reports: []trial.Report{{Step: 1, Value: 2}}},
		{State: trial.Running, Start: start, End: end},
		{State: trial.Failed, End: end},
	} {
		added.Number = -1
		if n, err := s.Add(s.ctx, id, added); err != nil || n != number {
			s.Fatalf("Add: %d, %v, want %d", n, err, number)
		}
		// Rule: times that are known are kept, in UTC and whole microseconds. Only a finished
		// trial has an end.
		want := *added
		want.Start, want.End = stored(added.Start), stored(added.End)
		if added.Start.IsZero() {
			want.Start = want.End
		}
		if !added.State.Finished() {
			want.End = time.Time{}
		}
		got := s.trial(id, number)
		if got.State != want.State || !got.Start.Equal(want.Start) || !got.End.Equal(want.End) ||
			!slices.Equal(got.Values, want.Values) || len(got.Reports) != len(want.Reports) {
			s.Errorf("an added trial keeps its times and values: got %+v, want %+v", got, want)
		}
	}
	// Rule: without a time, a Running trial starts now.
	if _, err := s.Add(s.ctx, id, &trial.Trial{Number: -1}); err != nil {
		s.Fatal(err)
	}
	if got := s.trial(id, 5); got.State != trial.Running || time.Since(got.Start).Abs() > time.Minute {
		s.Errorf("an added trial that runs has started: got %+v", got)
	}
	_, err := s.Add(s.ctx, id, &trial.Trial{Number: -1, Start: time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC)})
	s.want(err, storage.ErrInvalid, "a year has four digits")
	// Rule: nobody's lease is not over, so no claim restarts these trials; each counts as begun.
	c := claim("w")
	c.Budget = 6
	if got := s.begin(id, c); got.Number != 2 || got.Start.Equal(stored(start)) {
		s.Errorf("the waiting trial begins, now: got %+v", got)
	}
	_, err = s.Begin(s.ctx, id, c)
	s.want(err, storage.ErrBudget, "added trials count in a budget")
	// Rule: any caller may write a trial without a lease.
	s.write(id, 3, storage.Update{State: trial.Failed})
}

func testForeignWrite(s suite, id int64) {
	s.Helper()
	y := func(v float64, high float64) trial.Param {
		return trial.Param{Name: "y", Value: v, Dist: space.Float{High: high}}
	}
	if _, err := s.Add(s.ctx, id, &trial.Trial{Number: -1, State: trial.Waiting}); err != nil {
		s.Fatal(err)
	}
	s.begin(id, claim("w"))
	if _, err := s.Add(s.ctx, id, &trial.Trial{Number: -1, State: trial.Waiting}); err != nil {
		s.Fatal(err)
	}
	// Trial 0 is Running, trial 1 Waiting: both gather values in the same way.
	for number, state := range []trial.State{trial.Running, trial.Waiting} {
		for _, v := range []float64{1, 2} {
			before := s.since(id, 0).Revision
			s.write(id, number, storage.Update{Replace: true, Params: append([]trial.Param{y(v, 2*v)}, x(v)...),
				Reports:     []trial.Report{{Step: 3, Value: v}, {Step: int(v), Value: v}},
				Constraints: map[string]float64{"c": v, fmt.Sprint(v): v}, UserAttrs: awkward.Attrs("u", fmt.Sprint(v))})
			if got := s.since(id, before); !slices.Equal(numbers(got.Trials), []int{number}) {
				s.Errorf("a replaced value is a change: got %v", numbers(got.Trials))
			}
		}
		// Rule: with Replace the last value stays; the order of parameters does too.
		got := s.trial(id, number)
		if got.State != state || len(got.Params) != 2 || got.Params[0].Name != "y" || got.Params[0].Value != 2 ||
			!space.Equal(got.Params[0].Dist, space.Float{High: 4}) || got.Params[1].Value != 2 {
			s.Errorf("the last value of a parameter stays, in its place: got %+v", got)
		}
		if !slices.Equal(got.Reports, []trial.Report{{Step: 1, Value: 1}, {Step: 2, Value: 2}, {Step: 3, Value: 2}}) ||
			!maps.Equal(got.Constraints, map[string]float64{"c": 2, "1": 1, "2": 2}) {
			s.Errorf("the last value of a step and of a constraint stays: got %+v", got)
		}
	}
	// Rule: Optuna's attributes for constraints are constraints, in both forms.
	s.write(id, 0, storage.Update{SystemAttrs: awkward.Attrs("constraints", "[5]", "constraints:c", "7", "constraints:3", "3", "k", "1")})
	got := s.trial(id, 0)
	if !maps.Equal(got.Constraints, map[string]float64{"c": 7, "1": 1, "2": 2, "0": 5, "3": 3}) || len(got.SystemAttrs) != 1 {
		s.Errorf("attributes hold constraints: got %v, %s", got.Constraints, got.SystemAttrs)
	}
	for key, value := range map[string]string{"constraints": "[NaN]", "constraints:c": "NaN"} {
		s.want(s.Write(s.ctx, id, 0, storage.Update{SystemAttrs: awkward.Attrs(key, value)}),
			storage.ErrInvalid, "a constraint in an attribute is not NaN")
	}
	// Rule: giving a Waiting trial back to the queue changes nothing.
	s.write(id, 1, storage.Update{Replace: true, State: trial.Waiting})
	if got := s.trial(id, 1); got.State != trial.Waiting || len(got.Reports) != 3 {
		s.Errorf("a Waiting trial keeps its reports: got %+v", got)
	}
	// Rule: a trial that ends in the queue has times and counts as begun.
	s.write(id, 1, storage.Update{Replace: true, State: trial.Complete, Values: []float64{1}})
	if got := s.trial(id, 1); got.State != trial.Complete || got.Start.IsZero() || got.End.Before(got.Start) {
		s.Errorf("a trial that ends in the queue starts when it ends: got %+v", got)
	}
	c := claim("w")
	c.Budget = 2
	_, err := s.Begin(s.ctx, id, c)
	s.want(err, storage.ErrBudget, "a trial that ended in the queue counts")
	s.want(s.Write(s.ctx, id, 1, storage.Update{Replace: true}), storage.ErrFinished, "a finished trial never changes")
}

func testForeignStart(s suite, id int64) {
	s.Helper()
	s.begin(id, claim("w"))
	s.write(id, 0, storage.Update{State: trial.Failed})
	waiting := &trial.Trial{Number: -1, State: trial.Waiting, Reports: []trial.Report{{Step: 1, Value: 1}},
		SystemAttrs: awkward.Attrs("completed_rung_0", "1")}
	if n, err := s.Add(s.ctx, id, waiting); err != nil || n != 1 {
		s.Fatalf("Add: %d, %v", n, err)
	}
	s.write(id, 1, storage.Update{Replace: true, Params: x(1)})
	s.want(s.Write(s.ctx, id, 1, storage.Update{Start: true, State: trial.Failed}), storage.ErrInvalid,
		"a trial that starts runs")
	// Rule: exactly one of many clients starts a Waiting trial.
	var started atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := s.Write(s.ctx, id, 1, storage.Update{Start: true}); err == nil {
				started.Add(1)
			} else {
				s.want(err, storage.ErrLost, "a trial starts once")
			}
		})
	}
	wg.Wait()
	// Rule: it keeps what it has, unlike a trial that Begin restarts.
	got := s.trial(id, 1)
	if started.Load() != 1 || got.State != trial.Running || got.Start.IsZero() || got.Seen != 1 ||
		len(got.Params) != 1 || len(got.Reports) != 1 || len(got.SystemAttrs) != 1 {
		s.Errorf("%d clients started the trial, want 1; got %+v", started.Load(), got)
	}
	// Rule: it has no lease, so it is no orphan.
	if got := s.begin(id, claim("w")); got.Number != 2 {
		s.Errorf("a trial without a lease was restarted: got %d", got.Number)
	}
	s.want(s.Write(s.ctx, id, 1, storage.Update{Owner: "w"}), storage.ErrLost, "nobody owns it")
	s.write(id, 1, storage.Update{State: trial.Complete, Values: []float64{1}})
	s.want(s.Write(s.ctx, id, 1, storage.Update{Start: true}), storage.ErrFinished, "a finished trial does not start")
	s.want(s.Write(s.ctx, id, 3, storage.Update{Start: true}), storage.ErrNotExist, "Start of no trial")
}
