package study_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

func TestCancellingGivesTheTrialBackWithItsParameters(t *testing.T) {
	everyStorage(t, func(t *testing.T, s storage.Storage) {
		stop := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		var drawn map[string]any
		st := open(t, s)
		err := st.Optimize(ctx, func(tr *study.Trial) (float64, error) {
			x := tr.Float("x", 0, 1)
			if tr.Number() < 2 {
				return x, nil
			}
			if err := tr.Report(0, x); err != nil {
				return 0, err
			}
			tr.Int("k", 0, 99)
			drawn = tr.Params()
			cancel(stop)
			<-tr.Context().Done()
			return 0, context.Cause(tr.Context())
		}, study.Budget{Trials: 4})
		if !errors.Is(err, stop) {
			t.Errorf("Optimize returns the cause: got %v", err)
		}
		if tr := trials(t, st)[2]; tr.State != trial.Waiting || len(tr.Params) != 2 || len(tr.Reports) != 0 {
			t.Errorf("the running trial waits: got %+v", tr)
		}
		again := open(t, s)
		err = again.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
			x, k := tr.Float("x", 0, 1), tr.Int("k", 0, 99)
			if want := (map[string]any{"x": x, "k": k}); tr.Number() == 2 && !reflect.DeepEqual(want, drawn) {
				t.Errorf("the resumed trial has %v, want %v", want, drawn)
			}
			return x, tr.Report(0, x)
		}, study.Budget{Trials: 4})
		if err != nil {
			t.Fatal(err)
		}
		for i, tr := range trials(t, again) {
			if tr.Number != i || tr.State != trial.Complete {
				t.Errorf("trial %d: got %+v", i, tr)
			}
		}
		if n := len(trials(t, again)); n != 4 {
			t.Errorf("got %d trials, want 4", n)
		}
	})
}

func TestAValueReturnedAfterCancellingIsKept(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	st := open(t, nil)
	err := st.Optimize(ctx, func(*study.Trial) (float64, error) {
		cancel()
		return 3, nil
	}, study.Budget{Trials: 2})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if all := trials(t, st); len(all) != 1 || all[0].State != trial.Complete || all[0].Values[0] != 3 {
		t.Errorf("got %+v", all)
	}
}

// A worker that dies before it saves its draws leaves a trial without parameters. The worker that
// restarts it draws the same, although more trials have finished.
func TestAnOrphanIsDrawnAgainTheSame(t *testing.T) {
	everyStorage(t, func(t *testing.T, s storage.Storage) {
		st := open(t, s, func(c *study.Config) { c.Sampler = &sampler.TPE{} })
		if err := st.Optimize(t.Context(), sphere, study.Budget{Trials: 15}); err != nil {
			t.Fatal(err)
		}
		// The draws of a restarted trial.
		ask := func() map[string]any {
			tr, err := st.Ask(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			sphere(tr)
			return tr.Params()
		}
		id := func() int64 { r, _ := s.Load(t.Context(), "test"); return r.ID }()
		dead := storage.Claim{Lease: storage.Lease{Owner: "dead"}, Seen: 15}
		if _, err := s.Begin(t.Context(), id, dead); err != nil {
			t.Fatal(err)
		}
		first := ask() // restarts trial 15
		// The same after more trials have finished.
		copied := open(t, s, func(c *study.Config) { c.Name, c.Sampler = "copy", &sampler.TPE{} })
		copyID := func() int64 { r, _ := s.Load(t.Context(), "copy"); return r.ID }()
		if err := copied.Optimize(t.Context(), sphere, study.Budget{Trials: 15}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Begin(t.Context(), copyID, dead); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			if _, err := s.Add(t.Context(), copyID, &trial.Trial{Number: -1, State: trial.Complete, Values: []float64{-100}, Params: trials(t, copied)[0].Params}); err != nil {
				t.Fatal(err)
			}
		}
		tr, err := copied.Ask(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sphere(tr)
		if tr.Number() != 15 || !reflect.DeepEqual(tr.Params(), first) {
			t.Errorf("trial %d was drawn again as %v, want trial 15 as %v", tr.Number(), tr.Params(), first)
		}
	})
}

func TestALostTrialDoesNotEndTheProgram(t *testing.T) {
	everyStorage(t, func(t *testing.T, s storage.Storage) {
		st := open(t, s)
		var atReport, cause error
		err := st.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
			if tr.Number() == 1 && atReport == nil {
				record, _ := s.Load(t.Context(), "test")
				if err := s.Write(t.Context(), record.ID, 1, storage.Update{State: trial.Waiting}); err != nil {
					t.Fatal(err)
				}
				atReport = tr.Report(0, 1)
				cause = context.Cause(tr.Context())
				return 1, atReport
			}
			return 2, nil
		}, study.Budget{Trials: 3})
		if err != nil {
			t.Fatal(err)
		}
		if !errors.Is(atReport, storage.ErrLost) || !errors.Is(cause, storage.ErrLost) {
			t.Errorf("Report and the context say that the trial is lost: got %v, %v", atReport, cause)
		}
		for _, tr := range trials(t, st) {
			if tr.State != trial.Complete || tr.Values[0] != 2 {
				t.Errorf("got %+v", tr)
			}
		}
	})
}

func TestTheLeaseOfALiveTrialIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &storage.Memory{}
		st := open(t, s, func(c *study.Config) { c.Lease = 10 * time.Second })
		tr, err := st.Ask(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		other := open(t, s)
		next, err := other.Ask(t.Context())
		if err != nil || next.Number() != 1 {
			t.Errorf("a live trial was restarted: got %v, %v", next, err)
		}
		if _, err := other.TellError(t.Context(), next, study.ErrPruned); err != nil {
			t.Fatal(err)
		}
		if _, err := st.Tell(t.Context(), tr, 1); err != nil {
			t.Fatal(err)
		}
		detached, err := st.AskDetached(t.Context(), study.Detached{Lease: storage.Lease{Duration: 10 * time.Second}})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(11 * time.Second)
		if heir, err := other.Ask(t.Context()); err != nil || heir.Number() != detached.Number {
			t.Errorf("a trial whose lease has run out was not restarted: got %v, %v", heir, err)
		} else {
			other.Tell(t.Context(), heir, 1)
		}
	})
}

func TestAskAndTell(t *testing.T) {
	everyStorage(t, func(t *testing.T, s storage.Storage) {
		ctx := t.Context()
		st := open(t, s)
		tr, err := st.Ask(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := st.Tell(ctx, tr, 1, 2); err == nil || !strings.Contains(err.Error(), "2 values, want 1") {
			t.Errorf("a wrong number of values is an error: got %v", err)
		}
		if got, err := st.Tell(ctx, tr, 1); err != nil || got.State != trial.Complete {
			t.Errorf("after it the trial can be told: got %v, %v", got, err)
		}
		if _, err := st.Tell(ctx, tr, 1); !errors.Is(err, storage.ErrFinished) {
			t.Errorf("a trial is told once: got %v", err)
		}

		dims := space.Must(space.New(space.Dimension{Name: "x", Dist: space.Float{High: 1}}, space.Dimension{Name: "c", Dist: space.Categorical{Choices: []any{1, "a"}}}))
		asked, err := st.AskDetached(ctx, study.Detached{Params: dims, Lease: storage.Lease{Duration: time.Hour}})
		if err != nil || len(asked.Params) != 2 {
			t.Fatal(asked, err)
		}
		elsewhere := open(t, s)
		if got := trials(t, elsewhere)[1]; got.State != trial.Running || !slices.EqualFunc(got.Params, asked.Params, func(a, b trial.Param) bool { return a.Name == b.Name && a.Value == b.Value }) {
			t.Errorf("the parameters are saved: got %+v", got)
		}
		if got, err := elsewhere.TellNumber(ctx, 1, storage.Update{State: trial.Complete, Values: []float64{2}}); err != nil || got.Values[0] != 2 {
			t.Errorf("another program tells by number: got %v, %v", got, err)
		}
		for number, want := range map[int]error{1: storage.ErrFinished, 7: storage.ErrNotExist} {
			if _, err := elsewhere.TellNumber(ctx, number, storage.Update{State: trial.Failed}); !errors.Is(err, want) {
				t.Errorf("TellNumber(%d): got %v, want %v", number, err, want)
			}
		}
		bad := space.Must(space.New(space.Dimension{Name: "x", Dist: space.Int{High: 1}}))
		if _, err := st.AskDetached(ctx, study.Detached{Params: bad, Lease: storage.Lease{Duration: time.Hour}}); !errors.Is(err, study.ErrConflict) {
			t.Errorf("a space that conflicts with the study: got %v", err)
		}
		if got := trials(t, st); len(got) != 2 {
			t.Errorf("a space that conflicts uses up a number: there are %d trials, want 2", len(got))
		}
	})
}

// stopAt prunes when a report reaches a value, and sets an attribute.
type stopAt float64

func (p stopAt) Prune(_ trial.History, t *trial.Trial) (pruner.Verdict, error) {
	r, _ := t.LastReport()
	return pruner.Verdict{Prune: r.Value >= float64(p), Attrs: map[string]json.RawMessage{"mark": json.RawMessage("1")}}, nil
}

// reports are the given values at steps 0, 1, …
func reports(values ...float64) (all []trial.Report) {
	for step, v := range values {
		all = append(all, trial.Report{Step: step, Value: v})
	}
	return all
}

func TestReport(t *testing.T) {
	everyStorage(t, func(t *testing.T, s storage.Storage) {
		st := open(t, s, func(c *study.Config) { c.Pruner = stopAt(3) })
		err := st.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
			for step := range 5 {
				if err := tr.Report(step, float64(step*tr.Number())); err != nil {
					return 0, err
				}
				if err := tr.Report(step, 99); err != nil {
					t.Errorf("a step that was reported is left as it is: got %v", err)
				}
			}
			return 7, nil
		}, study.Budget{Trials: 3})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []trial.Trial{
			{State: trial.Complete, Values: []float64{7}, Reports: reports(0, 0, 0, 0, 0)},
			{State: trial.Pruned, Values: []float64{3}, Reports: reports(0, 1, 2, 3)},
			{State: trial.Pruned, Values: []float64{4}, Reports: reports(0, 2, 4)},
		} {
			got := trials(t, st)[i]
			if got.State != want.State || !slices.Equal(got.Values, want.Values) || !slices.Equal(got.Reports, want.Reports) || string(got.SystemAttrs["mark"]) != "1" {
				t.Errorf("trial %d: got %+v, want %+v", i, got, want)
			}
		}
	})
}

func TestExport(t *testing.T) {
	st := open(t, nil, func(c *study.Config) { c.Name = "ex" })
	if _, err := st.Enqueue(t.Context(), map[string]any{"lr": 1.0, "n": 3, "c": "é", "b": true, "none": nil}); err != nil {
		t.Fatal(err)
	}
	err := st.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
		tr.LogFloat("lr", 1e-5, 1)
		tr.Int("n", 0, 9)
		tr.Categorical("c", "a", "é")
		study.Suggest(tr, "b", space.Choose(true, false))
		study.Suggest(tr, "none", space.Categorical{Choices: []any{1, nil}})
		tr.SetUserAttr("acc", []float64{0.5})
		return -0.25, tr.SetUserAttr("loss", 2.0)
	}, study.Budget{Trials: 1})
	if err != nil {
		t.Fatal(err)
	}
	best, err := st.Best(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	best.Start, best.End = time.Date(2026, 1, 2, 3, 4, 5, 678000, time.UTC), time.Date(2026, 1, 2, 3, 5, 5, 0, time.UTC)
	got, err := json.Marshal(st.Export(best))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"study_name":"ex","direction":"minimize","trial":0,"value":-0.25,"params":{"lr":1.0,"n":3,"c":"\u00e9","b":true,"none":null},` +
		`"user_attrs":{"acc":[0.5],"loss":2.0},"datetime_start":"2026-01-02T03:04:05.000678Z","datetime_complete":"2026-01-02T03:05:05Z"}`
	if string(got) != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
}

func TestCheckpoints(t *testing.T) {
	everyStorage(t, func(t *testing.T, s storage.Storage) {
		for _, keep := range []bool{false, true} {
			name := func(c *study.Config) { c.Name, c.KeepCheckpoints = fmt.Sprint("keep ", keep), keep }
			var from []int // the step from which each run of the trial resumes
			train := func(stop int) study.Objective {
				return func(tr *study.Trial) (float64, error) {
					c, err := tr.Resume()
					if err != nil {
						return 0, err
					}
					step := 0
					if c != nil {
						step = c.Step + 1
						if string(c.Data) != fmt.Sprint("state ", c.Step) {
							t.Errorf("got data %q of step %d", c.Data, c.Step)
						}
					}
					from = append(from, step)
					for ; step < 6; step++ {
						if err := tr.Report(step, float64(10-step)); err != nil {
							return 0, err
						}
						if step == stop {
							return 0, context.Canceled
						}
						if step%2 == 1 {
							if err := tr.Checkpoint(step, fmt.Appendf(nil, "state %d", step)); err != nil {
								return 0, err
							}
						}
					}
					return 1, nil
				}
			}
			for _, stop := range []int{0, 4, 4, 99} {
				ctx, cancel := context.WithCancel(t.Context())
				objective := train(stop)
				err := open(t, s, name).Optimize(ctx, func(tr *study.Trial) (float64, error) {
					v, err := objective(tr)
					if err != nil {
						cancel()
					}
					return v, err
				}, study.Budget{Trials: 1})
				cancel()
				if (err == nil) != (stop == 99) {
					t.Fatal(err)
				}
			}
			if want := []int{0, 0, 4, 4}; !slices.Equal(from, want) {
				t.Errorf("the runs of the trial started at steps %v, want %v", from, want)
			}
			record := trials(t, open(t, s, name))[0]
			if record.State != trial.Complete || !slices.Equal(record.Reports, reports(10, 9, 8, 7, 6, 5)) {
				t.Errorf("got %+v", record)
			}
			stored, _ := s.Load(t.Context(), fmt.Sprint("keep ", keep))
			if _, err := s.Checkpoint(t.Context(), stored.ID, 0); (err == nil) != keep {
				t.Errorf("keep %v: got %v", keep, err)
			}
		}
	})
}
