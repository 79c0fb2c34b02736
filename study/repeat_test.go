package study_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// lucky is x, but in trial 2 it is 0 by luck, and a repetition is x + its number / 10.
func lucky(t *study.Trial) (float64, error) {
	x := t.Float("x", 1, 2)
	for step := range 3 {
		if err := t.Report(step, 100); err != nil {
			return 0, err
		}
	}
	if t.Number() == 2 {
		return 0, nil
	}
	return x + float64(t.Repetition())/10, nil
}

func TestTheLuckiestTrialLosesWhenTheBestAreRepeated(t *testing.T) {
	for _, d := range []trial.Direction{trial.Minimize, trial.Maximize} {
		db := &storage.Memory{}
		f := func(tr *study.Trial) (float64, error) {
			v, err := lucky(tr)
			if d == trial.Maximize {
				v = -v
			}
			return v, err
		}
		s, err := study.Open(t.Context(), study.Config{Name: "s", Storage: db, Directions: []trial.Direction{d},
			Sampler: sampler.Random{}})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Optimize(t.Context(), f, study.Budget{Trials: 8}); err != nil {
			t.Fatal(err)
		}
		if best, err := s.Best(t.Context()); err != nil || best.Number != 2 {
			t.Fatalf("before: got %v, %v, want trial 2", best, err)
		}
		// A pruner that would stop everything must not stop a repetition.
		s, err = study.Open(t.Context(), study.Config{Name: "s", Storage: db, Sampler: sampler.Random{},
			Directions: []trial.Direction{d}, Pruner: pruner.Threshold{Upper: new(50.0)}})
		if err != nil {
			t.Fatal(err)
		}
		// Interrupted after four repetitions, it continues.
		ctx, cancel := context.WithCancelCause(t.Context())
		stop := errors.New("enough for now")
		runs := 0
		err = s.Repeat(ctx, func(tr *study.Trial) (float64, error) {
			if runs++; runs == 5 {
				cancel(stop)
				return 0, stop
			}
			return f(tr)
		}, 3, 3, 1)
		if !errors.Is(err, stop) {
			t.Fatal(err)
		}
		for range 2 { // again it finds nothing to do
			if err := s.Repeat(t.Context(), f, 3, 3, 1); err != nil {
				t.Fatal(err)
			}
		}
		all, err := s.Repeated(t.Context())
		if err != nil || len(all) != 3 {
			t.Fatalf("got %v, %v, want three repeated trials", all, err)
		}
		for i, r := range all {
			x := r.Trial.Params[0].Value
			if d == trial.Maximize {
				x = -x
			}
			want := x + math.Copysign(0.2, x)
			if len(r.Values) != 3 || math.Abs(r.Mean()-want) > 1e-12 || math.Abs(r.Deviation()-0.1) > 1e-12 {
				t.Errorf("trial %d: got %v ± %v of %v, want %v ± 0.1", r.Trial.Number, r.Mean(), r.Deviation(), r.Values, want)
			}
			if i > 0 && d.Better(r.Mean(), all[i-1].Mean()) {
				t.Errorf("%v are not sorted", all)
			}
		}
		loaded, err := study.Load(t.Context(), study.Config{Name: "s", Storage: db})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []*study.Study{s, loaded} {
			if best, err := s.Best(t.Context()); err != nil || best != all[0].Trial && best.Number != all[0].Trial.Number {
				t.Errorf("got %v, %v, want trial %d", best, err, all[0].Trial.Number)
			}
			if all[0].Trial.Number == 2 {
				t.Error("the lucky trial won")
			}
		}
		// Repetitions are beyond the budget.
		if err := s.Optimize(t.Context(), func(*study.Trial) (float64, error) { return 9, nil }, study.Budget{Trials: 10}); err != nil {
			t.Fatal(err)
		}
		if trials, err := s.Trials(t.Context()); err != nil || len(trials) != 10+9 {
			t.Errorf("got %d trials, %v, want 10 and 9 repetitions", len(trials), err)
		}
	}
}

func TestRepeatRefuses(t *testing.T) {
	one, err := study.Open(t.Context(), study.Config{})
	if err != nil {
		t.Fatal(err)
	}
	two, err := study.Open(t.Context(), study.Config{Directions: []trial.Direction{trial.Minimize, trial.Maximize}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		s          *study.Study
		few, times int
		want       string
	}{
		{two, 1, 1, "2 objectives, want 1"},
		{one, 0, 1, "the best 0 trials 1 times, want at least 1"},
		{one, 1, -1, "the best 1 trials -1 times, want at least 1"},
	} {
		if err := c.s.Repeat(t.Context(), lucky, c.few, c.times, 1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
	if err := one.Repeat(t.Context(), lucky, 1, 1, 1); err != nil {
		t.Errorf("an empty study: %v", err)
	}
	if err := one.Repeat(t.Context(), nil, 1, 1, 1); err == nil {
		t.Error("no objective: no error")
	}
}
