package finetune

import (
	"fmt"
	"math"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/mlp"
	"github.com/bluefin-hpo/bluefin/objective/train"
)

// Layers is the number of layers that can be frozen: all but the head.
const Layers = mlp.Hidden

// Settings are the hyperparameters of a fine-tuning, by the names that Hugging
// Face's TrainingArguments use where it has them.
type Settings struct {
	LearningRate    float64 `json:"learning_rate"`     // peak of the schedule, above 0
	BatchSize       int     `json:"batch_size"`        // examples per step, at least 1; more than there are means all
	NumTrainEpochs  int     `json:"num_train_epochs"`  // passes over the training part at most, at least 1; where the schedule ends
	Dropout         float64 `json:"dropout"`           // after each hidden layer that is trained, in [0, 1); frozen layers have none
	WeightDecay     float64 `json:"weight_decay"`      // of AdamW, at least 0; not on biases
	LRSchedulerType string  `json:"lr_scheduler_type"` // after the warmup: "constant", "linear" or "cosine" (the last two end at 0)
	WarmupRatio     float64 `json:"warmup_ratio"`      // share of the steps in which the learning rate rises from 0, in [0, 1]
	FrozenLayers    int     `json:"frozen_layers"`     // layers that keep their pretrained weights, from the input on, 0 to Layers
}

// Defaults returns the settings that we recommend where no search is made:
// what one would write down from experience with small networks.
func Defaults() Settings {
	return Settings{
		LearningRate:    1e-3,
		BatchSize:       8,
		NumTrainEpochs:  30,
		Dropout:         0.1,
		WeightDecay:     0.01,
		LRSchedulerType: string(train.Linear),
		WarmupRatio:     0.1,
		FrozenLayers:    0,
	}
}

// Check returns an error that names the first field out of its range, its
// value and the range.
func (s Settings) Check() error {
	switch {
	case !(s.LearningRate > 0) || math.IsInf(s.LearningRate, 0):
		return fmt.Errorf("finetune: learning_rate is %v, want a finite number above 0", s.LearningRate)
	case s.BatchSize < 1:
		return fmt.Errorf("finetune: batch_size is %d, want at least 1", s.BatchSize)
	case s.NumTrainEpochs < 1:
		return fmt.Errorf("finetune: num_train_epochs is %d, want at least 1", s.NumTrainEpochs)
	case !(s.Dropout >= 0 && s.Dropout < 1):
		return fmt.Errorf("finetune: dropout is %v, want at least 0 and below 1", s.Dropout)
	case !(s.WeightDecay >= 0) || math.IsInf(s.WeightDecay, 0):
		return fmt.Errorf("finetune: weight_decay is %v, want a finite number of at least 0", s.WeightDecay)
	case !(s.WarmupRatio >= 0 && s.WarmupRatio <= 1):
		return fmt.Errorf("finetune: warmup_ratio is %v, want 0 to 1", s.WarmupRatio)
	case s.FrozenLayers < 0 || s.FrozenLayers > Layers:
		return fmt.Errorf("finetune: frozen_layers is %d, want 0 to %d", s.FrozenLayers, Layers)
	}
	if err := train.Schedule(s.LRSchedulerType).Check(); err != nil {
		return fmt.Errorf("finetune: lr_scheduler_type: %w", err)
	}
	return nil
}

// Params returns the settings by their names, in the external form of the
// parameters of Space, as one queues a trial with them.
func (s Settings) Params() map[string]any {
	return map[string]any{
		nameLearningRate:    s.LearningRate,
		nameBatchSize:       s.BatchSize,
		nameNumTrainEpochs:  s.NumTrainEpochs,
		nameDropout:         s.Dropout,
		nameWeightDecay:     s.WeightDecay,
		nameLRSchedulerType: s.LRSchedulerType,
		nameWarmupRatio:     s.WarmupRatio,
		nameFrozenLayers:    s.FrozenLayers,
	}
}
