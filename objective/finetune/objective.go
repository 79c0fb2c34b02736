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
// To make the recommended settings the first trial, queue them:
//
//	s.EnqueueFirst(ctx, finetune.Defaults().Params())
func (t *Task) Objective(sp Space, seed uint64) study.Objective {
	return func(live *study.Trial) (float64, error) {
		s := sp.suggest(live)
		if err := live.Err(); err != nil {
			return 0, err
		}
		r, err := t.Run(live.Context(), s, seed, func(epoch int, m Metrics) error {
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
