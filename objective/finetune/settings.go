package finetune

import (
	"fmt"
	"math"

	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// Settings are the hyperparameters of a fine-tuning, named as in Hugging Face's TrainingArguments
// and PEFT.
type Settings struct {
	LearningRate    float64 `json:"learning_rate"`     // peak of the schedule, above 0
	BatchSize       int     `json:"batch_size"`        // examples per batch, at least 1 and at most all
	NumTrainEpochs  int     `json:"num_train_epochs"`  // maximum, at least 1; the schedule ends there
	Dropout         float64 `json:"dropout"`           // rate in trained blocks, in [0, 1); frozen ones have none
	WeightDecay     float64 `json:"weight_decay"`      // of AdamW, at least 0; not on biases and norms
	LRSchedulerType string  `json:"lr_scheduler_type"` // after the warmup: see train.Schedule
	WarmupRatio     float64 `json:"warmup_ratio"`      // share of the steps in which the rate rises from 0, in [0, 1]

	// FrozenLayers is how many blocks keep their pretrained weights, from the input on: from 0,
	// which trains everything, to Task.Layers, which trains only the head. The embeddings of a text
	// encoder are its first block.
	FrozenLayers int `json:"frozen_layers"`

	LabelSmoothing            float64 `json:"label_smoothing_factor"`      // share spread over all classes, in [0, 1)
	MaxGradNorm               float64 `json:"max_grad_norm"`               // gradients are scaled down to it; 0: never
	GradientAccumulationSteps int     `json:"gradient_accumulation_steps"` // batches per step; 0 or 1: one

	// Tuning is what is trained in the blocks that are not frozen: Full, BitFit or LoRA; "" means
	// Full. The head is always trained.
	Tuning    string  `json:"tuning"`
	LoRARank  int     `json:"lora_r"`     // with LoRA, at least 1
	LoRAAlpha float64 `json:"lora_alpha"` // with LoRA, above 0: an update is scaled by lora_alpha/lora_r

	// LayerwiseLRDecay is the ratio of a block's learning rate to that of the block above it, in
	// (0, 1]; 0 means 1.
	LayerwiseLRDecay float64 `json:"layerwise_lr_decay"`

	// GradualUnfreezing trains the head alone in the first epoch and one more block, from the top
	// down, in each further one: Howard and Ruder, "Universal Language Model Fine-tuning for Text
	// Classification", 2018.
	GradualUnfreezing bool `json:"gradual_unfreezing"`
}

// Values of Settings.Tuning.
const (
	Full   = "full"   // everything
	BitFit = "bitfit" // the biases: Ben Zaken, Ravfogel and Goldberg, "BitFit", 2022
	LoRA   = "lora"   // low-rank updates of the weights: Hu et al., "LoRA", 2022
)

// Defaults returns settings that work well for small networks without a search.
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
		Tuning:          Full,
	}
}

// Check returns an error that names the first field out of range, its value and the range, for a
// network with the given number of blocks.
func (s Settings) Check(layers int) error {
	switch {
	case !(s.LearningRate > 0) || math.IsInf(s.LearningRate, 0):
		return fmt.Errorf("learning_rate is %v, want a finite number above 0", s.LearningRate)
	case s.BatchSize < 1:
		return fmt.Errorf("batch_size is %d, want at least 1", s.BatchSize)
	case s.NumTrainEpochs < 1:
		return fmt.Errorf("num_train_epochs is %d, want at least 1", s.NumTrainEpochs)
	case !(s.Dropout >= 0 && s.Dropout < 1):
		return fmt.Errorf("dropout is %v, want at least 0 and below 1", s.Dropout)
	case !(s.WeightDecay >= 0) || math.IsInf(s.WeightDecay, 0):
		return fmt.Errorf("weight_decay is %v, want a finite number of at least 0", s.WeightDecay)
	case !(s.WarmupRatio >= 0 && s.WarmupRatio <= 1):
		return fmt.Errorf("warmup_ratio is %v, want 0 to 1", s.WarmupRatio)
	case s.FrozenLayers < 0 || s.FrozenLayers > layers:
		return fmt.Errorf("frozen_layers is %d, want 0 to %d", s.FrozenLayers, layers)
	case !(s.LabelSmoothing >= 0 && s.LabelSmoothing < 1):
		return fmt.Errorf("label_smoothing_factor is %v, want at least 0 and below 1", s.LabelSmoothing)
	case !(s.MaxGradNorm >= 0):
		return fmt.Errorf("max_grad_norm is %v, want above 0, or 0 for none", s.MaxGradNorm)
	case s.GradientAccumulationSteps < 0:
		return fmt.Errorf("gradient_accumulation_steps is %d, want at least 1", s.GradientAccumulationSteps)
	case s.Tuning != "" && s.Tuning != Full && s.Tuning != BitFit && s.Tuning != LoRA:
		return fmt.Errorf("tuning is %q, want %q, %q or %q", s.Tuning, Full, BitFit, LoRA)
	case s.Tuning == LoRA && s.LoRARank < 1:
		return fmt.Errorf("lora_r is %d, want at least 1", s.LoRARank)
	case s.Tuning == LoRA && (!(s.LoRAAlpha > 0) || math.IsInf(s.LoRAAlpha, 0)):
		return fmt.Errorf("lora_alpha is %v, want a finite number above 0", s.LoRAAlpha)
	case !(s.LayerwiseLRDecay >= 0 && s.LayerwiseLRDecay <= 1):
		return fmt.Errorf("layerwise_lr_decay is %v, want above 0 to 1", s.LayerwiseLRDecay)
	}
	if err := train.Schedule(s.LRSchedulerType).Check(); err != nil {
		return fmt.Errorf("lr_scheduler_type: %w", err)
	}
	return nil
}
