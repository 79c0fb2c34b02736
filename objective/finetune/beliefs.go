package finetune

import "github.com/bluefin-hpo/bluefin/space"

// DefaultBeliefs are how sure it is that good settings are near a task's Defaults, by parameter:
// docs/finetuning.md names the source of each. They are the same for all tasks, as the centers are
// the task's own.
func DefaultBeliefs() map[string]space.Confidence {
	return map[string]space.Confidence{
		"learning_rate":     0.15, // the setting that matters most, known to within a factor of about four
		"batch_size":        0.25,
		"num_train_epochs":  0.25,
		"dropout":           0.25,
		"weight_decay":      0.25,
		"lr_scheduler_type": space.Vague,
		"frozen_layers":     space.Vague, // depends on how like the data are those of the pretraining
	}
}

// VagueBeliefs are DefaultBeliefs for tasks that are unlike those the Defaults are for.
func VagueBeliefs() map[string]space.Confidence {
	all := DefaultBeliefs()
	for name := range all {
		all[name] = space.Vague
	}
	return all
}
