package study_test

import (
	"bytes"
	"errors"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A sampler or pruner with wrong settings would fail every trial.
func TestWrongSettingsEndOptimizeAtOnce(t *testing.T) {
	two, one := 2.0, 1.0
	for _, c := range []struct {
		want string // the field and its value
		set  func(c *study.Config)
	}{
		{"TPE.StartupTrials is -1", func(c *study.Config) { c.Sampler = &sampler.TPE{StartupTrials: -1} }},
		{"TPE.Candidates is -1", func(c *study.Config) { c.Sampler = &sampler.TPE{Candidates: -1} }},
		{"CMAES.Population is 1", func(c *study.Config) { c.Sampler = &sampler.CMAES{Population: 1} }},
		{"CMAES.StartupTrials is -1", func(c *study.Config) { c.Sampler = &sampler.CMAES{StartupTrials: -1} }},
		{"CMAES.Restart is 9", func(c *study.Config) { c.Sampler = &sampler.CMAES{Restart: 9} }},
		{"GP.StartupTrials is -1", func(c *study.Config) { c.Sampler = &sampler.GP{StartupTrials: -1} }},
		{"Auto.Trials is -1", func(c *study.Config) { c.Sampler = &sampler.Auto{Trials: -1} }},
		{"QMC.Sequence is 9", func(c *study.Config) { c.Sampler = sampler.QMC{Sequence: 9} }},
		{"BruteForce", func(c *study.Config) { c.Sampler = sampler.BruteForce{} }},
		{`Grid.Values has no "x"`, func(c *study.Config) { c.Sampler = sampler.Grid{Values: map[string][]any{"y": {1}}} }},
		{`Grid.Values["x"]`, func(c *study.Config) { c.Sampler = sampler.Grid{Values: map[string][]any{"x": {}}} }},
		{`Grid.Values["x"] has 1 at 0 and 1`, func(c *study.Config) { c.Sampler = sampler.Grid{Values: map[string][]any{"x": {1, 1.0}}} }},
		{`PartialFixed.Values["x"]`, func(c *study.Config) {
			c.Sampler = &sampler.PartialFixed{Sampler: &sampler.TPE{}, Values: map[string]any{"x": 7}}
		}},
		{"Percentile.Percentile is 250", func(c *study.Config) { c.Pruner = pruner.Percentile{Percentile: 250} }},
		{"Median.WarmupSteps is -1", func(c *study.Config) { c.Pruner = pruner.Median{WarmupSteps: -1} }},
		{"SuccessiveHalving.ReductionFactor is 1", func(c *study.Config) { c.Pruner = pruner.SuccessiveHalving{ReductionFactor: 1} }},
		{"Hyperband.ReductionFactor is 1", func(c *study.Config) { c.Pruner = pruner.Hyperband{ReductionFactor: 1} }},
		{"Patient.Patience is -1", func(c *study.Config) { c.Pruner = pruner.Patient{Patience: -1} }},
		{"Threshold.Lower is 2 and Threshold.Upper 1", func(c *study.Config) { c.Pruner = pruner.Threshold{Lower: &two, Upper: &one} }},
		{"Wilcoxon.Threshold is 2", func(c *study.Config) { c.Pruner = pruner.Wilcoxon{Threshold: 2} }},
	} {
		t.Run(c.want, func(t *testing.T) {
			st := open(t, nil, c.set)
			err := st.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
				x := tr.Float("x", 0, 1)
				for step := range 3 {
					if err := tr.Report(step, x); err != nil {
						return 0, err
					}
				}
				return x, nil
			}, study.Budget{Trials: 200, Workers: 3})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("Optimize returns %v, want one line with %q", err, c.want)
			}
			for _, tr := range trials(t, st) {
				if tr.State != trial.Waiting && tr.State != trial.Complete {
					t.Errorf("trial %d is %v, want it in the queue", tr.Number, tr.State)
				}
			}
			if n := len(trials(t, st)); n > 3 {
				t.Errorf("%d trials were begun, want no more than there are workers", n)
			}
		})
	}
}

// A queued trial from an earlier range fails, and does not block the study.
func TestAQueuedTrialOfAnotherRangeFailsAlone(t *testing.T) {
	st := open(t, nil)
	high, broken := 1.0, true
	objective := func(tr *study.Trial) (float64, error) {
		x := tr.Float("x", 0, high)
		if broken {
			tr.Float("y", 2, 1)
		}
		return x, nil
	}
	if err := st.Optimize(t.Context(), objective, study.Budget{Trials: 5}); !errors.Is(err, space.ErrInvalid) {
		t.Fatal(err)
	}
	high, broken = 2, false
	if err := st.Optimize(t.Context(), objective, study.Budget{Trials: 5}); err != nil {
		t.Fatal(err)
	}
	all := trials(t, st)
	if all[0].State != trial.Failed || !strings.Contains(all[0].Failure(), "another distribution in this trial") {
		t.Errorf("trial 0 is %v because of %q", all[0].State, all[0].Failure())
	}
	for _, tr := range all[1:] {
		if tr.State != trial.Complete {
			t.Errorf("trial %d is %v", tr.Number, tr.State)
		}
	}
}

func TestABrokenObjectiveEndsOptimize(t *testing.T) {
	broken := errors.New("no GPU")
	always := func(*study.Trial) (float64, error) { return 0, broken }
	var failed *study.TrialError

	st := open(t, nil)
	if err := st.Optimize(t.Context(), nil, study.Budget{}); err == nil || !strings.Contains(err.Error(), "objective is nil") {
		t.Errorf("without an objective: %v", err)
	}
	if err := st.OptimizeMulti(t.Context(), nil, study.Budget{}); err == nil || !strings.Contains(err.Error(), "objective is nil") {
		t.Errorf("without an objective: %v", err)
	}
	err := st.Optimize(t.Context(), always, study.Budget{}) // no limit: it would never end
	if !errors.Is(err, broken) || !errors.As(err, &failed) || failed.Number != 2 || len(trials(t, st)) != 3 {
		t.Errorf("got %v after %d trials, want the error of trial 2", err, len(trials(t, st)))
	}
	err = st.Optimize(t.Context(), always, study.Budget{Trials: 8, InitialFailures: -1})
	if !errors.Is(err, broken) || !errors.As(err, &failed) || failed.Number != 7 || len(trials(t, st)) != 8 {
		t.Errorf("any number may fail: got %v after %d trials, want the error of trial 7", err, len(trials(t, st)))
	}
	if _, err := st.Best(t.Context()); !errors.Is(err, study.ErrNoBest) || !strings.Contains(err.Error(), "8 failed, trial 7 because: no GPU") {
		t.Errorf("the best of failed trials: %v", err)
	}

	// Once a trial has succeeded, failures do not end the search.
	n := 0
	err = st.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
		if n++; n == 2 {
			return 1, nil
		}
		return 0, broken
	}, study.Budget{Trials: 20})
	if err != nil || len(trials(t, st)) != 20 {
		t.Errorf("one of twelve succeeds: %v after %d trials", err, len(trials(t, st)))
	}
	if _, err := open(t, nil).Best(t.Context()); !errors.Is(err, study.ErrNoBest) || !strings.Contains(err.Error(), "none has finished") {
		t.Errorf("the best of no trial: %v", err)
	}
}

func TestBestOfPanicsIsOneLine(t *testing.T) {
	st := open(t, nil)
	if err := st.Optimize(t.Context(), func(*study.Trial) (float64, error) { panic("no GPU") }, study.Budget{}); err == nil {
		t.Fatal("panics are no error")
	}
	_, err := st.Best(t.Context())
	if !errors.Is(err, study.ErrNoBest) || !strings.HasSuffix(err.Error(), "trial 2 because: panic: no GPU") {
		t.Errorf("the best of trials that panic: %v", err)
	}
}

func TestRetries(t *testing.T) {
	everyStorage(t, func(t *testing.T, s storage.Storage) {
		st := open(t, s)
		tries := map[float64]int{}
		err := st.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
			x := tr.Float("x", 0, 1)
			tries[x]++
			if x > 0.3 && tries[x] < 3 || x > 0.7 {
				return 0, errors.New("out of memory")
			}
			return x, nil
		}, study.Budget{Trials: 60, Retries: 2, InitialFailures: -1})
		if err != nil {
			t.Fatal(err)
		}
		for x, n := range tries {
			want := 1
			if x > 0.3 {
				want = 3
			}
			if n > want {
				t.Errorf("x = %v was tried %d times, want %d", x, n, want)
			}
		}
		all := trials(t, st)
		retried := 0
		for _, tr := range all {
			if text := string(tr.SystemAttrs["retry_history"]); text != "" {
				retried++
				number, err := strconv.Atoi(string(tr.SystemAttrs["failed_trial"]))
				if err != nil {
					t.Fatal(err)
				}
				first := all[number]
				if first.State != trial.Failed || first.Params[0].Value != tr.Params[0].Value {
					t.Errorf("trial %d repeats %s: %+v and %+v differ", tr.Number, text, tr, first)
				}
			}
		}
		if retried == 0 {
			t.Error("no trial was retried")
		}
	})
}

func TestSurprisesAreLogged(t *testing.T) {
	var log bytes.Buffer
	st := open(t, nil, func(c *study.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	if _, err := st.Enqueue(t.Context(), map[string]any{"x": 0.5, "lerning_rate": float32(0.5)}); err != nil {
		t.Fatal(err)
	}
	err := st.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
		x := tr.Float("x", 0, 1)
		for _, step := range [][]int{{0, 1, 2}, {0, 0, 0}, {2, 1, 0}}[tr.Number()] {
			if err := tr.Report(step, x); err != nil {
				return 0, err
			}
		}
		return x, nil
	}, study.Budget{Trials: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"does not suggest", "lerning_rate", "reported twice", "trial=1 step=0", "earlier step", "trial=2 step=1",
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, &log)
		}
	}
	if n := strings.Count(log.String(), "\n"); n != 3 {
		t.Errorf("%d warnings, want 3:\n%s", n, &log)
	}
}

func TestEnqueueOnce(t *testing.T) {
	everyStorage(t, func(t *testing.T, s storage.Storage) {
		st := open(t, s)
		add := func(want int, isNew bool, params map[string]any) {
			t.Helper()
			if n, added, err := st.EnqueueOnce(t.Context(), params); n != want || added != isNew || err != nil {
				t.Errorf("%v: got %d, %v, %v, want %d, %v", params, n, added, err, want, isNew)
			}
		}
		add(0, true, map[string]any{"x": 0.5, "n": 3})
		add(0, false, map[string]any{"n": 3, "x": 0.5})
		add(1, true, map[string]any{"x": 0.5})
		err := st.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
			return tr.Float("x", 0, 1) + float64(tr.Int("n", 1, 9)), nil
		}, study.Budget{Trials: 3})
		if err != nil {
			t.Fatal(err)
		}
		drawn := trials(t, st)[2]
		add(2, false, map[string]any{"x": drawn.Params[0].External(), "n": drawn.Params[1].External()})
		add(0, false, map[string]any{"x": 0.5, "n": int64(3)})
		add(3, true, map[string]any{"x": 0.25, "n": 3})
		if _, _, err := st.EnqueueOnce(t.Context(), map[string]any{"": 1}); err == nil {
			t.Error("a parameter without a name is queued")
		}
	})
}

func TestEnqueueTakesEveryKindOfNumber(t *testing.T) {
	type level int
	st := open(t, nil)
	for _, v := range []any{int8(3), int16(3), int32(3), int64(3), uint(3), uint8(3), uint64(3), float32(3), level(3)} {
		if _, err := st.Enqueue(t.Context(), map[string]any{"n": v}); err != nil {
			t.Fatalf("%T: %v", v, err)
		}
	}
	if err := st.Optimize(t.Context(), func(tr *study.Trial) (float64, error) { return float64(tr.Int("n", 1, 9)), nil }, study.Budget{Trials: 9}); err != nil {
		t.Fatal(err)
	}
	for _, tr := range trials(t, st) {
		if tr.Values[0] != 3 {
			t.Errorf("trial %d has n = %v, want 3", tr.Number, tr.Values[0])
		}
	}
	for _, v := range []any{[]int{1}, struct{}{}, make(chan int), uint64(math.MaxUint64)} {
		if _, err := st.Enqueue(t.Context(), map[string]any{"n": v}); err == nil {
			t.Errorf("%T is queued", v)
		} else if strings.Contains(err.Error(), "pyjson") {
			t.Errorf("%T: %v", v, err)
		}
	}
}

// Appended choices are as good as the first ones, also for a program that opens the study later.
func TestChoicesAreAppendedOnly(t *testing.T) {
	everyStorage(t, func(t *testing.T, s storage.Storage) {
		total := 0
		run := func(choices ...string) error {
			total += 5
			return open(t, s).Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
				return float64(len(tr.Categorical("c", choices...))), nil
			}, study.Budget{Trials: total})
		}
		for _, choices := range [][]string{{"a", "bb"}, {"a", "bb", "ccc"}, {"a", "bb", "ccc", ""}} {
			if err := run(choices...); err != nil {
				t.Fatal(err)
			}
		}
		for _, choices := range [][]string{{"a", "bb"}, {"a", "bb", "ccc"}, {"a", "bb", "", "ccc"}, {"a", "bb", "ccc", "d", "e"}} {
			err := run(choices...)
			if !errors.Is(err, study.ErrConflict) || !strings.Contains(err.Error(), `"ccc", "", with new choices only after these`) {
				t.Errorf("choices %q: %v", choices, err)
			}
		}
		for _, tr := range trials(t, open(t, s))[:15] {
			if tr.State != trial.Complete {
				t.Errorf("trial %d is %v", tr.Number, tr.State)
			}
		}
	})
}

func TestChoicesOfEveryKindOfNumber(t *testing.T) {
	type level uint8
	st := open(t, nil, func(c *study.Config) {
		c.Sampler = sampler.Grid{Values: map[string][]any{"c": {int64(3), float32(0.5), level(7)}, "n": {uint16(2)}}}
	})
	seen := map[any]bool{}
	err := st.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
		seen[study.Suggest(tr, "c", space.Categorical{Choices: []any{int64(3), float32(0.5), level(7)}})] = true
		n := study.Suggest(tr, "n", space.Choose[uint16](1, 2))
		return float64(n), tr.SetUserAttr("loss", float32(math.Inf(1)))
	}, study.Budget{})
	if err != nil || !seen[int64(3)] || !seen[float32(0.5)] || !seen[level(7)] {
		t.Fatalf("%v, seen %v", err, seen)
	}
	for _, tr := range trials(t, st) {
		if tr.Values[0] != 2 || string(tr.UserAttrs["loss"]) != "Infinity" {
			t.Errorf("trial %d: %+v", tr.Number, tr)
		}
		if c, _ := tr.Param("c"); !space.Equal(c.Dist, space.Categorical{Choices: []any{3, 0.5, 7}}) {
			t.Errorf("trial %d has choices %v", tr.Number, c.Dist)
		}
	}
	err = open(t, nil).Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
		study.Suggest(tr, "c", space.Categorical{Choices: []any{1, uint64(math.MaxUint64)}})
		return 0, nil
	}, study.Budget{})
	if !errors.Is(err, space.ErrInvalid) {
		t.Errorf("a number beyond an int: %v", err)
	}
}
