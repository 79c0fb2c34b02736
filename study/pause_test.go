package study_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/study/schedule"
	"github.com/bluefin-hpo/bluefin/trial"
)

// chaos is one step of a training whose result shows if a single bit of its state was lost.
func chaos(rate, state float64) float64 { return rate * state * (1 - state) }

// fullChaos is how long such a training is.
const fullChaos = 20

// curveOf returns the reports of a training that ran through.
func curveOf(rate float64) []trial.Report {
	state := 0.3
	var all []trial.Report
	for step := 1; step <= fullChaos; step++ {
		state = chaos(rate, state)
		all = append(all, trial.Report{Step: step, Value: state})
	}
	return all
}

// trainChaos trains, and saves its state when it should pause. trained counts the steps.
func trainChaos(trained *atomic.Int64) study.Objective {
	return func(t *study.Trial) (float64, error) {
		rate, state, step := t.Float("rate", 3.6, 4), 0.3, 0
		if c, err := t.Resume(); err != nil {
			return 0, err
		} else if c != nil {
			state, step = math.Float64frombits(binary.LittleEndian.Uint64(c.Data)), c.Step
		}
		for step < fullChaos {
			step++
			state = chaos(rate, state)
			trained.Add(1)
			if err := t.Report(step, state); err != nil {
				return 0, err
			}
			if t.Pausing() && step < fullChaos {
				if err := t.Checkpoint(step, binary.LittleEndian.AppendUint64(nil, math.Float64bits(state))); err != nil {
					return 0, err
				}
			}
		}
		return state, nil
	}
}

// checkChaos fails unless each trial has the beginning of its curve, and returns how many trials are
// complete and paused, and their steps.
func checkChaos(t *testing.T, s *study.Study) (complete, paused, steps int) {
	t.Helper()
	for _, tr := range trials(t, s) {
		rate, ok := tr.Param("rate")
		if !ok {
			t.Fatalf("trial %d has no parameter: %+v", tr.Number, tr)
		}
		if want := curveOf(rate.Value)[:len(tr.Reports)]; !slices.Equal(tr.Reports, want) {
			t.Errorf("trial %d has reports %v, want those of a training that ran through, %v", tr.Number, tr.Reports, want)
		}
		steps += tr.Steps()
		switch {
		case tr.State == trial.Complete && tr.Steps() == fullChaos && tr.Values[0] == curveOf(rate.Value)[fullChaos-1].Value:
			complete++
		case tr.Paused() && string(tr.SystemAttrs["bluefin:paused"]) == fmt.Sprint(tr.Steps()):
			paused++
		default:
			t.Errorf("trial %d is %+v", tr.Number, tr)
		}
	}
	return complete, paused, steps
}

func halving(c *study.Config) { c.Scheduler = schedule.Halving{ReductionFactor: 3} }

func TestPausedTrialsTrainAsIfTheyHadRunThrough(t *testing.T) {
	everyStorage(t, func(t *testing.T, s storage.Storage) {
		for _, workers := range []int{1, 3} {
			for _, by := range []sampler.Sampler{sampler.Random{}, &sampler.TPE{}} {
				var trained atomic.Int64
				var pauses, ends int
				st := open(t, s, halving, func(c *study.Config) {
					c.Name, c.Sampler = fmt.Sprintf("%d %T", workers, by), by
					c.OnTrialPause = func(tr *trial.Trial) {
						if pauses++; !tr.Paused() {
							t.Errorf("the hook got %+v", tr)
						}
					}
					c.OnTrialEnd = func(*trial.Trial) { ends++ }
				})
				if err := st.Optimize(t.Context(), trainChaos(&trained), study.Budget{Trials: 18, Workers: workers}); err != nil {
					t.Fatal(err)
				}
				complete, paused, steps := checkChaos(t, st)
				if complete < 1 || complete > 4 || complete+paused != 18 || ends != complete || pauses < paused || int64(steps) != trained.Load() {
					t.Errorf("%d workers: %d complete, %d paused of 18; %d ends and %d pauses; %d steps reported, %d trained",
						workers, complete, paused, ends, pauses, steps, trained.Load())
				}
				if best, err := st.Best(t.Context()); err != nil || best.State != trial.Complete {
					t.Errorf("the best is %+v, %v", best, err)
				}
				// Drawn from paused trials too, and each draw is a function of the record.
				for n := range 18 {
					again, err := st.Replay(t.Context(), n)
					if tr := trials(t, st)[n]; err != nil || len(again) != 1 || again[0].Value != tr.Params[0].Value {
						t.Errorf("%d workers, %T: replay of trial %d is %v, %v, want %v", workers, by, n, again, err, tr.Params)
					}
				}
				// Without a scheduler, paused trials run to their ends.
				plain := open(t, s, func(c *study.Config) { c.Name = fmt.Sprintf("%d %T", workers, by) })
				if err := plain.Optimize(t.Context(), trainChaos(&trained), study.Budget{Trials: 18, Workers: workers}); err != nil {
					t.Fatal(err)
				}
				if complete, _, _ := checkChaos(t, plain); complete != 18 || trained.Load() != 18*fullChaos {
					t.Errorf("%d complete after a run without a scheduler, %d steps trained", complete, trained.Load())
				}
			}
		}
	})
}

func TestABudgetOfStepsIsMetAndCanGrow(t *testing.T) {
	everyStorage(t, func(t *testing.T, s storage.Storage) {
		for _, scheduled := range []bool{false, true} {
			var trained atomic.Int64
			name := fmt.Sprint(scheduled)
			again := func(workers, budget int) int {
				t.Helper()
				st := open(t, s, func(c *study.Config) {
					c.Name = name
					if scheduled {
						halving(c)
					}
				})
				if err := st.Optimize(t.Context(), trainChaos(&trained), study.Budget{Steps: budget, Workers: workers}); err != nil {
					t.Fatal(err)
				}
				complete, paused, steps := checkChaos(t, st)
				if int64(steps) != trained.Load() || !scheduled && paused > 3 {
					t.Errorf("%d steps are reported, %d were trained; %d complete, %d paused", steps, trained.Load(), complete, paused)
				}
				return steps
			}
			for _, budget := range []int{7, 7, 33, 34, 90} {
				if got := again(1, budget); got != budget {
					t.Errorf("scheduler %v: one worker made %d steps, want %d", scheduled, got, budget)
				}
			}
			if got := again(3, 150); got < 150 || got > 152 {
				t.Errorf("scheduler %v: three workers made %d steps, want 150 to 152", scheduled, got)
			}
			if got := again(1, 20); got < 150 {
				t.Errorf("a smaller budget left %d steps", got)
			}
		}
	})
}

// The time of a trial is that in which it ran, and paused trials have a cost too.
func TestTheTimeForWhichATrialIsPausedDoesNotCount(t *testing.T) {
	everyStorage(t, func(t *testing.T, s storage.Storage) {
		st := open(t, s, func(c *study.Config) { c.Scheduler = schedule.Halving{MinResource: 10} })
		var trained atomic.Int64
		train := func(tr *study.Trial) (float64, error) {
			time.Sleep(20 * time.Millisecond)
			return trainChaos(&trained)(tr)
		}
		if err := st.Optimize(t.Context(), train, study.Budget{Trials: 1, Steps: 10}); err != nil {
			t.Fatal(err)
		}
		if all := trials(t, st); !all[0].Paused() || all[0].Worked() < 20*time.Millisecond || study.Cost(all) != all[0].Worked() {
			t.Errorf("trial %+v has a cost of %v", all[0], study.Cost(all))
		}
		if err := st.Optimize(t.Context(), train, study.Budget{Trials: 2, Cost: time.Millisecond}); err != nil || len(trials(t, st)) != 1 {
			t.Errorf("got %v, and %d trials after the cost was spent", err, len(trials(t, st)))
		}
		before := time.Now()
		time.Sleep(2 * time.Second)
		waited := time.Since(before)
		if err := st.Optimize(t.Context(), train, study.Budget{Trials: 1}); err != nil {
			t.Fatal(err)
		}
		if tr := trials(t, st)[0]; tr.State != trial.Complete || tr.Duration() < 40*time.Millisecond || tr.Duration() >= waited {
			t.Errorf("trial %+v took %v", tr, tr.Duration())
		}
	})
}

func TestAQueueComesBeforePausedTrials(t *testing.T) {
	var trained atomic.Int64
	s := &storage.Memory{}
	st := open(t, s, halving)
	if err := st.Optimize(t.Context(), trainChaos(&trained), study.Budget{Steps: 5}); err != nil {
		t.Fatal(err)
	}
	number, err := st.Enqueue(t.Context(), map[string]any{"rate": 3.75})
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Optimize(t.Context(), trainChaos(&trained), study.Budget{Steps: 6}); err != nil {
		t.Fatal(err)
	}
	if got := trials(t, st)[number]; !got.Paused() || got.Params[0].Value != 3.75 || got.Steps() != 1 {
		t.Errorf("the queued trial is %+v, want it paused after one step", got)
	}
}

// What cannot pause runs to its end, and that is said once. What says that it pauses and cannot fails.
func TestATrialWithoutCheckpointsContinues(t *testing.T) {
	var log bytes.Buffer
	st := open(t, &storage.Memory{}, halving, func(c *study.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	err := st.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
		for step := range 5 {
			if err := tr.Report(step+1, 1); err != nil {
				return 0, err
			}
		}
		return 1, nil
	}, study.Budget{Trials: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, tr := range trials(t, st) {
		if tr.State != trial.Complete || tr.Steps() != 5 {
			t.Errorf("got %+v", tr)
		}
	}
	if n := strings.Count(log.String(), "it continues"); n != 2 {
		t.Errorf("%d warnings for 2 trials: %s", n, log.String())
	}
	st = open(t, &storage.Memory{}, halving)
	err = st.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
		return 0, errors.Join(tr.Report(1, 1), study.ErrPaused)
	}, study.Budget{Trials: 1})
	if tr := trials(t, st)[0]; err == nil || tr.State != trial.Failed || !strings.Contains(tr.Failure(), "no checkpoint of its last report") {
		t.Errorf("got %v, %+v", err, tr)
	}
}

// An objective that saves its state before it reports is paused by the report.
func TestReportPausesWhatIsSaved(t *testing.T) {
	st := open(t, &storage.Memory{}, halving)
	err := st.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
		if err := tr.Checkpoint(1, nil); err != nil {
			return 0, err
		}
		if err := tr.Report(1, 1); !errors.Is(err, study.ErrPaused) {
			t.Errorf("got %v, want ErrPaused", err)
		}
		return 0, study.ErrPaused
	}, study.Budget{Steps: 1})
	if tr := trials(t, st)[0]; err != nil || !tr.Paused() {
		t.Errorf("got %v, %+v", err, tr)
	}
}

// A worker that dies after the checkpoint at which its trial should pause leaves an orphan that the
// next one pauses.
func TestAnOrphanAtTheEndOfItsSlicePauses(t *testing.T) {
	everyStorage(t, func(t *testing.T, s storage.Storage) {
		dead := open(t, s, halving, func(c *study.Config) { c.Lease = 1 })
		tr, err := dead.Ask(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		rate := tr.Float("rate", 3.6, 4)
		state := chaos(rate, 0.3)
		if err := tr.Report(1, state); err != nil {
			t.Fatal(err)
		}
		if err := tr.Checkpoint(1, binary.LittleEndian.AppendUint64(nil, math.Float64bits(state))); !errors.Is(err, study.ErrPaused) {
			t.Fatalf("got %v, want ErrPaused", err)
		}
		var trained atomic.Int64
		st := open(t, s, halving)
		if err := st.Optimize(t.Context(), trainChaos(&trained), study.Budget{Steps: 2}); err != nil {
			t.Fatal(err)
		}
		if _, paused, steps := checkChaos(t, st); paused != 2 || steps != 2 || trained.Load() != 1 {
			t.Errorf("%d paused with %d steps, %d trained, want trial 0 paused as it was", paused, steps, trained.Load())
		}
	})
}

// A scheduler that breaks the contract ends the search and says how.
func TestAWrongSchedulerIsAnError(t *testing.T) {
	var trained atomic.Int64
	for want, slice := range map[string]schedule.Slice{
		"it resumes trial 3, which is not paused":               {Number: 3},
		"it resumes trial -7, which is not paused":              {Number: -7},
		"the end of a slice is step -1":                         {Number: schedule.Start, Until: -1},
		"it resumes trial 0 until step 1, and the trial paused": {Number: 0, Until: 1},
	} {
		s := &storage.Memory{}
		if err := open(t, s, halving).Optimize(t.Context(), trainChaos(&trained), study.Budget{Steps: 1}); err != nil {
			t.Fatal(err)
		}
		st := open(t, s, func(c *study.Config) { c.Scheduler = always(slice) })
		if err := st.Optimize(t.Context(), trainChaos(&trained), study.Budget{Trials: 9}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %q", slice, err, want)
		}
	}
	_, err := study.Open(t.Context(), study.Config{Scheduler: schedule.Halving{}, Pruner: pruner.Hyperband{}})
	if err == nil || !strings.Contains(err.Error(), "want one of them") {
		t.Errorf("got %v, want an error about Hyperband", err)
	}
	// What it draws is used, and the sampler draws the rest.
	st := open(t, &storage.Memory{}, func(c *study.Config) {
		c.Scheduler = always(schedule.Slice{Number: schedule.Start, Params: map[string]float64{"rate": 3.7, "other": 9}})
	})
	if err := st.Optimize(t.Context(), trainChaos(&trained), study.Budget{Trials: 2}); err != nil {
		t.Fatal(err)
	}
	for _, tr := range trials(t, st) {
		if tr.Params[0].Value != 3.7 || len(tr.Params) != 1 {
			t.Errorf("got %v, want the scheduler's parameter", tr.Params)
		}
	}
}

// always gives the same slice, until there is nothing new.
type always schedule.Slice

func (a always) Next(v schedule.View) (schedule.Slice, error) {
	if !v.New {
		return schedule.Slice{Number: schedule.Wait}, nil
	}
	return schedule.Slice(a), nil
}

// Interrupting a slice loses nothing: the trial is queued, and its slice ends where it would have.
func TestAnInterruptedSliceResumes(t *testing.T) {
	everyStorage(t, func(t *testing.T, s storage.Storage) {
		var trained atomic.Int64
		for range 40 {
			ctx, cancel := context.WithCancel(t.Context())
			left := 3
			st := open(t, s, halving, func(c *study.Config) {
				c.OnReport = func(*trial.Trial, trial.Report) {
					if left--; left == 0 {
						cancel()
					}
				}
			})
			err := st.Optimize(ctx, trainChaos(&trained), study.Budget{Trials: 9})
			cancel()
			if err == nil {
				break
			}
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		st := open(t, s, halving)
		if err := st.Optimize(t.Context(), trainChaos(&trained), study.Budget{Trials: 9}); err != nil {
			t.Fatal(err)
		}
		if complete, paused, _ := checkChaos(t, st); complete < 1 || complete+paused != 9 {
			t.Errorf("%d complete, %d paused of 9", complete, paused)
		}
	})
}

// Trials of AskDetached pause and resume, too: their client keeps the state.
func TestDetachedTrialsPause(t *testing.T) {
	everyStorage(t, func(t *testing.T, s storage.Storage) {
		st := open(t, s, halving)
		seen := map[int]int{}
		for range 30 {
			tr, err := st.AskDetached(t.Context(), study.Detached{Budget: 6})
			if errors.Is(err, storage.ErrBudget) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if tr.Steps() != seen[tr.Number] {
				t.Errorf("trial %d resumes after step %d, want %d", tr.Number, tr.Steps(), seen[tr.Number])
			}
			end := storage.Update{State: trial.Complete, Values: []float64{1}}
			for step := tr.Steps() + 1; step <= 9; step++ {
				seen[tr.Number] = step
				err := st.ReportNumber(t.Context(), tr.Number, trial.Point{Step: step, Values: []float64{float64(tr.Number)}}, "")
				if errors.Is(err, study.ErrPaused) {
					end = storage.Update{State: trial.Waiting}
					break
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if _, err := st.TellNumber(t.Context(), tr.Number, end); err != nil {
				t.Fatal(err)
			}
		}
		complete, paused := 0, 0
		for _, tr := range trials(t, st) {
			if tr.State == trial.Complete {
				complete++
			}
			if tr.Paused() {
				paused++
			}
		}
		if complete < 1 || complete+paused != 6 || seen[0] != 9 {
			t.Errorf("%d complete, %d paused of 6; steps %v", complete, paused, seen)
		}
	})
}

// Repetitions run to their ends and leave paused trials alone, with a scheduler and without.
func TestRepetitionsDoNotPause(t *testing.T) {
	for _, cfg := range []func(*study.Config){halving, func(*study.Config) {}} {
		s := &storage.Memory{}
		var trained atomic.Int64
		if err := open(t, s, halving).Optimize(t.Context(), trainChaos(&trained), study.Budget{Trials: 9}); err != nil {
			t.Fatal(err)
		}
		st := open(t, s, cfg)
		if err := st.Repeat(t.Context(), trainChaos(&trained), 1, 2, 1); err != nil {
			t.Fatal(err)
		}
		complete, paused := 0, 0
		for _, tr := range trials(t, st)[:9] {
			if tr.State == trial.Complete {
				complete++
			}
			if tr.Paused() {
				paused++
			}
		}
		if all := trials(t, st); len(all) != 11 || all[9].State != trial.Complete || all[10].State != trial.Complete ||
			complete < 1 || complete > 2 || complete+paused != 9 {
			t.Errorf("%d trials, %d complete and %d paused of the first 9; %v", len(all), complete, paused, all[9:])
		}
	}
}
