package finetune

import (
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
)

// Objective returns the objective of a study that searches for settings in sp:
// a trial trains the network, and its value is the best validation metric: the
// lowest loss, which is to be minimized, unless the task has another Metric,
// which may be one to maximize (Metric.Higher).
//
// All trials train with the same seed, that is with the same fresh head, order
// of examples and dropout stream, so that they differ by their settings alone
// and not by luck. Give it the seed of the study.
//
// After each epoch the metric is reported, with the number of epochs trained as
// the step, so that a pruner can act; see Stages for trials of several
// trainings. A trial that trains to its end has the user attributes best_epoch,
// epochs_run, loss_by_epoch (pairs of training and validation loss) and, with
// train_, validation_ and test_ before it, loss and accuracy, and auroc where
// there are two classes, or loss, rmse and r2; see Result. An rmse is in the
// units before Standardize. Nothing should be chosen by those of the test.
//
// A training that runs for longer than CheckpointEvery saves its state with the
// trial. When the trial is begun again, after its process was killed or its
// study was interrupted, it goes on from there, and ends as if nothing had
// happened; without a checkpoint it starts at its beginning and ends the same.
// A state of more than storage.MaxCheckpoint bytes, four numbers of 32 bits for
// each trained parameter, is not saved: see Notes.
// A checkpoint that is damaged, or of another seed or task, is an error that
// matches train.ErrState and fails the trial: its reports so far may not be
// those of this training.
//
// To make the recommended settings the first trial, queue them:
//
//	s.EnqueueFirst(ctx, sp.Params(task.Defaults, task.Layers))
func (t *Task) Objective(sp Space, seed uint64) study.Objective {
	return func(live *study.Trial) (float64, error) {
		s := sp.suggest(live, t.Defaults, t.Layers)
		if err := live.Err(); err != nil {
			return 0, err
		}
		// The report of an epoch comes before its checkpoint: if the process
		// ends between the two, the trial goes back to the checkpoint before,
		// and reports the epoch again.
		c := Checkpoints{Save: live.Checkpoint, MaxBytes: storage.MaxCheckpoint}
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
		net, r, err := t.Train(live.Context(), c, s, seed, func(step int, m train.Metrics) error {
			return live.Report(step, value(m))
		})
		if err != nil {
			return 0, err
		}
		for _, attr := range t.attrs(r) {
			if err := live.SetUserAttr(attr.key, attr.value); err != nil {
				return 0, err
			}
		}
		if t.Keep != nil {
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

// attrs are what a trial says about itself.
func (t *Task) attrs(r Result) []attr {
	all := []attr{{"best_epoch", r.Best.Epoch}, {"epochs_run", r.EpochsRun}}
	if t.EvaluateAtMost >= 0 {
		all = append(all, attr{"loss_by_epoch", lossByEpoch(r.History)})
	}
	parts := []struct {
		name string
		s    train.Scores
		ok   bool
	}{{"train", r.Best.Train, t.EvaluateAtMost >= 0}, {"validation", r.Best.Validation, true}, {"test", r.Test, t.Test.Len() > 0}}
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

// lossByEpoch returns [training, validation] losses by epoch.
func lossByEpoch(history []train.Metrics) [][2]float64 {
	all := make([][2]float64, len(history))
	for i, m := range history {
		all[i] = [2]float64{m.Train.Loss, m.Validation.Loss}
	}
	return all
}
