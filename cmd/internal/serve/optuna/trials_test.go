package optuna

import (
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/bluefin-hpo/bluefin/cmd/internal/serve/optuna/pb"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A client gets what it has not seen, and what it asks for, whoever wrote it; also when the IDs of
// several studies are mixed.
func TestGetTrials(t *testing.T) {
	db, _ := file(t)
	c, ctx := client(t, serve(t, db, false)), t.Context()
	a, b := create(t, c, "a"), create(t, c, "b")
	const trials = 1120 // more than are read at once
	var wg sync.WaitGroup
	for range 32 { // which share commits
		wg.Go(func() {
			for i := range trials / 32 {
				if _, err := db.Add(ctx, a, &trial.Trial{Number: -1, State: trial.Failed}); err != nil {
					t.Error(err)
				}
				if i%7 == 0 {
					if _, err := db.Add(ctx, b, &trial.Trial{Number: -1, State: trial.Failed}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	var ids []int64
	for i := range trials {
		id, err := db.TrialID(ctx, a, i)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	want := func(r *pb.GetTrialsReply, err error, numbers ...int) {
		t.Helper()
		if err != nil || len(r.Trials) != len(numbers) {
			t.Fatalf("got %d trials, %v, want %d", len(r.GetTrials()), err, len(numbers))
		}
		for i, n := range numbers {
			if got := r.Trials[i]; got.Number != int64(n) || got.TrialId != ids[n] {
				t.Fatalf("got trial %d with ID %d, want %d with %d", got.Number, got.TrialId, n, ids[n])
			}
		}
	}
	get := func(after int64, included ...int64) (*pb.GetTrialsReply, error) {
		return c.GetTrials(ctx, &pb.GetTrialsRequest{StudyId: a, TrialIdGreaterThan: after, IncludedTrialIds: included})
	}
	var all []int
	for i := range trials {
		all = append(all, i)
	}
	r, err := get(-1)
	want(r, err, all...)
	last := ids[trials-1]
	other, err := db.TrialID(ctx, b, 3)
	if err != nil {
		t.Fatal(err)
	}
	r, err = get(last, ids[9], ids[5], ids[9], other, -3, last+1000)
	want(r, err, 5, 9)
	r, err = get(ids[trials-3], ids[trials-1])
	want(r, err, trials-2, trials-1)
	r, err = get(math.MaxInt64)
	want(r, err)
	r, err = get(math.MinInt64)
	want(r, err, all...)
	// Another program writes.
	if _, err := db.Add(ctx, a, &trial.Trial{Number: -1}); err != nil {
		t.Fatal(err)
	}
	id, err := db.TrialID(ctx, a, trials)
	if err != nil {
		t.Fatal(err)
	}
	ids = append(ids, id)
	r, err = get(last)
	want(r, err, trials)
	if err := db.Write(ctx, a, trials, storage.Update{State: trial.Complete, Values: []float64{math.Inf(-1)}}); err != nil {
		t.Fatal(err)
	}
	r, err = get(id, id)
	want(r, err, trials)
	if got := r.Trials[0]; got.State != pb.TrialState_COMPLETE || !math.IsInf(got.Values[0], -1) || got.DatetimeComplete == "" {
		t.Errorf("got %v", got)
	}
}

// What a client writes comes back the same, however odd.
func TestOddValues(t *testing.T) {
	db, _ := file(t)
	c, ctx := client(t, serve(t, db, true)), t.Context()
	study := create(t, c, "名前 /../ \" ' %")
	huge := `"` + strings.Repeat("é", 5<<20) + `"` // 10 MB
	sent := &pb.Trial{
		State: pb.TrialState_PRUNED, Values: []float64{math.Inf(1)},
		DatetimeStart: "2022-09-01 00:00:00.000001", DatetimeComplete: "2023-09-01 23:59:59.999999",
		Params: map[string]float64{"x y": 5, "日本": 1, "": 0}, Distributions: map[string]string{
			"x y": unit, "日本": `{"name": "CategoricalDistribution", "attributes": {"choices": ["a", NaN, null, true, 1.5]}}`},
		UserAttributes:     map[string]string{"k": `{"nan": NaN, "inf": -Infinity, "s": "\u65e5"}`, "huge": huge},
		SystemAttributes:   map[string]string{"constraints": "[1.0, -2.5]", "constraints:c": "Infinity", "k": "null"},
		IntermediateValues: map[int64]float64{0: math.NaN(), 7: math.Inf(-1), math.MaxInt32: 1e308},
	}
	add := func() (*pb.CreateNewTrialReply, error) {
		return c.CreateNewTrial(ctx, &pb.CreateNewTrialRequest{StudyId: study, TemplateTrial: sent})
	}
	if _, err := add(); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a parameter without a name: got %v", err)
	}
	delete(sent.Params, "")
	r, err := add()
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.GetTrial(ctx, &pb.GetTrialRequest{TrialId: r.TrialId})
	if err != nil {
		t.Fatal(err)
	}
	sent.TrialId = r.TrialId
	if a, b := fmt.Sprint(got.Trial), fmt.Sprint(sent); a != b {
		t.Errorf("got\n%.2000s, want\n%.2000s", a, b)
	}
	if name, err := c.GetStudyNameFromId(ctx, &pb.GetStudyNameFromIdRequest{StudyId: study}); err != nil || name.StudyName != "名前 /../ \" ' %" {
		t.Errorf("got %v, %v", name, err)
	}
}

// A trial whose client has fallen silent fails and is queued again; one that reports is left alone,
// and one with a lease.
func TestFailSilent(t *testing.T) {
	db, _ := file(t)
	c, ctx := client(t, serve(t, db, true)), t.Context()
	study := create(t, c, "a")
	start(t, c, study) // and says no more
	alive := start(t, c, study)
	if _, err := db.Begin(ctx, study, storage.Claim{Lease: storage.Lease{Owner: "w", Duration: time.Hour}}); err != nil {
		t.Fatal(err)
	}
	const after = time.Second
	done := make(chan error, 1)
	go func() {
		done <- FailSilent(ctx, db, slog.New(slog.NewTextHandler(t.Output(), nil)), after, storage.Orphans{Policy: storage.Retry, Limit: 1})
	}()
	var all []*trial.Trial
	for step := int64(0); len(all) < 5; step++ {
		if step > 200 {
			t.Fatalf("after %v nothing has failed: %v", step*after.Milliseconds()/10, all)
		}
		if _, err := c.SetTrialIntermediateValue(ctx, &pb.SetTrialIntermediateValueRequest{TrialId: alive, Step: step}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after / 10)
		var err error
		if all, err = db.Range(ctx, study, 0, 9); err != nil {
			t.Fatal(err)
		}
		if len(all) == 4 && all[3].State == trial.Waiting { // the first retry falls silent too
			id, err := db.TrialID(ctx, study, 3)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.SetTrialStateValues(ctx, &pb.SetTrialStateValuesRequest{TrialId: id}); err != nil {
				t.Fatal(err)
			}
		}
		if len(all) == 4 && all[3].State == trial.Failed {
			break
		}
	}
	states := ""
	for _, tr := range all {
		states += tr.State.String() + " "
	}
	if states != "FAIL RUNNING RUNNING FAIL " || string(all[3].SystemAttrs["retry_history"]) != "[0]" || all[0].Failure() == "" {
		t.Errorf("got %s%s", states, all[3].SystemAttrs)
	}
}
