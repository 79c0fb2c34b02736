package finetune

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
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

// A watch is a storage that shows each checkpoint before it writes it: with a
// task that saves each epoch, all the epochs that are run. (Reports would not
// do, for those of steps that have one come to nothing.)
type watch struct {
	storage.Storage
	seen func(epoch int) error // whose error becomes that of the write
}

func (w watch) Write(ctx context.Context, study int64, number int, u storage.Update) error {
	if u.Checkpoint != nil {
		if err := w.seen(u.Checkpoint.Step); err != nil {
			return err
		}
	}
	return w.Storage.Write(ctx, study, number, u)
}

// searchOn runs a study of one trial that keeps its checkpoint, or resumes
// with it, until ctx ends or it is done.
func searchOn(ctx context.Context, s storage.Storage, task *Task, sp Space) error {
	st, err := study.Open(ctx, study.Config{Name: "test", Storage: s, Sampler: &sampler.Random{}, Seed: studySeed, KeepCheckpoints: true})
	if err != nil {
		return err
	}
	return st.Optimize(ctx, task.Objective(sp, studySeed), study.Budget{Trials: 1})
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
	if err := searchOn(t.Context(), s, resumable(t), sp); err != nil {
		t.Fatal(err)
	}
	e, ok := endingOf(t, s)
	if n := sp.NumTrainEpochs.High; !ok || e.state != trial.Complete || len(e.params) != 8 || len(e.attrs) != 10 || len(e.reports) != n || e.checkpoint.Step != n {
		t.Fatalf("the trial ends as %v with attributes %v, %d reports and a checkpoint of epoch %d", e.state, e.attrs, len(e.reports), e.checkpoint.Step)
	}
	return e
}

func TestAnInterruptedTrialResumesAtItsEpoch(t *testing.T) {
	const epochs = 6
	sp := only(epochs)
	want := uninterrupted(t, sp)
	full := errors.New("full")
	for name, c := range map[string]struct {
		saves error // the error of the last checkpoint
		kept  int   // how many epochs before the last one are not lost
	}{
		"after an epoch":                      {nil, 0},
		"between a report and its checkpoint": {full, 1},
	} {
		for stop := 1; stop < epochs; stop++ {
			s := &storage.Memory{}
			ctx, cancel := context.WithCancel(t.Context())
			err := searchOn(ctx, watch{s, func(epoch int) error {
				if epoch < stop {
					return nil
				}
				cancel()
				return c.saves
			}}, resumable(t), sp)
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			saved := stop - c.kept
			if before, _ := endingOf(t, s); before.state != trial.Waiting || before.checkpoint.Step != saved || len(before.reports) != saved {
				t.Errorf("stopped %s, %d: the trial is %v with %d reports and a checkpoint of epoch %d, want waiting and %d", name, stop, before.state, len(before.reports), before.checkpoint.Step, saved)
			}
			var ran []int
			if err := searchOn(t.Context(), watch{s, func(epoch int) error {
				ran = append(ran, epoch)
				return nil
			}}, resumable(t), sp); err != nil {
				t.Fatal(err)
			}
			if len(ran) != epochs-saved || ran[0] != saved+1 {
				t.Errorf("stopped %s, %d: then epochs %v are run", name, stop, ran)
			}
			if got, _ := endingOf(t, s); !reflect.DeepEqual(got, want) {
				t.Errorf("stopped %s, %d: ends with %v %s, want %v %s", name, stop, got.values, got.attrs, want.values, want.attrs)
			}
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
	if err := searchOn(ctx, watch{s, func(epoch int) error {
		if epoch == 3 {
			cancel()
		}
		return nil
	}}, resumable(t), only(5)); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := searchOn(t.Context(), watch{damaged{s}, func(epoch int) error {
		t.Errorf("epoch %d was run", epoch)
		return nil
	}}, resumable(t), only(5)); !errors.As(err, new(*study.TrialError)) {
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
	if tr := all.Trials[0]; tr.State != trial.Failed || !strings.Contains(tr.Failure(), "bad checkpoint") || len(tr.Reports) != 3 {
		t.Errorf("the trial is %v (%s) with reports %v, want failed with those before the checkpoint", tr.State, tr.Failure(), tr.Reports)
	}
}

// A trial of the default task is over before a checkpoint is due.
func TestAShortTrialSavesNoCheckpoint(t *testing.T) {
	s := &storage.Memory{}
	if err := searchOn(t.Context(), s, digitsTask(t), only(5)); err != nil {
		t.Fatal(err)
	}
	if e, ok := endingOf(t, s); ok || e.state != trial.Complete {
		t.Errorf("the trial is %v with a checkpoint of epoch %d, want none", e.state, e.checkpoint.Step)
	}
}

// BenchmarkCheckpoint is what one of a whole network costs: to make, to read,
// and to save in a study file, with its size.
//
//	go test -run '^$' -bench Checkpoint ./objective/finetune
func BenchmarkCheckpoint(b *testing.B) {
	task := digitsTask(b)
	s := Defaults()
	s.NumTrainEpochs = 1
	data := mustRecord(b, task, s, nil).saved[0]
	of := origin{Task: task.fingerprint, Settings: s, Patience: defaultPatience, Metric: train.MetricLoss, Seed: 1}
	state, err := of.decode(data)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		for b.Loop() {
			if again, err := of.encode(*state); err != nil || !bytes.Equal(again, data) {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(data)), "bytes")
	})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			if _, err := of.decode(data); err != nil {
				b.Fatal(err)
			}
		}
	})
	for name, noSync := range map[string]bool{"full": false, "normal": true} {
		b.Run("save/"+name, func(b *testing.B) {
			db, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "study.db"), sqlite.Options{NoSync: noSync})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			st, err := study.Open(b.Context(), study.Config{Name: "test", Storage: db})
			if err != nil {
				b.Fatal(err)
			}
			live, err := st.Ask(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if err := live.Checkpoint(1, data); err != nil {
					b.Fatal(err)
				}
			}
			st.TellError(b.Context(), live, study.ErrPruned)
		})
	}
}
