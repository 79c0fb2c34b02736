package study_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

func TestAnObjectiveMayStopTheSearchOfAllWorkers(t *testing.T) {
	for _, workers := range []int{1, 4} {
		s := open(t, &storage.Memory{})
		var started sync.WaitGroup // all workers run a trial when the search is stopped
		started.Add(workers)
		var stopped atomic.Bool
		err := s.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
			if stopped.Load() {
				t.Errorf("%d workers: trial %d starts after the stop", workers, tr.Number())
				return 0, nil
			}
			started.Done()
			started.Wait()
			s.Stop()
			stopped.Store(true)
			return 1, tr.Context().Err() // nil: Stop does not cancel trials
		}, study.Budget{Trials: 100, Workers: workers})
		all := trials(t, s)
		if err != nil || len(all) != workers {
			t.Errorf("%d workers: %v and %d trials, want one of each worker", workers, err, len(all))
		}
		for _, tr := range all {
			if tr.State != trial.Complete {
				t.Errorf("%d workers: trial %d is %v, want %v", workers, tr.Number, tr.State, trial.Complete)
			}
		}
	}
}

func TestAStopIsOnlyForRunningCalls(t *testing.T) {
	s := open(t, &storage.Memory{})
	s.Stop()
	if err := s.Optimize(t.Context(), sphere, study.Budget{Trials: 3}); err != nil || len(trials(t, s)) != 3 {
		t.Errorf("got %v and %d trials, want 3", err, len(trials(t, s)))
	}
}

func TestHooksRunOneAtATimeAndEachStartComesFirst(t *testing.T) {
	var running atomic.Int32
	state := map[int]trial.State{} // guarded by the order of the hooks
	alone := func(f func()) {
		if running.Add(1) != 1 {
			t.Error("two hooks run at the same time")
		}
		f()
		running.Add(-1)
	}
	var s *study.Study
	s = open(t, &storage.Memory{}, func(c *study.Config) {
		c.OnTrialStart = func(tr *trial.Trial) {
			alone(func() {
				if _, ok := state[tr.Number]; ok {
					t.Errorf("trial %d starts twice", tr.Number)
				}
				state[tr.Number] = tr.State
			})
		}
		c.OnReport = func(tr *trial.Trial, _ trial.Report) {
			alone(func() {
				if got, ok := state[tr.Number]; !ok || got != trial.Running {
					t.Errorf("trial %d reports and is %v, started %v", tr.Number, got, ok)
				}
			})
		}
		c.OnTrialEnd = func(tr *trial.Trial) {
			alone(func() {
				if got, ok := state[tr.Number]; !ok || got != trial.Running {
					t.Errorf("trial %d ends and is %v, started %v", tr.Number, got, ok)
				}
				state[tr.Number] = tr.State
				// A hook may use the study.
				best, err := s.Best(t.Context())
				if err != nil || best.Values[0] > tr.Values[0] {
					t.Errorf("the best trial is %v with %v, want one as good as %v", best, err, tr.Values)
				}
				if tr.Number == 0 {
					if _, err := s.Enqueue(t.Context(), map[string]any{"x": 0.0}); err != nil {
						t.Error(err)
					}
				}
			})
		}
	})
	err := s.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
		x := tr.Float("x", -1, 1)
		return x * x, tr.Report(0, x)
	}, study.Budget{Trials: 40, Workers: 4})
	if err != nil {
		t.Fatal(err)
	}
	if len(state) != 40 || slices.Contains(slices.Collect(maps.Values(state)), trial.Running) {
		t.Errorf("the hooks saw %v", state)
	}
}

func TestAHookThatPanicsBlocksNothing(t *testing.T) {
	var panics atomic.Bool
	s := open(t, &storage.Memory{}, func(c *study.Config) {
		c.OnReport = func(*trial.Trial, trial.Report) {
			if panics.Load() {
				panic("in OnReport")
			}
		}
		c.OnTrialEnd = func(*trial.Trial) {
			if panics.Load() {
				panic("in OnTrialEnd")
			}
		}
	})
	// Report is called by the objective, whose panics fail the trial.
	report := func(tr *study.Trial) (float64, error) {
		panics.Store(true)
		defer panics.Store(false)
		return 0, tr.Report(0, 1)
	}
	if err := s.Optimize(t.Context(), report, study.Budget{Trials: 1}); err == nil || !strings.Contains(err.Error(), "panic: in OnReport") {
		t.Errorf("a panic in OnReport: got %v", err)
	}
	// Elsewhere a panic goes to the caller; the trial is saved.
	tr, err := s.Ask(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	func() {
		panics.Store(true)
		defer panics.Store(false)
		defer func() {
			if p := recover(); p != "in OnTrialEnd" {
				t.Errorf("Tell: recovered %v", p)
			}
		}()
		s.Tell(t.Context(), tr, 1)
	}()
	if err := s.Optimize(t.Context(), sphere, study.Budget{Trials: 5}); err != nil {
		t.Fatal(err)
	}
	if all := trials(t, s); len(all) != 5 || all[1].State != trial.Complete || all[1].Values[0] != 1 {
		t.Errorf("got %d trials, the second %+v", len(all), all[1])
	}
}

func TestMinimizeObeysItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	_, err := study.Minimize(ctx, func(tr *study.Trial) (float64, error) {
		if calls++; calls == 3 {
			cancel()
		}
		return 0, tr.Context().Err()
	}, 10)
	if !errors.Is(err, context.Canceled) || calls != 3 {
		t.Errorf("cancelled by the third trial: got %v after %d", err, calls)
	}
	if best, err := study.Minimize(ctx, sphere, 10); !errors.Is(err, context.Canceled) || best != nil {
		t.Errorf("a cancelled context: got %v and %v", best, err)
	}
}

func TestATargetEndsTheSearchOfAllWorkers(t *testing.T) {
	s := open(t, &storage.Memory{}, func(c *study.Config) { c.Directions = []trial.Direction{trial.Maximize} })
	err := s.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
		return float64(tr.Number()), nil
	}, study.Budget{Trials: 1000, Workers: 4, Target: new(20.0)})
	best, bestErr := s.Best(t.Context())
	if err != nil || bestErr != nil || best.Values[0] < 20 {
		t.Fatalf("got %v, best %v, %v", err, best, bestErr)
	}
	// When the target is reached, each of the others may have started another trial.
	if n := len(trials(t, s)); n > 21+2*4 {
		t.Errorf("got %d trials, want few after the 21st", n)
	}
}

func TestALoadedStudyDeclaresItsSpaceToo(t *testing.T) {
	var memory storage.Memory
	open(t, &memory)
	sp := space.Space{{Name: "n", Dist: space.Int{Low: 3, High: 3}}, {Name: "c", Dist: space.Categorical{Choices: []any{"a"}}}}
	s, err := study.Load(t.Context(), study.Config{Name: "test", Storage: &memory, Space: sp})
	if err != nil {
		t.Fatal(err)
	}
	tr, err := s.Ask(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if all := tr.SuggestAll(); !maps.Equal(all, map[string]any{"n": 3, "c": "a"}) || tr.Err() != nil {
		t.Errorf("got %v and %v", all, tr.Err())
	}
	if all := tr.SuggestAll(); len(all) != 2 || tr.Err() != nil {
		t.Errorf("again: got %v and %v", all, tr.Err())
	}
	if sp[0].Name != "n" {
		t.Error("Load changes the caller's space")
	}
	sp[1].Dist = space.Categorical{}
	_, err = study.Load(t.Context(), study.Config{Name: "test", Storage: &memory, Space: sp})
	if !errors.Is(err, space.ErrInvalid) {
		t.Errorf("no choices: got %v", err)
	}
}

func TestAFixedTrialTakesAllThatAnObjectiveSaves(t *testing.T) {
	tr := study.Fixed(map[string]any{"x": 0.5})
	if c, err := tr.Resume(); c != nil || err != nil {
		t.Errorf("a new trial resumes from %v, %v", c, err)
	}
	if err := errors.Join(tr.Checkpoint(2, []byte("state")), tr.SetUserAttr("note", "good"), tr.Constrain("size", -1), tr.Report(3, 1)); err != nil {
		t.Fatal(err)
	}
	if c, err := tr.Resume(); err != nil || c == nil || c.Step != 2 || !bytes.Equal(c.Data, []byte("state")) {
		t.Errorf("after a checkpoint: got %v, %v", c, err)
	}
	if tr.Number() != 0 || tr.Context().Err() != nil || tr.Err() != nil {
		t.Errorf("trial %d has %v and %v", tr.Number(), tr.Context().Err(), tr.Err())
	}
	if all := tr.SuggestAll(); len(all) != 1 || all["x"] != 0.5 {
		t.Errorf("all parameters are fixed: got %v", all)
	}
}

func TestSuggestAllNeedsADeclaredSpace(t *testing.T) {
	s, err := study.Open(t.Context(), study.Config{})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Optimize(t.Context(), func(tr *study.Trial) (float64, error) { tr.SuggestAll(); return 0, nil }, study.Budget{Trials: 2})
	if err == nil || !strings.Contains(err.Error(), "SuggestAll: Config.Space is nil") {
		t.Errorf("got %v", err)
	}
}

func TestAPanicIsReportedWithTheFramesOfTheObjective(t *testing.T) {
	tr, err := study.Minimize(t.Context(), func(tr *study.Trial) (float64, error) {
		if tr.Number() == 0 {
			panic("at the start")
		}
		return 0, nil
	}, 2)
	if err != nil || tr.Number != 1 {
		t.Fatal(tr, err)
	}
	_, err = study.Minimize(t.Context(), func(*study.Trial) (float64, error) { panic("always") }, 2)
	if err == nil || !strings.Contains(err.Error(), "panic: always\n\n") || !strings.Contains(err.Error(), "pitfalls_test.go") {
		t.Fatalf("got %v", err)
	}
	for _, frame := range []string{"debug.Stack", "study.call(", "Optimize", "goroutine"} {
		if strings.Contains(err.Error(), frame) {
			t.Errorf("the stack has a frame of the engine, %s: %v", frame, err)
		}
	}
}

func TestTellErrorNeedsAnError(t *testing.T) {
	s := open(t, &storage.Memory{})
	tr, err := s.Ask(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.TellError(t.Context(), tr, nil); err == nil || err.Error() != "tell: trial 0: the error is nil" {
		t.Errorf("got %v", err)
	}
	if record, err := s.Tell(t.Context(), tr, 1); err != nil || record.State != trial.Complete {
		t.Errorf("Tell after it: got %v", err)
	}
}
