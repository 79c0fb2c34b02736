package study_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// With several objectives a trial reports a value of each, is pruned by them, and ends without values,
// as Optuna's TPE needs it.
func TestPruningWithSeveralObjectives(t *testing.T) {
	everyStorage(t, func(t *testing.T, s storage.Storage) {
		several := func(c *study.Config) {
			c.Directions = []trial.Direction{trial.Minimize, trial.Maximize}
			c.Pruner = pruner.Dominance{By: 2, StartupTrials: 2}
		}
		st := open(t, s, several)
		objective := func(tr *study.Trial) ([]float64, error) {
			x := float64(tr.Number())
			for step := range 3 {
				if err := tr.Report(step, x+float64(step), math.NaN()); err != nil {
					return nil, err
				}
			}
			return []float64{x, 1}, tr.Report(1, -5, -5) // the first one stays
		}
		if err := st.OptimizeMulti(t.Context(), objective, study.Budget{Trials: 3}); err != nil {
			t.Fatal(err)
		}
		all := trials(t, open(t, s, several))
		for i, want := range []string{"COMPLETE [0 1] [{0 [0 NaN]} {1 [1 NaN]} {2 [2 NaN]}] []",
			"COMPLETE [1 1] [{0 [1 NaN]} {1 [2 NaN]} {2 [3 NaN]}] []", "PRUNED [] [{0 [2 NaN]}] []"} {
			if got := fmt.Sprint(all[i].State, all[i].Values, all[i].Curve(), all[i].Reports); got != want {
				t.Errorf("trial %d is %s, want %s", i, got, want)
			}
		}
	})
}

// A trial that resumes from a checkpoint has the reports up to there, one that starts over has none.
func TestReportsOfSeveralObjectivesEndAtTheCheckpoint(t *testing.T) {
	for _, checkpoint := range []bool{true, false} {
		everyStorage(t, func(t *testing.T, s storage.Storage) {
			two := func(c *study.Config) { c.Directions = make([]trial.Direction, 2) }
			ctx, cancel := context.WithCancel(t.Context())
			err := open(t, s, two).OptimizeMulti(ctx, func(tr *study.Trial) ([]float64, error) {
				for step := range 3 {
					if err := tr.Report(step, 1, float64(step)); err != nil {
						return nil, err
					}
					if checkpoint && step == 1 {
						if err := tr.Checkpoint(step, nil); err != nil {
							return nil, err
						}
					}
				}
				cancel()
				<-tr.Context().Done()
				return nil, context.Cause(tr.Context())
			}, study.Budget{Trials: 1})
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			want := "[]"
			if checkpoint {
				want = "[{0 [1 0]} {1 [1 1]}]"
			}
			err = open(t, s, two).OptimizeMulti(t.Context(), func(tr *study.Trial) ([]float64, error) {
				if got := fmt.Sprint(tr.Curve()); got != want {
					t.Errorf("with a checkpoint %v: the trial begins with %s, want %s", checkpoint, got, want)
				}
				return []float64{1, 2}, nil
			}, study.Budget{Trials: 1})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}
