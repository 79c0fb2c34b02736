package finetune

import (
	"github.com/bluefin-hpo/bluefin/study"
)

// Objective returns the objective of a study that searches for settings in sp:
// a trial trains the network and its value is the lowest validation loss,
// which is to be minimized.
//
// All trials train with the same seed, that is with the same fresh head, order
// of examples and dropout stream, so that they differ by their settings alone
// and not by luck. Give it the seed of the study.
//
// After each epoch the validation loss is reported, with the number of epochs
// trained as the step, so that a pruner can act. A trial that trains to its
// end has the user attributes train_loss, train_accuracy, validation_accuracy,
// best_epoch, epochs_run, test_loss and test_accuracy; see Result. Nothing
// should be chosen by the last two.
//
// A training that runs for longer than CheckpointEvery saves its state with the
// trial. When the trial is begun again, after its process was killed or its
// study was interrupted, it goes on from there, and ends as if nothing had
// happened; without a checkpoint it starts at its beginning and ends the same.
// A checkpoint that is damaged, or of another seed or task, is an error that
// matches ErrCheckpoint and fails the trial: its reports so far may not be
// those of this training.
//
// To make the recommended settings the first trial, queue them:
//
//	s.EnqueueFirst(ctx, finetune.Defaults().Params())
func (t *Task) Objective(sp Space, seed uint64) study.Objective {
	return func(live *study.Trial) (float64, error) {
		s := sp.suggest(live)
		if err := live.Err(); err != nil {
			return 0, err
		}
		// The report of an epoch comes before its checkpoint: if the process
		// ends between the two, the trial goes back to the checkpoint before,
		// and reports the epoch again.
		c := Checkpoints{Save: live.Checkpoint}
		earlier, err := live.Resume()
		if err != nil {
			return 0, err
		}
		if earlier != nil {
			c.From = earlier.Data
		}
		r, err := t.RunFrom(live.Context(), c, s, seed, func(epoch int, m Metrics) error {
			return live.Report(epoch, m.ValidationLoss)
		})
		if err != nil {
			return 0, err
		}
		for _, attr := range []struct {
			key   string
			value any
		}{
			{"train_loss", r.TrainLoss},
			{"train_accuracy", r.TrainAccuracy},
			{"validation_accuracy", r.ValidationAccuracy},
			{"best_epoch", r.BestEpoch},
			{"epochs_run", r.EpochsRun},
			{"test_loss", r.TestLoss},
			{"test_accuracy", r.TestAccuracy},
		} {
			if err := live.SetUserAttr(attr.key, attr.value); err != nil {
				return 0, err
			}
		}
		return r.ValidationLoss, nil
	}
}

func (s Space) suggest(t *study.Trial) Settings {
	return Settings{
		LearningRate:    study.Suggest(t, nameLearningRate, s.LearningRate),
		BatchSize:       study.Suggest(t, nameBatchSize, s.BatchSize),
		NumTrainEpochs:  study.Suggest(t, nameNumTrainEpochs, s.NumTrainEpochs),
		Dropout:         study.Suggest(t, nameDropout, s.Dropout),
		WeightDecay:     study.Suggest(t, nameWeightDecay, s.WeightDecay),
		LRSchedulerType: study.Suggest(t, nameLRSchedulerType, s.LRSchedulerType),
		WarmupRatio:     study.Suggest(t, nameWarmupRatio, s.WarmupRatio),
		FrozenLayers:    study.Suggest(t, nameFrozenLayers, s.FrozenLayers),
	}
}
