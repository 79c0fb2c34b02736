package study_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
)

var (
	rate   = space.Float{Low: 1e-6, High: 1e-1, Log: true}
	layers = space.Int{Low: 0, High: 12}
	method = space.Choose("full", "lora")
)

// counted counts the writes to the study itself.
type counted struct {
	storage.Storage
	writes int
}

func (c *counted) WriteStudy(ctx context.Context, id int64, u storage.StudyUpdate) error {
	c.writes++
	return c.Storage.WriteStudy(ctx, id, u)
}

// TestBeliefsAreStoredOnceAndSeenByEveryWorker: a worker that suggests domains without beliefs draws
// as the one that has them.
func TestBeliefsAreStoredOnceAndSeenByEveryWorker(t *testing.T) {
	ctx := t.Context()
	storages := map[string]func() (storage.Storage, error){
		"memory": func() (storage.Storage, error) { return &storage.Memory{}, nil },
		"sqlite": func() (storage.Storage, error) {
			return sqlite.Open(ctx, filepath.Join(t.TempDir(), "s.db"), sqlite.Options{})
		},
	}
	for name, open := range storages {
		t.Run(name, func(t *testing.T) {
			inner, err := open()
			if err != nil {
				t.Fatal(err)
			}
			db := &counted{Storage: inner}
			knowing := func(t *study.Trial) (float64, error) {
				x := study.Suggest(t, "lr", rate.Near(2e-5, space.Confident))
				k := study.Suggest(t, "frozen", layers.Near(3, space.Vague))
				m := study.Suggest(t, "method", method.Near("lora", space.Certain))
				return math.Log(x) + float64(k) + float64(len(m)), nil
			}
			blank := func(t *study.Trial) (float64, error) {
				x, k, m := study.Suggest(t, "lr", rate), study.Suggest(t, "frozen", layers), study.Suggest(t, "method", method)
				return math.Log(x) + float64(k) + float64(len(m)), nil
			}
			cfg := study.Config{Name: "s", Storage: db, Sampler: sampler.Random{}, Seed: 1}
			s, err := study.Open(ctx, cfg)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Optimize(ctx, knowing, study.Budget{Trials: 4}); err != nil {
				t.Fatal(err)
			}
			if db.writes == 0 || db.writes > 3 {
				t.Errorf("%d writes to the study, want one for each time that something new was learned", db.writes)
			}
			trials, err := s.Trials(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range map[string]any{"lr": 2e-5, "frozen": 3, "method": "lora"} {
				if p, _ := trials[0].Param(name); p.External() != want {
					t.Errorf("trial 0 has %s = %v, want the center %v", name, p.External(), want)
				}
			}
			before := db.writes
			other, err := study.Open(ctx, cfg) // as another process
			if err != nil {
				t.Fatal(err)
			}
			if err := other.Optimize(ctx, blank, study.Budget{Trials: 8}); err != nil {
				t.Fatal(err)
			}
			if db.writes != before {
				t.Errorf("%d more writes, want none: nothing has changed", db.writes-before)
			}
			ignoring := cfg
			ignoring.IgnoreBeliefs = true
			without, err := study.Open(ctx, ignoring)
			if err != nil {
				t.Fatal(err)
			}
			all, err := other.Trials(ctx)
			if err != nil {
				t.Fatal(err)
			}
			differ := false
			for _, u := range all {
				again, err := s.Replay(ctx, u.Number)
				if err != nil || !reflect.DeepEqual(again, u.Params) {
					t.Errorf("trial %d replays as %v and %v, want %v", u.Number, again, err, u.Params)
				}
				blank, err := without.Replay(ctx, u.Number)
				differ = differ || err == nil && !reflect.DeepEqual(blank, u.Params)
			}
			if !differ {
				t.Error("with IgnoreBeliefs all draws are the same: the beliefs have no effect")
			}
			if c, ok := inner.(interface{ Close() error }); ok {
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestConfigBeliefsComeBeforeStoredOnes and beliefs about another range do not apply.
func TestConfigBeliefsComeBeforeStoredOnes(t *testing.T) {
	ctx, db := t.Context(), &counted{Storage: &storage.Memory{}}
	cfg := study.Config{Name: "s", Storage: db, Sampler: sampler.Random{},
		Space: space.Must(space.New(space.Dim("lr", rate.Near(1e-3, space.Confident)), space.Dim("frozen", layers)))}
	if _, err := study.Open(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	cfg.Space = space.Must(space.New(space.Dim("lr", rate.Near(1e-4, space.Confident)), space.Dim("frozen", layers)))
	s, err := study.Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if db.writes != 2 {
		t.Errorf("%d writes, want 2", db.writes)
	}
	first, err := s.Ask(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if got := first.SuggestAll()["lr"]; got != 1e-4 {
		t.Errorf("trial 0 has lr = %v, want 1e-4", got)
	}
	cfg = study.Config{Name: "s", Storage: db, Sampler: sampler.Random{}}
	if s, err = study.Open(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Replay(ctx, 0); err == nil {
		if again, _ := s.Replay(ctx, 0); len(again) > 0 && again[0].Name == "lr" && again[0].Value != 1e-4 {
			t.Errorf("a program without Config.Space replays %v, want the stored belief", again)
		}
	}
}

// TestBadBeliefsAreOneClearError: it names the parameter, the field, the value and what is allowed.
func TestBadBeliefsAreOneClearError(t *testing.T) {
	ctx := t.Context()
	nan := math.NaN()
	for _, test := range []struct {
		dist   space.Dist
		belief space.Belief
		want   string
	}{
		{rate, space.Belief{Center: 1, Spread: 0.1}, `center is 1, want a float in [1e-06, 0.1] on a log scale`},
		{rate, space.Belief{Center: nan, Spread: 0.1}, `center is NaN, want a float in`},
		{rate, space.Belief{Center: 1e-3}, `spread is 0, want a finite number above 0`},
		{rate, space.Belief{Center: 1e-3, Spread: -1}, `spread is -1, want a finite number above 0`},
		{rate, space.Belief{Center: 1e-3, Spread: nan}, `spread is NaN, want`},
		{rate, space.Belief{Center: 1e-3, Spread: math.Inf(1)}, `spread is +Inf, want`},
		{rate, space.Belief{Center: 1e-3, Spread: 1, Weights: []float64{1}}, `it has 1 weights, want none`},
		{layers, space.Belief{Center: 2.5, Spread: 0.1}, `center is 2.5, want an int in [0, 12]`},
		{method.Dist(), space.Belief{}, `it has 0 weights, want 2: one for each choice`},
		{method.Dist(), space.Belief{Weights: []float64{1, 2, 3}}, `it has 3 weights, want 2`},
		{method.Dist(), space.Belief{Weights: []float64{1, -1}}, `weight 1 is -1, want a finite number of at least 0`},
		{method.Dist(), space.Belief{Weights: []float64{nan, 1}}, `weight 0 is NaN, want`},
		{method.Dist(), space.Belief{Weights: []float64{0, 0}}, `all weights are 0, want at least one above it`},
		{method.Dist(), space.Belief{Weights: []float64{1, 1}, Spread: 0.1}, `spread is 0.1, want 0: choices have weights`},
	} {
		_, err := study.Open(ctx, study.Config{Space: space.Space{{Name: "p", Dist: test.dist, Belief: &test.belief}}})
		want := `parameter "p": belief: invalid: ` + test.want
		if err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, space.ErrInvalid) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: got %v, want one line with %s", test.belief, err, want)
		}
	}
	for want, suggest := range map[string]func(*study.Trial){
		`suggest "lr": belief: invalid: center is 1, want a float in`: func(t *study.Trial) {
			study.Suggest(t, "lr", rate.Near(1, space.Vague))
		},
		`suggest "m": belief: invalid: center is "adapter", want one of "full", "lora"`: func(t *study.Trial) {
			study.Suggest(t, "m", method.Near("adapter", space.Vague))
		},
		`suggest "m": belief: invalid: confidence is 0, want a finite number above 0`: func(t *study.Trial) {
			study.Suggest(t, "m", method.Near("lora", 0))
		},
		`suggest "x": invalid: low is 2, want at most high, which is 1`: func(t *study.Trial) {
			study.Suggest(t, "x", space.Float{Low: 2, High: 1}.Near(1, 1))
		},
	} {
		s, err := study.Open(ctx, study.Config{})
		if err != nil {
			t.Fatal(err)
		}
		err = s.Optimize(ctx, func(t *study.Trial) (float64, error) { suggest(t); return 0, nil }, study.Budget{Trials: 1})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestMisleadingBeliefsAreLoggedOnce.
func TestMisleadingBeliefsAreLoggedOnce(t *testing.T) {
	var text bytes.Buffer
	s, err := study.Open(t.Context(), study.Config{Logger: slog.New(slog.NewTextHandler(&text, nil)), Sampler: sampler.Random{}})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Optimize(t.Context(), func(t *study.Trial) (float64, error) {
		return study.Suggest(t, "x", space.Float{Low: 0, High: 1}.Near(0.9, space.Confident)), nil
	}, study.Budget{Trials: 20})
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(text.String(), "samplers ignore the beliefs"); n != 1 {
		t.Errorf("%d lines about it, want 1:\n%s", n, &text)
	}
}

// Example_beliefs: the first trial has the believed values, and the next ones are near them.
func Example_beliefs() {
	ctx := context.Background()
	s, err := study.Open(ctx, study.Config{Space: space.Must(space.New(
		space.Dim("learning_rate", space.Float{Low: 1e-6, High: 1e-1, Log: true}.Near(2e-5, space.Confident)),
		space.Dim("method", space.Choose("full", "lora").Near("lora", space.Vague)),
	))})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = s.Optimize(ctx, func(t *study.Trial) (float64, error) {
		values := t.SuggestAll()
		if t.Number() == 0 {
			fmt.Println(values)
		}
		return math.Abs(math.Log(values["learning_rate"].(float64) / 3e-5)), nil
	}, study.Budget{Trials: 20})
	fmt.Println(err)
	// Output:
	// map[learning_rate:2e-05 method:lora]
	// <nil>
}
