package study_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// everyStorage runs a test on each storage.
func everyStorage(t *testing.T, test func(*testing.T, storage.Storage)) {
	t.Run("Memory", func(t *testing.T) { test(t, &storage.Memory{}) })
	t.Run("SQLite", func(t *testing.T) {
		db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "study.db"), sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		test(t, db)
	})
}

// open opens a study called "test" with random search.
func open(t testing.TB, s storage.Storage, change ...func(*study.Config)) *study.Study {
	t.Helper()
	cfg := study.Config{Name: "test", Storage: s, Sampler: sampler.Random{}, Seed: 1, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))}
	for _, f := range change {
		f(&cfg)
	}
	st, err := study.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func trials(t testing.TB, s *study.Study) []*trial.Trial {
	t.Helper()
	all, err := s.Trials(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// sphere has its minimum 0 at x = 0.3, k = 4, c = "b".
func sphere(t *study.Trial) (float64, error) {
	x := t.Float("x", -1, 1)
	k := t.Int("k", 0, 9)
	v := (x-0.3)*(x-0.3) + float64((k-4)*(k-4))
	if t.Categorical("c", "a", "b", "c") != "b" {
		v++
	}
	return v, nil
}

func TestOpenAndLoad(t *testing.T) {
	everyStorage(t, func(t *testing.T, s storage.Storage) {
		ctx := t.Context()
		cfg := study.Config{Name: "test", Storage: s}
		if _, err := study.Load(ctx, cfg); !errors.Is(err, storage.ErrNotExist) {
			t.Errorf("Load of no study: got %v", err)
		}
		if all, _ := s.Studies(ctx); len(all) != 0 {
			t.Error("Load created a study")
		}
		first, err := study.Open(ctx, cfg)
		if err != nil || !slices.Equal(first.Directions(), []trial.Direction{trial.Minimize}) {
			t.Fatalf("the default is to minimize: got %v, %v", first, err)
		}
		cfg.Directions = []trial.Direction{trial.Maximize}
		if _, err := study.Open(ctx, cfg); err == nil || !strings.Contains(err.Error(), "minimize") {
			t.Errorf("other directions are an error that names the stored ones: got %v", err)
		}
		if _, err := study.Open(ctx, study.Config{Storage: s}); !errors.Is(err, storage.ErrInvalid) {
			t.Errorf("a study in a storage needs a name: got %v", err)
		}
		cfg.Name, cfg.Directions = "two", []trial.Direction{trial.Maximize, trial.Minimize}
		if _, err := study.Open(ctx, cfg); err != nil {
			t.Fatal(err)
		}
		cfg.Directions = nil
		if again, err := study.Open(ctx, cfg); err != nil || len(again.Directions()) != 2 {
			t.Errorf("no directions means those that are stored: got %v, %v", again, err)
		}
	})
}

func TestOptimizeKeepsTheBudgetExactly(t *testing.T) {
	everyStorage(t, func(t *testing.T, s storage.Storage) {
		ended := 0
		st := open(t, s, func(c *study.Config) { c.OnTrialEnd = func(*trial.Trial) { ended++ } })
		for _, b := range []study.Budget{{Trials: 5}, {Trials: 40, Workers: 8}, {Trials: 40, Workers: 8}, {Trials: 3}} {
			if err := st.Optimize(t.Context(), sphere, b); err != nil {
				t.Fatal(err)
			}
		}
		all := trials(t, st)
		if len(all) != 40 || ended != 40 {
			t.Fatalf("got %d trials and %d calls of Ended, want 40", len(all), ended)
		}
		for i, tr := range all {
			if tr.Number != i || tr.State != trial.Complete || len(tr.Params) != 3 {
				t.Errorf("trial %d: got %+v", i, tr)
			}
		}
		best, err := st.Best(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, tr := range all {
			if tr.Values[0] < best.Values[0] {
				t.Errorf("trial %d is better than the best", tr.Number)
			}
		}
		if err := st.Optimize(t.Context(), sphere, study.Budget{Trials: -1}); err == nil {
			t.Error("a negative budget is an error")
		}
	})
}

func TestTheNumberOfWorkersDoesNotChangeRandomSearch(t *testing.T) {
	points := func(workers int) (all []string) {
		st := open(t, &storage.Memory{})
		if err := st.Optimize(t.Context(), sphere, study.Budget{Trials: 50, Workers: workers}); err != nil {
			t.Fatal(err)
		}
		for _, tr := range trials(t, st) {
			all = append(all, fmt.Sprint(tr.Params, tr.Values))
		}
		return all
	}
	one := points(1)
	if !slices.Equal(one, points(8)) {
		t.Error("eight workers drew other points than one")
	}
	if unique := slices.Compact(slices.Sorted(slices.Values(one))); len(unique) != 50 {
		t.Errorf("only %d of 50 points differ", len(unique))
	}
}

func TestTheSameSeedGivesTheSameStudy(t *testing.T) {
	for name, s := range map[string]sampler.Sampler{"TPE": &sampler.TPE{}, "CMAES": &sampler.CMAES{}, "Random": sampler.Random{}} {
		points := func(seed uint64, parts ...int) string {
			file := filepath.Join(t.TempDir(), "study.db")
			var all []*trial.Trial
			for _, trials := range parts { // each part reopens the file
				db, err := sqlite.Open(t.Context(), file, sqlite.Options{})
				if err != nil {
					t.Fatal(err)
				}
				st := open(t, db, func(c *study.Config) { c.Sampler, c.Seed = s, seed })
				if err := st.Optimize(t.Context(), sphere, study.Budget{Trials: trials}); err != nil {
					t.Fatal(err)
				}
				all, _ = st.Trials(t.Context())
				db.Close()
			}
			text := ""
			for _, tr := range all {
				text += fmt.Sprintln(tr.Number, tr.Params, tr.Values)
			}
			return text
		}
		once := points(5, 30)
		if once != points(5, 30) {
			t.Errorf("%s: two runs with one seed differ", name)
		}
		if once != points(5, 7, 19, 30) {
			t.Errorf("%s: a run that was resumed twice differs", name)
		}
		if once == points(6, 30) {
			t.Errorf("%s: another seed gives the same", name)
		}
	}
}

func TestSuggestErrorsEndOptimizeAndAreKept(t *testing.T) {
	nan := math.NaN()
	for name, test := range map[string]struct {
		suggest func(*study.Trial)
		want    string
		is      error
	}{
		"low above high":       {func(t *study.Trial) { t.Float("x", 2, 1) }, `suggest "x": invalid: low is 2, want at most high, which is 1`, space.ErrInvalid},
		"NaN":                  {func(t *study.Trial) { t.Float("x", nan, 1) }, "low is NaN", space.ErrInvalid},
		"infinite":             {func(t *study.Trial) { t.Float("x", 0, math.Inf(1)) }, "high is +Inf", space.ErrInvalid},
		"log of 0":             {func(t *study.Trial) { t.LogFloat("x", 0, 1) }, "low is 0, want above 0", space.ErrInvalid},
		"log int of 0":         {func(t *study.Trial) { t.LogInt("x", 0, 1) }, "low is 0, want at least 1", space.ErrInvalid},
		"no choice":            {func(t *study.Trial) { t.Categorical("x") }, "choices are empty", space.ErrInvalid},
		"no name":              {func(t *study.Trial) { t.Float("", 0, 1) }, "the parameter name is empty", storage.ErrInvalid},
		"another distribution": {func(t *study.Trial) { t.Float("x", 0, 1); t.Float("x", 0, 2) }, "it is a float in [0, 2], want a float in [0, 1]", study.ErrConflict},
		"another kind":         {func(t *study.Trial) { t.Float("x", 0, 1); t.Int("x", 0, 1) }, "", study.ErrConflict},
		"other choices":        {func(t *study.Trial) { t.Categorical("x", "a"); t.Categorical("x", "a", "b") }, "", study.ErrConflict},
	} {
		t.Run(name, func(t *testing.T) {
			st := open(t, nil)
			var kept error
			err := st.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
				test.suggest(tr)
				kept = tr.Err()
				tr.Float("other", 2, 1) // a later error does not replace the first
				if v := tr.Float("later", 3, 4); v < 3 || v > 4 {
					t.Errorf("a suggestion after the error is out of its range: %v", v)
				}
				if cause := context.Cause(tr.Context()); cause != kept {
					t.Errorf("the context ends with the error: got %v", cause)
				}
				return 1, nil
			}, study.Budget{Trials: 20})
			if !errors.Is(kept, test.is) || !strings.Contains(kept.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", kept, test.want)
			}
			if err == nil || err.Error() != "trial 0: "+kept.Error() {
				t.Errorf("Optimize returns %v, want %v", err, kept)
			}
			if all := trials(t, st); len(all) != 1 || all[0].State != trial.Waiting {
				t.Errorf("got %v, want one trial in the queue", all)
			}
		})
	}
}

func TestSuggestGivesOneValuePerName(t *testing.T) {
	st := open(t, nil)
	type optimizer string
	err := st.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
		x := tr.Float("x", 0, 1)
		opt := study.Suggest(tr, "optimizer", space.Choose[optimizer]("sgd", "adam"))
		batch := study.Suggest(tr, "batch_size", space.Choose(16, 32))
		step := study.Suggest(tr, "momentum", space.Float{Low: 0, High: 0.9, Step: 0.1})
		one := tr.LogFloat("one", 2, 2)
		if x != tr.Float("x", 0, 1) {
			t.Error("the second suggestion differs")
		}
		want := map[string]any{"x": x, "optimizer": string(opt), "batch_size": batch, "momentum": step, "one": 2.0}
		if got := tr.Params(); !reflect.DeepEqual(got, want) || one != 2 {
			t.Errorf("got parameters %v, want %v", got, want)
		}
		return x, nil
	}, study.Budget{Trials: 20})
	if err != nil {
		t.Fatal(err)
	}
	best, err := st.Best(t.Context())
	if err != nil || best.State != trial.Complete {
		t.Fatal(best, err)
	}
	// Between trials, a numeric range may change and choices may be appended. Other changes end
	// Optimize, and the trial waits for a corrected program.
	run := func(f study.Objective) error {
		n := len(trials(t, st))
		return st.Optimize(t.Context(), f, study.Budget{Trials: n + 1})
	}
	if err := run(func(t *study.Trial) (float64, error) { return t.Float("x", 5, 6), nil }); err != nil {
		t.Errorf("another range: %v", err)
	}
	if err := run(func(t *study.Trial) (float64, error) {
		t.Categorical("optimizer", "sgd", "adam", "lion")
		return 1, nil
	}); err != nil {
		t.Errorf("one more choice: %v", err)
	}
	for name, f := range map[string]func(t *study.Trial){
		"another scale":            func(t *study.Trial) { t.LogFloat("x", 1, 2) },
		"one choice less":          func(t *study.Trial) { t.Categorical("optimizer", "sgd") },
		"the choices of before":    func(t *study.Trial) { t.Categorical("optimizer", "sgd", "adam") },
		"choices in another order": func(t *study.Trial) { t.Categorical("optimizer", "adam", "sgd", "lion") },
	} {
		err := run(func(t *study.Trial) (float64, error) { f(t); return 0, nil })
		if !errors.Is(err, study.ErrConflict) || !strings.Contains(err.Error(), "in an earlier trial") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if all := trials(t, st); all[len(all)-1].State != trial.Waiting || all[len(all)-2].State != trial.Complete {
		t.Errorf("got %v, want one trial in the queue", all[20:])
	}
}

func TestFailures(t *testing.T) {
	everyStorage(t, func(t *testing.T, s storage.Storage) {
		broken := errors.New("no GPU")
		st := open(t, s)
		objective := func(t *study.Trial) (float64, error) {
			switch t.Number() {
			case 1:
				return 0, fmt.Errorf("epoch 3: %w", broken)
			case 2:
				return math.NaN(), nil
			case 3:
				panic("index out of range")
			case 4:
				return math.Inf(1), nil
			}
			return 1, nil
		}
		if err := st.Optimize(t.Context(), objective, study.Budget{Trials: 6}); err != nil {
			t.Fatalf("failures are no error without a limit: %v", err)
		}
		want := []struct {
			state  trial.State
			reason string
		}{{trial.Complete, ""}, {trial.Failed, "epoch 3: no GPU"}, {trial.Failed, "the value is NaN, want a number"}, {trial.Failed, "panic: index out of range"}, {trial.Complete, ""}, {trial.Complete, ""}}
		for i, tr := range trials(t, st) {
			if reason, _, _ := strings.Cut(tr.Failure(), "\n\n"); tr.State != want[i].state || reason != want[i].reason {
				t.Errorf("trial %d: got %v, %q, want %v", i, tr.State, tr.Failure(), want[i])
			}
		}
		err := st.Optimize(t.Context(), func(*study.Trial) (float64, error) { return 0, broken }, study.Budget{Trials: 100, Failures: 2})
		var te *study.TrialError
		if !errors.As(err, &te) || te.Number != 8 || !errors.Is(err, broken) {
			t.Errorf("the third failure ends the call with its error: got %v", err)
		}
		if n := len(trials(t, st)); n != 9 {
			t.Errorf("got %d trials, want 9", n)
		}
	})
}

func TestEnqueue(t *testing.T) {
	everyStorage(t, func(t *testing.T, s storage.Storage) {
		st := open(t, s)
		for want := range 2 {
			did, err := st.EnqueueFirst(t.Context(), map[string]any{"x": 0.5, "c": "b"})
			if err != nil || did != (want == 0) {
				t.Errorf("EnqueueFirst queues once: got %v, %v", did, err)
			}
		}
		for _, params := range []map[string]any{{"x": 7.0}, {"c": "z"}, {"k": 2.5}, {"unknown": nil, "k": 3.0}} {
			if _, err := st.Enqueue(t.Context(), params); err != nil {
				t.Fatal(err)
			}
		}
		for _, params := range []map[string]any{{"": 1}, {"x": struct{}{}}} {
			if _, err := st.Enqueue(t.Context(), params); err == nil {
				t.Errorf("Enqueue(%v) returns no error", params)
			}
		}
		if err := st.Optimize(t.Context(), sphere, study.Budget{Trials: 6}); err != nil {
			t.Fatal(err)
		}
		all := trials(t, st)
		if x, _ := all[0].Param("x"); x.Value != 0.5 {
			t.Errorf("the queued value is used: got %v", x)
		}
		if c, _ := all[0].Param("c"); c.External() != "b" {
			t.Errorf("the queued choice is used: got %v", c.External())
		}
		for i, want := range []string{1: "value is 7, want a float in [-1, 1]", 2: `value is "z", want one of "a", "b", "c"`, 3: "value is 2.5, want an int in [0, 9]"} {
			if got := all[i].Failure(); !strings.Contains(got, want) {
				t.Errorf("trial %d: got %q, want %q", i, got, want)
			}
		}
		if k, _ := all[4].Param("k"); k.External() != 3 || len(all[4].Params) != 3 {
			t.Errorf("a queued name that nobody suggests is ignored: got %v", all[4].Params)
		}
	})
}

func TestConstraintsAttributesAndSeveralObjectives(t *testing.T) {
	everyStorage(t, func(t *testing.T, s storage.Storage) {
		st := open(t, s)
		if _, err := st.Best(t.Context()); !errors.Is(err, study.ErrNoBest) {
			t.Errorf("Best of no trial: got %v", err)
		}
		err := st.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
			return float64(tr.Number()), errors.Join(tr.Constrain("memory", float64(1-tr.Number())), tr.Constrain("memory", -9),
				tr.SetUserAttr("first", "x"), tr.SetUserAttr("loss", math.Inf(1)), tr.SetUserAttr("first", []int{1}))
		}, study.Budget{Trials: 3})
		if err != nil {
			t.Fatal(err)
		}
		best, err := st.Best(t.Context())
		if err != nil || best.Number != 1 || best.Constraints["memory"] != 0 {
			t.Errorf("the best is feasible and a constraint keeps its first value: got %+v, %v", best, err)
		}
		if got := fmt.Sprintf("%s %s", best.UserAttrs["first"], best.UserAttrs["loss"]); got != "[1] Infinity" {
			t.Errorf("got attributes %s", got)
		}
		st.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
			if tr.Constrain("c", math.NaN()) == nil || tr.SetUserAttr("", 1) == nil || tr.SetUserAttr("f", func() {}) == nil || tr.Report(-1, 0) == nil {
				t.Error("bad input returns no error")
			}
			want := `attribute "l" contains NaN, want finite numbers inside lists and objects`
			if err := tr.SetUserAttr("l", []float64{math.NaN()}); err == nil || err.Error() != want {
				t.Errorf("a list with NaN: got %v, want %s", err, want)
			}
			return 9, nil
		}, study.Budget{Trials: 4})

		multi := open(t, s, func(c *study.Config) {
			c.Name, c.Directions = "multi", []trial.Direction{trial.Minimize, trial.Maximize}
		})
		values := [][]float64{{1, 1}, {2, 2}, {2, 1}, {0, 0}, {3}}
		err = multi.OptimizeMulti(t.Context(), func(tr *study.Trial) ([]float64, error) {
			if tr.Report(0, 1) == nil {
				t.Error("Report with two objectives returns no error")
			}
			return values[tr.Number()], nil
		}, study.Budget{Trials: 5})
		if err != nil {
			t.Fatal(err)
		}
		front, err := multi.BestTrials(t.Context())
		if err != nil || len(front) != 3 || front[0].Number != 0 || front[1].Number != 1 || front[2].Number != 3 {
			t.Errorf("got front %v, %v", front, err)
		}
		if tr := trials(t, multi)[4]; tr.State != trial.Failed || !strings.Contains(tr.Failure(), "1 values, want 2") {
			t.Errorf("got %v, %q", tr.State, tr.Failure())
		}
		if _, err := multi.Best(t.Context()); err == nil {
			t.Error("Best with two objectives returns no error")
		}
	})
}

func TestATrialCostsTwoWrites(t *testing.T) {
	counted := &counting{Storage: &storage.Memory{}}
	st := open(t, counted)
	if err := st.Optimize(t.Context(), sphere, study.Budget{Trials: 20}); err != nil {
		t.Fatal(err)
	}
	counted.mu.Lock()
	defer counted.mu.Unlock()
	if counted.begun != 21 || counted.writes != 20 { // the 21st Begin meets the budget
		t.Errorf("20 trials: got %d calls of Begin and %d of Write, want 21 and 20", counted.begun, counted.writes)
	}
}

type counting struct {
	storage.Storage
	mu            sync.Mutex
	begun, writes int
}

func (c *counting) Begin(ctx context.Context, id int64, claim storage.Claim) (*trial.Trial, error) {
	c.mu.Lock()
	c.begun++
	c.mu.Unlock()
	return c.Storage.Begin(ctx, id, claim)
}

func (c *counting) Write(ctx context.Context, id int64, number int, u storage.Update) error {
	c.mu.Lock()
	c.writes++
	c.mu.Unlock()
	return c.Storage.Write(ctx, id, number, u)
}
