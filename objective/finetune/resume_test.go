package finetune

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// only is a space of one point, where a training runs for so many epochs and
// its best one is before the last.
func only(epochs int) Space {
	return Space{
		LearningRate:    space.Float{Low: 0.004, High: 0.004},
		BatchSize:       space.Int{Low: 16, High: 16},
		NumTrainEpochs:  space.Int{Low: epochs, High: epochs},
		Dropout:         space.Float{Low: 0.2, High: 0.2},
		WeightDecay:     space.Float{Low: 0.1, High: 0.1},
		LRSchedulerType: space.Choose("cosine"),
		WarmupRatio:     space.Float{Low: 0.1, High: 0.1},
		FrozenLayers:    space.Int{Low: 1, High: 1},
	}
}

// resumable is a task that saves each epoch and never stops early.
func resumable(tb testing.TB) *Task {
	task := digitsTask(tb)
	task.CheckpointEvery, task.Patience = time.Nanosecond, 1<<30
	return task
}

// A watch is a pruner that prunes nothing and sees every report.
type watch func(epoch int)

func (w watch) Prune(_ trial.History, t *trial.Trial) (trial.Verdict, error) {
	r, _ := t.LastReport()
	w(r.Step)
	return trial.Verdict{}, nil
}

// searchOn runs a study of one trial that keeps its checkpoint, or goes on
// with it, until ctx ends or it is done. Each epoch is shown to seen before its
// report is written.
func searchOn(ctx context.Context, s storage.Storage, task *Task, sp Space, seen func(epoch int)) error {
	st, err := study.Open(ctx, study.Config{Name: "test", Storage: s, Sampler: &sampler.Random{}, Pruner: watch(seen), Seed: studySeed, KeepCheckpoints: true})
	if err != nil {
		return err
	}
	return st.Optimize(ctx, task.Objective(sp, studySeed), study.Budget{Trials: 1, Failures: 1})
}

// An ending is what a trial leaves behind.
type ending struct {
	number     int
	state      trial.State
	values     []float64
	params     map[string]any
	reports    []trial.Report
	attrs      map[string]json.RawMessage
	checkpoint storage.Checkpoint // the state after the last epoch: all weights and moments
}

// endingOf reads the only trial in s. ok is false if there is none, or no
// checkpoint.
func endingOf(t *testing.T, s storage.Storage) (e ending, ok bool) {
	t.Helper()
	record, err := s.Load(context.Background(), "test")
	if errors.Is(err, storage.ErrNotExist) {
		return e, false
	}
	if err != nil {
		t.Fatal(err)
	}
	all, err := s.Since(context.Background(), record.ID, 0)
	if err != nil || len(all.Trials) > 1 {
		t.Fatal(len(all.Trials), err)
	}
	if len(all.Trials) == 0 {
		return e, false
	}
	tr := all.Trials[0]
	e = ending{number: tr.Number, state: tr.State, values: tr.Values, params: map[string]any{}, reports: tr.Reports, attrs: tr.UserAttrs}
	for _, p := range tr.Params {
		e.params[p.Name] = p.External()
	}
	e.checkpoint, err = s.Checkpoint(context.Background(), record.ID, 0)
	if err != nil && !errors.Is(err, storage.ErrNotExist) {
		t.Fatal(err)
	}
	return e, err == nil
}

// uninterrupted is how the trial ends that nobody disturbs.
func uninterrupted(t *testing.T, sp Space) ending {
	t.Helper()
	s := &storage.Memory{}
	if err := searchOn(t.Context(), s, resumable(t), sp, func(int) {}); err != nil {
		t.Fatal(err)
	}
	e, ok := endingOf(t, s)
	if n := sp.NumTrainEpochs.High; !ok || e.state != trial.Complete || len(e.params) != 8 || len(e.attrs) != 7 || len(e.reports) != n || e.checkpoint.Step != n {
		t.Fatalf("the trial ends as %v with attributes %v, %d reports and a checkpoint of epoch %d", e.state, e.attrs, len(e.reports), e.checkpoint.Step)
	}
	return e
}

func TestAnInterruptedTrialGoesOnAtItsEpoch(t *testing.T) {
	const epochs = 6
	sp := only(epochs)
	want := uninterrupted(t, sp)
	for stop := 1; stop <= epochs; stop++ {
		s := &storage.Memory{}
		mine := errors.New("mine")
		ctx, cancel := context.WithCancelCause(t.Context())
		// The study stops as the epoch is reported: that report is not written.
		if err := searchOn(ctx, s, resumable(t), sp, func(epoch int) {
			if epoch == stop {
				cancel(mine)
			}
		}); !errors.Is(err, mine) {
			t.Fatalf("error is %v, want %v", err, mine)
		}
		first := 0
		if err := searchOn(t.Context(), s, resumable(t), sp, func(epoch int) {
			if first == 0 {
				first = epoch
			}
		}); err != nil {
			t.Fatal(err)
		}
		if first != stop {
			t.Errorf("stopped in epoch %d: goes on with epoch %d", stop, first)
		}
		if got, _ := endingOf(t, s); !reflect.DeepEqual(got, want) {
			t.Errorf("stopped in epoch %d: ends with %v %s, want %v %s", stop, got.values, got.attrs, want.values, want.attrs)
		}
	}
}

// A full storage cannot write the checkpoint of one epoch.
type full struct {
	storage.Storage
	epoch int
	stop  context.CancelFunc
}

var errFull = errors.New("full")

func (f full) Write(ctx context.Context, study int64, number int, u storage.Update) error {
	if u.Checkpoint != nil && u.Checkpoint.Step == f.epoch {
		f.stop() // and the program ends
		return errFull
	}
	return f.Storage.Write(ctx, study, number, u)
}

func TestATrialThatEndsBetweenAReportAndItsCheckpointReportsTheEpochAgain(t *testing.T) {
	const epochs = 5
	sp := only(epochs)
	want := uninterrupted(t, sp)
	for lost := 1; lost <= epochs; lost++ {
		s := &storage.Memory{}
		ctx, cancel := context.WithCancel(t.Context())
		if err := searchOn(ctx, full{s, lost, cancel}, resumable(t), sp, func(int) {}); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if before, ok := endingOf(t, s); ok != (lost > 1) || len(before.reports) != lost-1 {
			t.Errorf("checkpoint %d is lost: %d reports are left, want %d", lost, len(before.reports), lost-1)
		}
		var seen []int
		if err := searchOn(t.Context(), s, resumable(t), sp, func(epoch int) { seen = append(seen, epoch) }); err != nil {
			t.Fatal(err)
		}
		if len(seen) != epochs-lost+1 || seen[0] != lost {
			t.Errorf("checkpoint %d is lost: then epochs %v are run", lost, seen)
		}
		if got, _ := endingOf(t, s); !reflect.DeepEqual(got, want) {
			t.Errorf("checkpoint %d is lost: ends with %v %s, want %v %s", lost, got.values, got.attrs, want.values, want.attrs)
		}
	}
}

// damaged gives the checkpoints back with another last byte.
type damaged struct{ storage.Storage }

func (d damaged) Checkpoint(ctx context.Context, study int64, number int) (storage.Checkpoint, error) {
	c, err := d.Storage.Checkpoint(ctx, study, number)
	if err == nil {
		c.Data = bytes.Clone(c.Data)
		c.Data[len(c.Data)-1]++
	}
	return c, err
}

func TestATrialWithADamagedCheckpointFails(t *testing.T) {
	s := &storage.Memory{}
	ctx, cancel := context.WithCancel(t.Context())
	if err := searchOn(ctx, s, resumable(t), only(5), func(epoch int) {
		if epoch == 3 {
			cancel()
		}
	}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := searchOn(t.Context(), damaged{s}, resumable(t), only(5), func(epoch int) { t.Errorf("epoch %d was run", epoch) }); err != nil {
		t.Fatal(err)
	}
	record, err := s.Load(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	all, err := s.Since(t.Context(), record.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	if tr := all.Trials[0]; tr.State != trial.Failed || !strings.Contains(tr.Failure(), "bad checkpoint") || len(tr.Reports) != 2 {
		t.Errorf("the trial is %v (%s) with reports %v, want failed with those before the checkpoint", tr.State, tr.Failure(), tr.Reports)
	}
}

// A trial of the default task is over before a checkpoint is due.
func TestAShortTrialSavesNoCheckpoint(t *testing.T) {
	s := &storage.Memory{}
	if err := searchOn(t.Context(), s, digitsTask(t), only(5), func(int) {}); err != nil {
		t.Fatal(err)
	}
	if e, ok := endingOf(t, s); ok || e.state != trial.Complete {
		t.Errorf("the trial is %v with a checkpoint of epoch %d, want none", e.state, e.checkpoint.Step)
	}
}
