package storagetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// pauseAt trains a running trial up to a step and pauses it there, as the engine does: the checkpoint
// first, so a worker that dies in between leaves an orphan that has lost nothing.
func (s suite) pauseAt(id int64, number, step int) {
	s.Helper()
	for i := len(s.trial(id, number).Reports) + 1; i <= step; i++ {
		s.write(id, number, storage.Update{Reports: []trial.Report{{Step: i, Value: float64(10 - i)}}})
	}
	s.write(id, number, storage.Update{Checkpoint: &storage.Checkpoint{Step: step, Data: []byte{byte(step)}}})
	s.write(id, number, storage.Update{State: trial.Waiting,
		SystemAttrs: map[string]json.RawMessage{sysattr.Paused: fmt.Append(nil, step)}})
}

// slice is a claim of a worker with a scheduler.
func slice(number, until int) storage.Claim {
	c := claim(fmt.Sprint("w", number, until))
	c.Slice = &storage.Slice{Number: number, Until: until}
	return c
}

// testPause checks how paused trials wait and who gets them.
func testPause(t *testing.T, s suite) {
	id := s.create("a").ID
	// Rule: a new trial keeps the end of its slice, so another worker can take over.
	first := s.begin(id, slice(-1, 1))
	if first.Number != 0 || string(first.SystemAttrs[sysattr.Until]) != "1" {
		t.Fatalf("a new trial of a slice: got %+v", first)
	}
	s.write(id, 0, storage.Update{Params: x(1), Constraints: map[string]float64{"c": 0}})
	s.pauseAt(id, 0, 1)
	finished := s.begin(id, slice(-1, 0))
	// Rule: a worker with a scheduler never gets a paused trial that it did not choose.
	if finished.Number != 1 || finished.SystemAttrs[sysattr.Until] != nil {
		t.Fatalf("a slice without an end is a new trial to its end: got %+v", finished)
	}
	s.write(id, 1, storage.Update{State: trial.Complete, Values: []float64{3}})
	// Rule: a paused trial keeps its reports, checkpoint, parameters and constraints.
	got := s.trial(id, 0)
	c, err := s.Checkpoint(s.ctx, id, 0)
	if !got.Paused() || len(got.Reports) != 1 || len(got.Params) != 1 || len(got.Constraints) != 1 || err != nil ||
		!bytes.Equal(c.Data, []byte{1}) {
		t.Errorf("a paused trial keeps what it has: got %+v, %+v, %v", got, c, err)
	}

	// Rule: a queue comes first, whatever the scheduler chose.
	queued, err := s.Add(s.ctx, id, &trial.Trial{Number: -1, State: trial.Waiting})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Begin(s.ctx, id, slice(0, 3))
	s.want(err, storage.ErrChanged, "a paused trial waits for the queue")
	if got := s.begin(id, slice(-1, 1)); got.Number != queued || string(got.SystemAttrs[sysattr.Until]) != "1" {
		t.Errorf("the queued trial starts with the slice of a new one: got %+v", got)
	}
	// Rule: an interrupted trial is queued, not paused, and keeps the end of its slice.
	s.write(id, queued, storage.Update{State: trial.Waiting})
	if got := s.begin(id, slice(-1, 5)); got.Number != queued || string(got.SystemAttrs[sysattr.Until]) != "1" {
		t.Errorf("an interrupted slice ends where it would have: got %+v", got)
	}

	// Rule: resuming continues with what was there, in a slice of its own.
	got = s.begin(id, slice(0, 3))
	if got.Number != 0 || got.State != trial.Running || got.Paused() || got.SystemAttrs[sysattr.Paused] != nil ||
		string(got.SystemAttrs[sysattr.Until]) != "3" || len(got.Reports) != 1 || got.Seen != 0 || got.Start.IsZero() {
		t.Errorf("a paused trial resumes: got %+v", got)
	}
	if stored := s.trial(id, 0); Text(stored) != Text(got) {
		t.Errorf("Begin returned %s, stored is %s", Text(got), Text(stored))
	}
	for name, number := range map[string]int{"running": 0, "finished": 1, "missing": 9, "impossible": 1 << 40} {
		_, err = s.Begin(s.ctx, id, slice(number, 3))
		s.want(err, storage.ErrChanged, "a trial that is "+name+" cannot be resumed")
	}
	if n := len(s.since(id, 0).Trials); n != 3 {
		t.Errorf("a refused claim changes nothing: got %d trials, want 3", n)
	}

	// Rule: an orphan that was resumed returns to its checkpoint, in the same slice.
	dead := slice(0, 9)
	dead.Duration = 0
	s.pauseAt(id, 0, 2)
	s.begin(id, dead)
	s.write(id, 0, storage.Update{Reports: []trial.Report{{Step: 3, Value: 7}}})
	got = s.begin(id, slice(-1, 1))
	if got.Number != 0 || len(got.Reports) != 2 || string(got.SystemAttrs[sysattr.Until]) != "9" || got.Paused() {
		t.Errorf("an orphan resumes its slice from its checkpoint: got %+v", got)
	}
	s.pauseAt(id, 0, 3)

	// Rule: any program may run a paused trial to its end, as a waiting one.
	s.write(id, 0, storage.Update{Start: true})
	s.write(id, 0, storage.Update{State: trial.Complete, Values: []float64{1}})
	if got := s.trial(id, 0); got.State != trial.Complete || got.Paused() || len(got.Reports) != 3 {
		t.Errorf("another program ends a paused trial: got %+v", got)
	}
	_, err = s.Checkpoint(s.ctx, id, 0)
	s.want(err, storage.ErrNotExist, "the checkpoint of a trial that was paused is deleted at its end")
}

// testPauseBudget checks that paused trials keep their place in a budget.
func testPauseBudget(t *testing.T, s suite) {
	id := s.create("a").ID
	for n := range 2 {
		s.begin(id, slice(-1, 1))
		s.pauseAt(id, n, 1)
	}
	limited := slice(-1, 1)
	limited.Budget = 2
	_, err := s.Begin(s.ctx, id, limited)
	s.want(err, storage.ErrBudget, "paused trials count")
	queued, err := s.Add(s.ctx, id, &trial.Trial{Number: -1, State: trial.Waiting})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Begin(s.ctx, id, limited)
	s.want(err, storage.ErrBudget, "a queued trial beyond the budget does not begin")
	// Rule: resuming needs no budget; a queue that cannot begin is not in the way.
	limited.Slice.Number = 1
	if got := s.begin(id, limited); got.Number != 1 {
		t.Errorf("resuming needs no budget: got trial %d", got.Number)
	}
	s.pauseAt(id, 1, 2)
	// Rule: without a scheduler, paused trials run to their ends when nothing else may begin.
	plain := claim("plain")
	plain.Budget = 3
	if got := s.begin(id, plain); got.Number != queued {
		t.Errorf("the queue comes before paused trials: got trial %d", got.Number)
	}
	for want := range 2 {
		got := s.begin(id, plain)
		if got.Number != want || got.SystemAttrs[sysattr.Until] != nil || got.SystemAttrs[sysattr.Paused] != nil ||
			len(got.Reports) != want+1 {
			t.Errorf("a paused trial runs to its end: got %+v, want trial %d", got, want)
		}
		plain.Owner = "plain2"
	}
	_, err = s.Begin(s.ctx, id, plain)
	s.want(err, storage.ErrBudget, "nothing is left")
	plain.Budget = 0
	if got := s.begin(id, plain); got.Number != 3 {
		t.Errorf("without a budget a new trial begins: got trial %d", got.Number)
	}
}

// testPauseRace lets workers race for paused trials.
func testPauseRace(t *testing.T, s suite) {
	id := s.create("a").ID
	const trials, workers = 6, 4
	for n := range trials {
		s.begin(id, slice(-1, 1))
		s.pauseAt(id, n, 1)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[int][]int{}
	for w := range workers {
		wg.Go(func() {
			for n := range trials {
				c := slice(n, 3)
				c.Owner = fmt.Sprintf("worker %d, trial %d", w, n)
				tr, err := s.Begin(s.ctx, id, c)
				if err != nil && !errors.Is(err, storage.ErrChanged) {
					t.Errorf("worker %d, trial %d: %v", w, n, err)
				}
				if err == nil {
					mu.Lock()
					got[tr.Number] = append(got[tr.Number], w)
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	for n := range trials {
		if len(got[n]) != 1 {
			t.Errorf("trial %d was resumed by workers %v, want one", n, got[n])
		}
	}
}
