//go:build unix

package finetune

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/study/schedule"
	"github.com/bluefin-hpo/bluefin/trial"
)

const pauseFile = "BLUEFIN_PAUSE_FILE"

// pauseTrials is how many trials the studies below have, and pauseSpace their space: its trainings differ
// in length, size and early stopping.
const pauseTrials = 8

func pauseSpace() Space {
	sp := only(27)
	sp.LearningRate = space.Float{Low: 0.0005, High: 0.02, Log: true}
	sp.FrozenLayers = space.Int{Low: 0, High: 2}
	sp.NumTrainEpochs = space.Int{Low: 14, High: 27}
	return sp
}

// searchWith runs a study of digits with a scheduler, nil for none.
func searchWith(ctx context.Context, tb testing.TB, s storage.Storage, by schedule.Scheduler) error {
	st, err := study.Open(ctx, study.Config{Name: "test", Storage: s, Sampler: sampler.Random{}, Seed: studySeed, Scheduler: by,
		Orphans: storage.Orphans{Limit: -1}})
	if err != nil {
		return err
	}
	task := digitsTask(tb)
	task.Patience = 6
	return st.Optimize(ctx, task.Objective(pauseSpace(), studySeed), study.Budget{Trials: pauseTrials})
}

// recordsOf returns the trials of the study.
func recordsOf(t *testing.T, s storage.Storage) []*trial.Trial {
	t.Helper()
	record, err := s.Load(context.Background(), "test")
	if err != nil {
		t.Fatal(err)
	}
	all, err := s.Since(context.Background(), record.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all.Trials, func(a, b *trial.Trial) int { return a.Number - b.Number })
	return all.Trials
}

// checkPaused fails unless every trial has the beginning of the curve that it has in a study that never
// paused, and one is complete with the same value.
func checkPaused(t *testing.T, got, whole []*trial.Trial) {
	t.Helper()
	if len(got) != pauseTrials || len(whole) != pauseTrials {
		t.Fatalf("there are %d and %d trials, want %d", len(got), len(whole), pauseTrials)
	}
	complete, steps := 0, 0
	for i, tr := range got {
		want := whole[i]
		if fmt.Sprint(tr.Params) != fmt.Sprint(want.Params) {
			t.Fatalf("trial %d has parameters %v, want %v", i, tr.Params, want.Params)
		}
		if n := len(tr.Reports); n > len(want.Reports) || !slices.Equal(tr.Reports, want.Reports[:n]) {
			t.Errorf("trial %d has reports %v, want those of a training that ran through, %v", i, tr.Reports, want.Reports)
		}
		switch steps += len(tr.Reports); {
		case tr.State == trial.Complete:
			complete++
			if tr.Values[0] != want.Values[0] || string(tr.UserAttrs[lossByEpochKey]) != string(want.UserAttrs[lossByEpochKey]) {
				t.Errorf("trial %d ended with %v and %s, want %v and %s", i, tr.Values, tr.UserAttrs[lossByEpochKey],
					want.Values, want.UserAttrs[lossByEpochKey])
			}
		case !tr.Paused():
			t.Errorf("trial %d is %v: %s", i, tr.State, tr.Failure())
		}
	}
	if complete == 0 || complete == pauseTrials {
		t.Errorf("%d of %d trials are complete, want some", complete, pauseTrials)
	}
	t.Logf("%d complete, %d epochs", complete, steps)
}

// TestPauseWorker is one of the processes of the test below.
func TestPauseWorker(t *testing.T) {
	path := os.Getenv(pauseFile)
	if path == "" {
		t.Skip("runs in processes of TestPausedTrainingsEqualThoseThatRanThrough")
	}
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := searchWith(t.Context(), t, db, schedule.Halving{ReductionFactor: 3}); err != nil {
		t.Fatal(err)
	}
}

// Trainings that were paused and resumed, also by other processes and after SIGKILL, have the same
// curves, bit for bit, as trainings that ran through.
func TestPausedTrainingsEqualThoseThatRanThrough(t *testing.T) {
	whole := &storage.Memory{}
	if err := searchWith(t.Context(), t, whole, nil); err != nil {
		t.Fatal(err)
	}
	want := recordsOf(t, whole)
	for _, h := range []schedule.Halving{{ReductionFactor: 3}, {ReductionFactor: 2, Brackets: 2}} {
		s := &storage.Memory{}
		if err := searchWith(t.Context(), t, s, h); err != nil {
			t.Fatal(err)
		}
		checkPaused(t, recordsOf(t, s), want)
	}
	path := filepath.Join(t.TempDir(), "study.db")
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	start := func() *exec.Cmd {
		cmd := exec.Command(os.Args[0], "-test.run=^TestPauseWorker$")
		cmd.Env = append(os.Environ(), pauseFile+"="+path)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	workers := []*exec.Cmd{start(), start()}
	kills := 12
	if testing.Short() {
		kills = 4
	}
	killed := 0
	for range kills { // a process needs some time to start, so most die as they train
		time.Sleep(time.Duration(30+r.IntN(400)) * time.Millisecond)
		i := r.IntN(2)
		workers[i].Process.Kill()
		if err := workers[i].Wait(); err != nil {
			killed++
		}
		workers[i] = start()
	}
	for _, w := range workers {
		if err := w.Wait(); err != nil {
			t.Errorf("a worker ended with %v", err)
		}
	}
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	checkPaused(t, recordsOf(t, db), want)
	t.Logf("%d processes were killed", killed)
}

// A training that cannot save its state continues, and its pauses lose nothing.
func TestATrainingWithoutRoomForItsStateDoesNotPause(t *testing.T) {
	saved := 0
	task := digitsTask(t)
	_, r, err := task.train(t.Context(), run{settings: task.Defaults, seed: studySeed, report: func(int, train.Metrics) error { return nil },
		checkpoints: Checkpoints{Due: func() bool { return true }, MaxBytes: 10, Save: func(int, []byte) error {
			saved++
			return errors.New("it was saved")
		}}})
	if err != nil || saved != 0 || r.EpochsRun == 0 || !task.large.Load() {
		t.Errorf("got %v, %d epochs, %d times saved", err, r.EpochsRun, saved)
	}
}
