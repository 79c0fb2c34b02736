package finetune

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/mlp"
	"github.com/bluefin-hpo/bluefin/pruner"

	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

const studySeed = 7

func open(t *testing.T, cfg study.Config) *study.Study {
	t.Helper()
	cfg.Seed = studySeed
	s, err := study.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func trials(t *testing.T, s *study.Study) []*trial.Trial {
	t.Helper()
	all, err := s.Trials(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// quick is a space of short trainings.
func quick() Space {
	sp := DefaultSpace(mlp.Hidden)
	sp.NumTrainEpochs = space.Int{Low: 5, High: 8}
	return sp
}

func TestATrialIsARun(t *testing.T) {
	task := digitsTask(t)
	s := open(t, study.Config{Sampler: &sampler.Random{}})
	if _, err := s.EnqueueFirst(t.Context(), DefaultSpace(mlp.Hidden).Params(Defaults(), mlp.Hidden)); err != nil {
		t.Fatal(err)
	}
	if err := s.Optimize(t.Context(), task.Objective(DefaultSpace(mlp.Hidden), studySeed), study.Budget{Trials: 4}); err != nil {
		t.Fatal(err)
	}
	for _, tr := range trials(t, s) {
		params := make(map[string]any)
		for _, p := range tr.Params {
			params[p.Name] = p.External()
		}
		text, err := json.Marshal(params)
		if err != nil {
			t.Fatal(err)
		}
		settings := task.Defaults // and what the trial has
		if err := json.Unmarshal(text, &settings); err != nil {
			t.Fatal(err)
		}
		if tr.Number == 0 && settings != Defaults() {
			t.Errorf("trial 0 has %+v, want the defaults", settings)
		}
		var seen []trial.Report
		r, err := task.Run(t.Context(), settings, studySeed, func(epoch int, m train.Metrics) error {
			seen = append(seen, trial.Report{Step: epoch, Value: m.Validation.Loss})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if tr.State != trial.Complete || len(tr.Values) != 1 || tr.Values[0] != r.Best.Validation.Loss {
			t.Errorf("trial %d is %v with %v, want complete with %v", tr.Number, tr.State, tr.Values, r.Best.Validation.Loss)
		}
		if len(tr.Reports) != len(seen) || tr.Reports[0] != seen[0] || tr.Reports[len(seen)-1] != seen[len(seen)-1] {
			t.Errorf("trial %d has reports %v, want %v", tr.Number, tr.Reports, seen)
		}
		for key, want := range map[string]float64{
			"train_loss":          r.Best.Train.Loss,
			"train_accuracy":      r.Best.Train.Accuracy,
			"validation_accuracy": r.Best.Validation.Accuracy,
			"best_epoch":          float64(r.Best.Epoch),
			"epochs_run":          float64(r.EpochsRun),
			"test_loss":           r.Test.Loss,
			"test_accuracy":       r.Test.Accuracy,
		} {
			var got float64
			if err := json.Unmarshal(tr.UserAttrs[key], &got); err != nil || got != want {
				t.Errorf("trial %d: %s is %s, want %v", tr.Number, key, tr.UserAttrs[key], want)
			}
		}
	}
}

// third prunes at the third epoch.
type third struct{}

func (third) Prune(_ trial.History, t *trial.Trial) (pruner.Verdict, error) {
	return pruner.Verdict{Prune: t.Reports[len(t.Reports)-1].Step == 3}, nil
}

func TestAPrunedTrialStopsAtItsEpoch(t *testing.T) {
	s := open(t, study.Config{Sampler: &sampler.Random{}, Pruner: third{}})
	if err := s.Optimize(t.Context(), digitsTask(t).Objective(quick(), studySeed), study.Budget{Trials: 2}); err != nil {
		t.Fatal(err)
	}
	for _, tr := range trials(t, s) {
		if tr.State != trial.Pruned || len(tr.Reports) != 3 {
			t.Errorf("trial %d is %v with reports %v, want pruned with 3", tr.Number, tr.State, tr.Reports)
		}
		var losses [][2]float64 // training and validation
		if err := json.Unmarshal(tr.UserAttrs["loss_by_epoch"], &losses); err != nil || len(losses) != 3 || losses[2][1] != tr.Reports[2].Value {
			t.Errorf("trial %d has losses %v (%v), want those of 3 epochs", tr.Number, losses, err)
		}
	}
}

func TestATrialFails(t *testing.T) {
	noDropout, hot := quick(), quick()
	noDropout.Dropout = space.Float{Low: 1, High: 0}
	hot.LearningRate = space.Float{Low: 1e30, High: 1e30}
	tooMany := quick()
	tooMany.FrozenLayers = space.Int{Low: mlp.Hidden + 1, High: mlp.Hidden + 1}
	for name, c := range map[string]struct {
		space Space
		is    error // nil: any
	}{
		"when a range is empty":           {noDropout, space.ErrInvalid},
		"when the training diverges":      {hot, train.ErrDiverged},
		"when a setting is out of bounds": {tooMany, nil},
	} {
		s := open(t, study.Config{Sampler: &sampler.Random{}})
		live, err := s.Ask(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = digitsTask(t).Objective(c.space, studySeed)(live)
		if err == nil || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: error is %v, want one that matches %v", name, err, c.is)
		}
		tr, err := s.TellError(t.Context(), live, err)
		if err != nil {
			t.Fatal(err)
		}
		if tr.State != trial.Failed {
			t.Errorf("%s: trial is %v, want failed", name, tr.State)
		}
	}
}

func TestACancelledStudyEndsTheTraining(t *testing.T) {
	mine := errors.New("mine")
	ctx, cancel := context.WithCancelCause(t.Context())
	objective := digitsTask(t).Objective(DefaultSpace(mlp.Hidden), studySeed)
	s := open(t, study.Config{Sampler: &sampler.Random{}})
	err := s.Optimize(ctx, func(live *study.Trial) (float64, error) {
		cancel(mine)
		_, err := objective(live)
		if !errors.Is(err, mine) {
			t.Errorf("objective returns %v, want the cause %v", err, mine)
		}
		return 0, err
	}, study.Budget{Trials: 3})
	if !errors.Is(err, mine) {
		t.Errorf("Optimize returns %v, want %v", err, mine)
	}
}
