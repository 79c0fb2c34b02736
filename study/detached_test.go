package study_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// curve is the loss of a training with a learning rate of x, at a step. Every seventh diverges.
func curve(number, step int, x float64) float64 {
	if number%7 == 6 && step > 3 {
		return math.NaN()
	}
	return x + math.Exp(-float64(step)/3)
}

// Trials that are asked for, reported and told by number, each time in another program, end as those
// that Optimize runs.
func TestDetachedTrialsArePrunedLikeOthers(t *testing.T) {
	const n, steps = 40, 9
	for name, p := range map[string]pruner.Pruner{
		"median": pruner.Median{StartupTrials: 3}, "halving": pruner.SuccessiveHalving{},
		"hyperband": pruner.Hyperband{StudyName: "test"}, "none": nil,
	} {
		t.Run(name, func(t *testing.T) {
			configure := func(c *study.Config) { c.Pruner = p }
			whole := open(t, &storage.Memory{}, configure)
			err := whole.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
				x := tr.Float("x", 0, 1)
				for step := range steps {
					if err := tr.Report(step, curve(tr.Number(), step, x)); err != nil {
						return 0, err
					}
				}
				return curve(tr.Number(), steps, x), nil
			}, study.Budget{Trials: n, Failures: n})
			if err != nil {
				t.Fatal(err)
			}
			s := &storage.Memory{}
			for range n {
				asked, err := open(t, s, configure).AskDetached(t.Context(), study.Detached{Params: []space.Dimension{{Name: "x", Dist: space.Float{High: 1}}}})
				if err != nil {
					t.Fatal(err)
				}
				number, x := asked.Number, asked.Params[0].Value
				u := storage.Update{State: trial.Complete, Values: []float64{curve(number, steps, x)}}
				for step := range steps {
					r := trial.Point{Step: step, Values: []float64{curve(number, step, x)}}
					err := open(t, s, configure).ReportNumber(t.Context(), number, r, "")
					pruned := errors.Is(err, study.ErrPruned)
					if err != nil && !pruned {
						t.Fatal(err)
					}
					for range 2 { // and asking does not change the answer
						if got, err := open(t, s, configure).ShouldPrune(t.Context(), number, ""); err != nil || got != pruned {
							t.Fatalf("trial %d, step %d: ShouldPrune says %v, %v, want %v, as ReportNumber says",
								number, step, got, err, pruned)
						}
					}
					if again := open(t, s, configure).ReportNumber(t.Context(), number, r, ""); !errors.Is(again, err) {
						t.Fatalf("the same report again: got %v, want %v", again, err)
					}
					if pruned {
						u = storage.Update{State: trial.Pruned}
						break
					}
				}
				if u.State == trial.Complete && math.IsNaN(u.Values[0]) {
					u = storage.Update{State: trial.Failed}
				}
				if _, err := open(t, s, configure).TellNumber(t.Context(), number, u); err != nil {
					t.Fatal(err)
				}
			}
			pruned := 0
			want := trials(t, whole)
			for i, got := range trials(t, open(t, s, configure)) {
				if got.State == trial.Pruned {
					pruned++
				}
				maps.DeleteFunc(want[i].SystemAttrs, func(key string, _ json.RawMessage) bool { return key == sysattr.Failure })
				maps.DeleteFunc(got.SystemAttrs, func(key string, _ json.RawMessage) bool {
					return key == sysattr.Verdict || key == sysattr.Lease
				})
				sameReports := slices.EqualFunc(got.Reports, want[i].Reports, func(a, b trial.Report) bool {
					return a.Step == b.Step && math.Float64bits(a.Value) == math.Float64bits(b.Value)
				})
				sameAttrs := maps.EqualFunc(got.SystemAttrs, want[i].SystemAttrs,
					func(a, b json.RawMessage) bool { return string(a) == string(b) })
				if got.State != want[i].State || !slices.Equal(got.Values, want[i].Values) || !sameReports || !sameAttrs {
					t.Errorf("trial %d: got %+v, want %+v", i, got, want[i])
				}
			}
			if (pruned == 0) != (p == nil) {
				t.Errorf("%d of %d trials were pruned", pruned, n)
			}
		})
	}
}

// Several programs may report one trial at once, such as the ranks of a training.
func TestReportsOfOneTrialAtOnce(t *testing.T) { everyStorage(t, reportsAtOnce) }

func reportsAtOnce(t *testing.T, s storage.Storage) {
	const steps = 100
	ctx, st := t.Context(), open(t, s, func(c *study.Config) { c.Pruner = pruner.Median{} })
	asked, err := st.AskDetached(ctx, study.Detached{Lease: storage.Lease{Owner: "me", Duration: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for rank := range 4 {
		wait.Go(func() {
			for step := rank; step < steps; step += 4 {
				if err := st.ReportNumber(ctx, asked.Number, trial.Point{Step: step, Values: []float64{float64(step)}}, "me"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	got, err := st.Trial(ctx, asked.Number)
	if err != nil || len(got.Reports) != steps {
		t.Fatalf("got %d reports, %v, want %d", len(got.Reports), err, steps)
	}
	for step, r := range got.Reports {
		if r != (trial.Report{Step: step, Value: float64(step)}) {
			t.Errorf("step %d: got %v", step, r)
		}
	}
}

func TestAReportRenewsTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, s := t.Context(), &storage.Memory{}
		st, other := open(t, s), open(t, s)
		mine := storage.Lease{Owner: "me", Duration: 10 * time.Minute}
		asked, err := st.AskDetached(ctx, study.Detached{Lease: mine})
		if err != nil {
			t.Fatal(err)
		}
		for step := range 3 {
			time.Sleep(9 * time.Minute)
			if err := st.ReportNumber(ctx, asked.Number, trial.Point{Step: step, Values: []float64{0}}, "me"); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(9 * time.Minute)
		if _, err := other.ShouldPrune(ctx, asked.Number, "me"); err != nil {
			t.Error(err)
		}
		time.Sleep(9 * time.Minute)
		if next, err := other.AskDetached(ctx, study.Detached{}); err != nil || next.Number == asked.Number {
			t.Errorf("the trial was claimed although it was reported: got %v, %v", next, err)
		}
		time.Sleep(11 * time.Minute)
		if err := st.ReportNumber(ctx, asked.Number, trial.Point{Step: 3, Values: []float64{0}}, "me"); err != nil {
			t.Errorf("a late report of a trial that nobody has claimed: got %v", err)
		}
		time.Sleep(11 * time.Minute)
		heir, err := other.AskDetached(ctx, study.Detached{Lease: storage.Lease{Owner: "you"}})
		if err != nil || heir.Number != asked.Number || len(heir.Reports) != 0 {
			t.Fatalf("the trial was not claimed after its lease: got %+v, %v", heir, err)
		}
		_, pruneErr := st.ShouldPrune(ctx, asked.Number, "me")
		_, tellErr := st.TellNumber(ctx, asked.Number, storage.Update{State: trial.Failed, Owner: "me"})
		for _, err := range []error{
			st.ReportNumber(ctx, asked.Number, trial.Point{Step: 4, Values: []float64{0}}, "me"), pruneErr, tellErr,
		} {
			if !errors.Is(err, storage.ErrLost) || !strings.Contains(err.Error(), "its lease has ended, and another") {
				t.Errorf("a claimed trial: got %v", err)
			}
		}
		if err := other.ReportNumber(ctx, heir.Number, trial.Point{Values: []float64{0}}, "you"); err != nil {
			t.Error(err)
		}
	})
}

func TestMistakesWithDetachedTrials(t *testing.T) {
	everyStorage(t, func(t *testing.T, s storage.Storage) {
		ctx, st := t.Context(), open(t, s)
		if _, err := st.Enqueue(ctx, map[string]any{"x": 1.0}); err != nil {
			t.Fatal(err)
		}
		want := func(err error, text string) {
			t.Helper()
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("got %v, want %q", err, text)
			}
		}
		want(st.ReportNumber(ctx, 0, trial.Point{Values: []float64{0}}, ""), "report: trial 0: it is WAITING, want RUNNING")
		want(st.ReportNumber(ctx, 5, trial.Point{Values: []float64{0}}, ""), `report: trial 5: does not exist in study "test"`)
		want(st.ReportNumber(ctx, 0, trial.Point{Step: -1, Values: []float64{0}}, ""), "step -1, want at least 0")
		if _, err := st.AskDetached(ctx, study.Detached{}); err != nil {
			t.Fatal(err)
		}
		want(st.ReportNumber(ctx, 0, trial.Point{Values: []float64{0}}, "nobody"), "the trial does not belong to this worker")
		if pruned, err := st.ShouldPrune(ctx, 0, ""); pruned || err != nil {
			t.Errorf("a trial without reports: got %v, %v", pruned, err)
		}
		told, err := st.TellNumber(ctx, 0, storage.Update{State: trial.Pruned, Constraints: map[string]float64{"c": 1}})
		if err != nil || told.Violation() != 1 || told.Values != nil {
			t.Errorf("got %+v, %v", told, err)
		}
		want(st.ReportNumber(ctx, 0, trial.Point{Values: []float64{0}}, ""), "the trial has finished and cannot change any more: it is PRUNED")
		_, err = st.AskDetached(ctx, study.Detached{Lease: storage.Lease{Process: "p"}})
		want(err, "cannot have a lease that ends with a process")
	})
}

// Parameters that depend on others are suggested by a function, and a budget holds for detached trials.
func TestDetachedTrialsWithConditionsAndABudget(t *testing.T) {
	everyStorage(t, func(t *testing.T, s storage.Storage) {
		ctx, st := t.Context(), open(t, s)
		params := []space.Dimension{
			{Name: "kind", Dist: space.Choose("plain", "deep").Dist()}, {Name: "layers", Dist: space.Int{Low: 1, High: 8}},
		}
		with := map[string]int{}
		ask := study.Detached{Params: params, Budget: 12, Suggest: func(t *study.Trial) error {
			if t.Categorical("kind", "plain", "deep") == "deep" {
				t.Int("layers", 1, 8)
			}
			return nil
		}}
		for range 12 {
			asked, err := st.AskDetached(ctx, ask)
			if err != nil {
				t.Fatal(err)
			}
			kind, err := trial.Value[string](asked, "kind")
			if err != nil || (len(asked.Params) == 2) != (kind == "deep") {
				t.Fatalf("got %v, %v", asked.Params, err)
			}
			with[kind]++
		}
		if with["plain"] == 0 || with["deep"] == 0 {
			t.Errorf("got only %v", with)
		}
		if _, err := st.AskDetached(ctx, ask); !errors.Is(err, storage.ErrBudget) {
			t.Errorf("the thirteenth trial: got %v", err)
		}
		ask.Budget, ask.Suggest = 0, func(*study.Trial) error { return fmt.Errorf("%w: too large", study.ErrInfeasible) }
		if _, err := st.AskDetached(ctx, ask); !errors.Is(err, study.ErrInfeasible) {
			t.Errorf("got %v", err)
		}
		if last, err := st.Trial(ctx, 12); err != nil || last.State != trial.Pruned || last.Violation() == 0 {
			t.Errorf("the infeasible trial: got %+v, %v", last, err)
		}
	})
}
