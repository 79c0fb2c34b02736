package finetune

import (
	"math"

	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
)

// Objective returns the objective of a study over sp. A trial trains the network; its value is the
// best validation metric, to be minimized or, if Metric.Higher, maximized.
//
// All trials train with the same seed, that is the same fresh head, order of examples and dropout,
// so they differ by their settings only, not by luck. Pass the seed of the study. Repetitions
// (study.Study.Repeat) train with the seeds that follow.
//
// After each epoch the metric is reported, with the number of epochs as the step, so a pruner can
// stop the trial; see Stages for trials with several trainings. The user attribute loss_by_epoch,
// pairs of training and validation loss, grows with each epoch of the training that is running, so
// pruned trials have it, too. A complete trial also has best_epoch, epochs_run and, prefixed by
// train_, validation_ and test_, loss and accuracy, and auroc for two classes, or loss, rmse and r2.
// An rmse is in the units before Standardize. Select nothing by test scores.
//
// A training that takes longer than CheckpointEvery saves its state with the trial. If its process
// is killed or the study interrupted, the trial resumes from there and ends as if nothing had
// happened; without a checkpoint it starts over and ends the same. A state larger than
// storage.MaxCheckpoint, at 16 bytes per trained parameter, is not saved: see Notes. A checkpoint
// that is damaged or from another seed or task fails the trial with train.ErrState, because its
// earlier reports may belong to another training.
//
// A trial that a scheduler pauses saves its state at that moment, and is resumed in the same way.
//
// To try the recommended settings first, queue them:
//
//	s.EnqueueFirst(ctx, sp.Params(task.Defaults, task.Layers))
func (t *Task) Objective(sp Space, seed uint64) study.Objective {
	return func(live *study.Trial) (float64, error) {
		s := sp.suggest(live, t.Defaults, t.Layers)
		if err := live.Err(); err != nil {
			return 0, err
		}
		// An epoch is reported before its checkpoint. If the process ends in between, the trial
		// resumes from the previous checkpoint and reports the epoch again.
		c := Checkpoints{Save: live.Checkpoint, Due: live.Pausing, MaxBytes: storage.MaxCheckpoint}
		earlier, err := live.Resume()
		if err != nil {
			return 0, err
		}
		if earlier != nil {
			c.From = earlier.Data
		}
		value := func(m train.Metrics) float64 {
			v, _ := t.metric().Of(m.Validation)
			if t.metric() == train.MetricRMSE {
				v = t.scale.rmse(v)
			}
			return v
		}
		net, r, err := t.train(live.Context(), run{settings: s, seed: seed + uint64(live.Repetition()), checkpoints: c,
			report: func(step int, m train.Metrics) error { return live.Report(step, value(m)) },
			learned: func(history []train.Metrics) error {
				if t.EvaluateAtMost < 0 {
					return nil // the training loss is unknown
				}
				return live.SetUserAttr(lossByEpochKey, lossByEpoch(history))
			}})
		if err != nil {
			return 0, err
		}
		for _, attr := range t.attrs(r) {
			if err := live.SetUserAttr(attr.key, attr.value); err != nil {
				return 0, err
			}
		}
		if t.Keep != nil && live.Repetition() == 0 {
			if err := t.Keep(live.Number(), value(r.Best), net); err != nil {
				return 0, err
			}
		}
		return value(r.Best), nil
	}
}

type attr struct {
	key   string
	value any
}

// attrs returns the user attributes of a trial.
func (t *Task) attrs(r Result) []attr {
	all := []attr{{"best_epoch", r.Best.Epoch}, {"epochs_run", r.EpochsRun}}
	if t.EvaluateAtMost >= 0 {
		all = append(all, attr{lossByEpochKey, lossByEpoch(r.History)})
	}
	if se, ok := t.standardError(r.Best.Validation); ok {
		all = append(all, attr{StandardErrorKey, se})
	}
	parts := []struct {
		name string
		s    train.Scores
		ok   bool
	}{{"train", r.Best.Train, t.EvaluateAtMost >= 0}, {"validation", r.Best.Validation, true},
		{"test", r.Test, t.Test.Len() > 0}}
	for _, part := range parts {
		if !part.ok {
			continue
		}
		all = append(all, attr{part.name + "_loss", part.s.Loss})
		if t.Training.Targets != nil {
			all = append(all, attr{part.name + "_rmse", t.scale.rmse(part.s.RMSE)})
			if part.s.HasR2 {
				all = append(all, attr{part.name + "_r2", part.s.R2})
			}
			continue
		}
		all = append(all, attr{part.name + "_accuracy", part.s.Accuracy})
		if part.s.HasAUROC {
			all = append(all, attr{part.name + "_auroc", part.s.AUROC})
		}
	}
	return all
}

// StandardErrorKey is the user attribute of a trial with the standard error of its value, if that is a
// loss, an accuracy or an rmse: how much other validation examples of the same kind would change it.
const StandardErrorKey = "validation_se"

// standardError returns the standard error of the metric on the validation set.
func (t *Task) standardError(s train.Scores) (se float64, ok bool) {
	switch t.metric() {
	case train.MetricLoss:
		se = s.LossSE
	case train.MetricAccuracy:
		se = math.Sqrt(s.Accuracy * (1 - s.Accuracy) / float64(t.Validation.Len()))
	case train.MetricRMSE:
		se = t.scale.rmse(s.LossSE / (2 * s.RMSE)) // the derivative of a square root
	}
	return se, se > 0 && !math.IsInf(se, 0)
}

// lossByEpochKey is the attribute that study/plot draws learning curves from.
const lossByEpochKey = "loss_by_epoch"

// lossByEpoch returns [training, validation] losses by epoch.
func lossByEpoch(history []train.Metrics) [][2]float64 {
	all := make([][2]float64, len(history))
	for i, m := range history {
		all[i] = [2]float64{m.Train.Loss, m.Validation.Loss}
	}
	return all
}
