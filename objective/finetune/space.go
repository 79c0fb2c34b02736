package finetune

import (
	"github.com/bluefin-hpo/bluefin/objective/train"
	"github.com/bluefin-hpo/bluefin/space"
)

// The names of the parameters, which are those of Settings in JSON.
const (
	nameLearningRate    = "learning_rate"
	nameBatchSize       = "batch_size"
	nameNumTrainEpochs  = "num_train_epochs"
	nameDropout         = "dropout"
	nameWeightDecay     = "weight_decay"
	nameLRSchedulerType = "lr_scheduler_type"
	nameWarmupRatio     = "warmup_ratio"
	nameFrozenLayers    = "frozen_layers"
)

// A Space says where each of the Settings is searched. To keep one fixed, give
// it a range of one value.
type Space struct {
	LearningRate    space.Float
	BatchSize       space.Int
	NumTrainEpochs  space.Int
	Dropout         space.Float
	WeightDecay     space.Float
	LRSchedulerType space.Choice[string]
	WarmupRatio     space.Float
	FrozenLayers    space.Int
}

// DefaultSpace returns the ranges that the task is searched in. They hold the
// Defaults.
func DefaultSpace() Space {
	return Space{
		LearningRate:    space.Float{Low: 1e-5, High: 1e-1, Log: true},
		BatchSize:       space.Int{Low: 4, High: 64, Log: true},
		NumTrainEpochs:  space.Int{Low: 5, High: 60},
		Dropout:         space.Float{Low: 0, High: 0.5},
		WeightDecay:     space.Float{Low: 1e-4, High: 1, Log: true},
		LRSchedulerType: space.Choose(string(train.Constant), string(train.Linear), string(train.Cosine)),
		WarmupRatio:     space.Float{Low: 0, High: 0.3},
		FrozenLayers:    space.Int{Low: 0, High: Layers},
	}
}

// Dims returns the parameters by name.
func (s Space) Dims() space.Space {
	return space.New(
		space.Dimension{Name: nameLearningRate, Dist: s.LearningRate},
		space.Dimension{Name: nameBatchSize, Dist: s.BatchSize},
		space.Dimension{Name: nameNumTrainEpochs, Dist: s.NumTrainEpochs},
		space.Dimension{Name: nameDropout, Dist: s.Dropout},
		space.Dimension{Name: nameWeightDecay, Dist: s.WeightDecay},
		space.Dimension{Name: nameLRSchedulerType, Dist: s.LRSchedulerType.Dist()},
		space.Dimension{Name: nameWarmupRatio, Dist: s.WarmupRatio},
		space.Dimension{Name: nameFrozenLayers, Dist: s.FrozenLayers},
	)
}
