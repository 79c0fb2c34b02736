package storagetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/internal/awkward"
	"github.com/bluefin-hpo/bluefin/trial"
)

// testCheckpoints checks the rules that let a killed training resume exactly where it
// was.
func testCheckpoints(t *testing.T, s suite) {
	id := s.create("a").ID
	// A lease of no time is over at once, so the trial is an orphan without any waiting.
	dead := storage.Claim{Lease: storage.Lease{Owner: "dead"}}
	s.begin(id, dead)
	// Rule: no checkpoint is an error, so a worker cannot take an empty one for its state.
	_, err := s.Checkpoint(s.ctx, id, 0)
	s.want(err, storage.ErrNotExist, "a trial has no checkpoint at first")
	_, err = s.Checkpoint(s.ctx, id, 9)
	s.want(err, storage.ErrNotExist, "a missing trial has no checkpoint")
	// Pruner attributes follow from reports: kept too long, a resumed trial would be pruned
	// differently.
	mark := func(rung int) map[string]json.RawMessage {
		return map[string]json.RawMessage{fmt.Sprint(sysattr.RungPrefix, rung): json.RawMessage("1")}
	}
	// Bytes that text columns and C strings would change.
	data := []byte{0, 1, 255}
	// Rule: the last checkpoint wins, even if its step is smaller.
	s.write(id, 0, storage.Update{Checkpoint: &storage.Checkpoint{Step: 9, Data: []byte("old")}})
	s.write(id, 0, storage.Update{Reports: []trial.Report{{Step: 1, Value: 1}}, SystemAttrs: mark(0), Constraints: map[string]float64{"c": 1},
		Checkpoint: &storage.Checkpoint{Step: 1, Data: data}})
	// Rule: a storage copies what it is given; the trainer reuses its buffer.
	data[0] = 7
	s.write(id, 0, storage.Update{Reports: []trial.Report{{Step: 2, Value: 2}}, SystemAttrs: mark(1)})
	if c, err := s.Checkpoint(s.ctx, id, 0); err != nil || c.Step != 1 || !bytes.Equal(c.Data, []byte{0, 1, 255}) {
		t.Errorf("the last checkpoint stays, and shares no memory: got %+v, %v", c, err)
	}
	// Rule: what came after the checkpoint is gone, or the repeated steps would be reported
	// twice.
	wantRewound := func(got *trial.Trial) {
		t.Helper()
		if !slices.Equal(got.Reports, []trial.Report{{Step: 1, Value: 1}}) || len(got.SystemAttrs) != 1 ||
			got.SystemAttrs[sysattr.RungPrefix+"0"] == nil || got.Constraints["c"] != 1 {
			t.Errorf("a trial resumes as it was at its checkpoint: got %+v", got)
		}
	}
	// After a crash, after a release, and after both: the state is the same.
	wantRewound(s.begin(id, dead))
	s.write(id, 0, storage.Update{Reports: []trial.Report{{Step: 2, Value: 2}}, State: trial.Waiting})
	wantRewound(s.trial(id, 0))
	wantRewound(s.begin(id, claim("w")))
	// Rule: finished trials drop their checkpoint, which may be hundreds of megabytes.
	s.write(id, 0, storage.Update{State: trial.Complete, Values: []float64{1}})
	_, err = s.Checkpoint(s.ctx, id, 0)
	s.want(err, storage.ErrNotExist, "the checkpoint of a finished trial is deleted")

	// Rule: Keep survives every end, because its owner wants the network, not the resumption.
	for _, end := range []trial.State{trial.Failed, trial.Pruned} {
		got := s.begin(id, claim("w"))
		s.write(id, got.Number, storage.Update{Checkpoint: &storage.Checkpoint{Keep: true}})
		s.write(id, got.Number, storage.Update{State: end})
		if c, err := s.Checkpoint(s.ctx, id, got.Number); err != nil || !c.Keep || len(c.Data) != 0 {
			t.Errorf("a checkpoint with Keep stays: got %+v, %v", c, err)
		}
	}
	s.begin(id, claim("w"))
	// Rule: an invalid checkpoint is refused before it replaces a good one.
	err = s.Write(s.ctx, id, 3, storage.Update{Checkpoint: &storage.Checkpoint{Step: -1}})
	s.want(err, storage.ErrInvalid, "the step of a checkpoint is not negative")
	if err := s.Delete(s.ctx, id); err != nil {
		t.Fatal(err)
	}
}

// testOrphans checks what Begin does with trials whose lease is over, for each policy.
func testOrphans(t *testing.T, s suite) {
	dead := func(o storage.Orphans) storage.Claim {
		return storage.Claim{Lease: storage.Lease{Owner: "dead"}, Orphans: o}
	}

	// Resume, up to a limit; a checkpoint resets the count.
	id := s.create("resume").ID
	limited := dead(storage.Orphans{Limit: 2})
	// Rule: the first begin and two restarts are allowed by a limit of two.
	for i, want := range []int{0, 0, 0} {
		if got := s.begin(id, limited); got.Number != want {
			t.Errorf("begin %d: got trial %d, want %d", i, got.Number, want)
		}
	}
	s.write(id, 0, storage.Update{Checkpoint: &storage.Checkpoint{}})
	// Rule: a checkpoint is progress, so the count starts anew; without progress the
	// parameters may be what kills the worker.
	for i, want := range []int{0, 0, 1} {
		if got := s.begin(id, limited); got.Number != want {
			t.Errorf("begin %d after the checkpoint: got trial %d, want %d", i, got.Number, want)
		}
	}
	if got := s.trial(id, 0); got.State != trial.Failed || got.Failure() != "it lost its worker 3 times" || got.End.IsZero() {
		t.Errorf("beyond the limit an orphan fails and says why: got %+v, %q", got, got.Failure())
	}
	const defaultLimit = 10
	id = s.create("any number").ID
	// Rule: negative means no limit, for objectives that are killed on purpose.
	for range defaultLimit + 2 {
		if got := s.begin(id, dead(storage.Orphans{Limit: -1})); got.Number != 0 {
			t.Fatalf("a negative limit means no limit: got trial %d", got.Number)
		}
	}
	id = s.create("default").ID
	// Rule: the zero value limits restarts, so a crashing trial cannot hold up a study for
	// good.
	for i := range defaultLimit + 2 {
		if got := s.begin(id, dead(storage.Orphans{})); got.Number != i/(defaultLimit+1) {
			t.Fatalf("the default limit is %d: begin %d got trial %d", defaultLimit, i, got.Number)
		}
	}

	// Fail.
	id = s.create("fail").ID
	s.begin(id, claim("alive"))
	s.begin(id, dead(storage.Orphans{}))
	// Rule: an orphan that fails has used its place in the budget.
	failing := storage.Claim{Lease: claim("w").Lease, Orphans: storage.Orphans{Policy: storage.Fail}, Budget: 2}
	_, err := s.Begin(s.ctx, id, failing)
	s.want(err, storage.ErrBudget, "a failed orphan counts")
	// Rule: failing orphans never keeps a worker from getting a trial.
	failing.Budget = 0
	if got := s.begin(id, failing); got.Number != 2 {
		t.Errorf("after failing the orphan a new trial is made: got %d, want 2", got.Number)
	}
	// Rule: the failure is saved even when Begin itself ends with ErrBudget.
	if got := s.trial(id, 1); got.State != trial.Failed || !strings.Contains(got.Failure(), "it lost its worker") {
		t.Errorf("an orphan fails even when the budget is used up: got %+v", got)
	}
	// Rule: only orphans are touched.
	if got := s.trial(id, 0); got.State != trial.Running {
		t.Errorf("a trial with a lease was failed: got %+v", got)
	}

	// Retry, as Optuna does it.
	id = s.create("retry").ID
	retry := dead(storage.Orphans{Policy: storage.Retry, Limit: 2})
	s.begin(id, retry)
	s.write(id, 0, storage.Update{
		Params: x(1), Reports: []trial.Report{{Step: 1}}, Constraints: map[string]float64{"c": 1},
		UserAttrs:   awkward.Attrs("u", "1"),
		SystemAttrs: awkward.Attrs("s", "2", sysattr.RungPrefix+"0", "3")})
	for number, want := range []string{1: "0 [0]", 2: "0 [0, 1]"} {
		if want == "" {
			continue
		}
		got := s.begin(id, retry)
		attrs := fmt.Sprintf("%s %s", got.SystemAttrs["failed_trial"], got.SystemAttrs["retry_history"])
		if got.Number != number || attrs != want || len(got.Params) != 1 || got.UserAttrs["u"] == nil || got.SystemAttrs["s"] == nil {
			t.Errorf("retry %d: got %+v with %q, want %q", number, got, attrs, want)
		}
		if len(got.Reports)+len(got.Constraints) != 0 || got.SystemAttrs[sysattr.RungPrefix+"0"] != nil || got.Failure() != "" {
			t.Errorf("a retry starts over: got %+v", got)
		}
		// Rule: every attempt stays on record, with its reason.
		if old := s.trial(id, number-1); old.State != trial.Failed || old.Failure() == "" {
			t.Errorf("a retried trial has failed: got %+v", old)
		}
	}
	// Rule: retries are limited too, and then a fresh trial begins.
	if got := s.begin(id, retry); got.Number != 3 || len(got.Params) != 0 {
		t.Errorf("after two retries none is left: got %+v", got)
	}
}
