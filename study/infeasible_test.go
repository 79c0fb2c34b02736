package study_test

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

var errMemory = fmt.Errorf("%w: CUDA out of memory", study.ErrInfeasible)

func TestAnInfeasibleTrialIsNeitherASuccessNorAFailure(t *testing.T) {
	everyStorage(t, func(t *testing.T, s storage.Storage) {
		st := open(t, s)
		err := st.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
			if tr.Number() < 5 {
				return 0, errors.Join(tr.Report(0, 7), errMemory)
			}
			return 1, nil
		}, study.Budget{Trials: 6, InitialFailures: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, tr := range trials(t, st)[:5] {
			if tr.State != trial.Pruned || tr.Violation() != 1 || tr.Values[0] != 7 ||
				tr.Failure() != "the parameters are infeasible: CUDA out of memory" {
				t.Errorf("got %v %v %v %q, want an infeasible trial with its last report", tr.State, tr.Values, tr.Constraints,
					tr.Failure())
			}
		}
		if best, err := st.Best(t.Context()); err != nil || best.Number != 5 {
			t.Errorf("the best is %v, %v, want trial 5", best, err)
		}
	})
}

func TestTheLogSaysOnceThatWhatCannotRunIsAvoided(t *testing.T) {
	for name, want := range map[string]int{"TPE": 1, "Random": 0} {
		var log strings.Builder
		st := open(t, nil, func(c *study.Config) {
			c.Logger = slog.New(slog.NewTextHandler(&log, nil))
			if c.Sampler = sampler.Sampler(&sampler.TPE{}); name == "Random" {
				c.Sampler = sampler.Random{}
			}
		})
		err := st.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
			if tr.Float("x", 0, 1) < 2 && tr.Number() < 3 {
				return 0, errMemory
			}
			return 1, nil
		}, study.Budget{Trials: 6})
		if got := strings.Count(log.String(), "are avoided from now on"); err != nil || got != want {
			t.Errorf("%s: the log says it %d times, want %d: %v\n%s", name, got, want, err, &log)
		}
	}
}

func TestInfeasibleTrialsAloneGiveNoBest(t *testing.T) {
	st := open(t, nil)
	err := st.Optimize(t.Context(), func(*study.Trial) (float64, error) { return 0, errMemory }, study.Budget{Trials: 4})
	if err != nil {
		t.Fatal(err)
	}
	_, err = st.Best(t.Context())
	if !errors.Is(err, study.ErrNoBest) || !strings.Contains(err.Error(),
		"4 infeasible, 0 pruned, 0 failed, trial 3 because: ") {
		t.Errorf("got %v", err)
	}
	// They do not count as successes either.
	err = st.Optimize(t.Context(), func(*study.Trial) (float64, error) { return 0, errors.New("broken") },
		study.Budget{Trials: 100, InitialFailures: 2})
	if len(trials(t, st)) != 6 || !errors.As(err, new(*study.TrialError)) {
		t.Errorf("got %v after %d trials, want an end after the second failure", err, len(trials(t, st)))
	}
}

// The optimum is at the edge of the region that cannot run, as the largest batch that fits often is.
func TestSamplersAvoidInfeasibleRegions(t *testing.T) {
	for name, s := range map[string]sampler.Sampler{
		"TPE": &sampler.TPE{}, "TPE by Optuna's rules": &sampler.TPE{Optuna: true}, "auto": &sampler.Auto{},
		"GP": &sampler.GP{},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := open(t, nil, func(c *study.Config) { c.Sampler = s })
			err := st.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
				x, y := tr.Float("x", 0, 1), tr.Float("y", 0, 1)
				if x+y > 0.6 {
					return 0, errMemory
				}
				return math.Abs(x-0.4) + math.Abs(y-0.2), nil
			}, study.Budget{Trials: 80})
			if err != nil {
				t.Fatal(err)
			}
			infeasible := 0
			for _, tr := range trials(t, st)[40:] {
				if tr.Violation() > 0 {
					infeasible++
				}
			}
			best, err := st.Best(t.Context())
			// Random search would make 33 of 40 trials infeasible.
			if err != nil || infeasible > 20 || best.Values[0] > 0.15 {
				t.Errorf("%d of the last 40 trials are infeasible and the best is %v, want at most 20 and 0.15: %v",
					infeasible, best.Values, err)
			}
		})
	}
}

func TestAnAbortedTrialReturnsToTheQueue(t *testing.T) {
	everyStorage(t, func(t *testing.T, s storage.Storage) {
		st := open(t, s)
		full := errors.New("the disk is full")
		x := 0.0
		err := st.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
			x = tr.Float("x", 0, 1)
			return 0, fmt.Errorf("writing: %w", &study.AbortError{Err: full})
		}, study.Budget{Trials: 5})
		if !errors.Is(err, full) || err.Error() != "trial 0: writing: the disk is full" {
			t.Errorf("got %v", err)
		}
		if all := trials(t, st); len(all) != 1 || all[0].State != trial.Waiting || all[0].Params[0].Value != x {
			t.Errorf("got %+v, want one trial in the queue, with its parameter %v", all, x)
		}
	})
}
