package finetune

import (
	"fmt"
	"slices"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/split"
)

// Stages divides a trial into several trainings, so that a pruner can stop it early. Each stage
// starts from the pretrained weights. At most one field is set.
type Stages struct {
	// Folds is the number of folds of a cross-validation, for small data: at least 2, or 0 for
	// none. Training and validation examples are joined and split into this many stratified parts,
	// and each part in turn validates a training on the others. After fold 1, 2, … the mean so far
	// is reported; the mean over all is the value of the trial.
	Folds int `json:"folds,omitempty"`

	// Fidelity selects what grows over three stages: a cheap, a dearer and a full training, whose
	// metrics are reported at steps 1, 3 and 9. The last one is the value of the trial.
	Fidelity string `json:"fidelity,omitempty"`
}

// Values of Stages.Fidelity.
const (
	// Epochs does not divide the trial: a pruner sees a report per epoch.
	Epochs = ""
	// Data trains on a ninth, a third and all of the training examples, stratified and nested.
	Data = "data"
	// Freezing trains with all blocks frozen, then half of those that the settings train, then as
	// the settings say. More frozen blocks cost less time and memory.
	Freezing = "freezing"
)

func (s Stages) check() error {
	switch {
	case s.Folds < 0 || s.Folds == 1:
		return fmt.Errorf("folds is %d, want at least 2, or 0 for none", s.Folds)
	case s.Fidelity != Epochs && s.Fidelity != Data && s.Fidelity != Freezing:
		return fmt.Errorf("fidelity is %q, want %q, %q or %q for epochs", s.Fidelity, Data, Freezing, Epochs)
	case s.Folds > 0 && s.Fidelity != Epochs:
		return fmt.Errorf("folds is %d and fidelity is %q, want at most one of them", s.Folds, s.Fidelity)
	}
	return nil
}

// cost is the cost of a trial relative to a single training, at most: deeper freezing costs less.
func (s Stages) cost() float64 {
	switch {
	case s.Folds > 0:
		return float64(s.Folds)
	case s.Fidelity == Data:
		return 1./9 + 1./3 + 1
	case s.Fidelity == Freezing:
		return 3
	}
	return 1
}

// A stage is one training of a trial. Its examples are indices into the training set followed by
// the validation set; nil means the whole set.
type stage struct {
	step                 int // of its report
	frozen               int // blocks
	training, validation []int
}

// stages returns the trainings of a trial.
func (t *Task) stages(s Settings, seed uint64) ([]stage, error) {
	n, labels := t.Training.Len(), t.Training.Labels
	switch {
	case t.Stages.Folds > 0:
		folds, err := split.Folds(n+t.Validation.Len(), t.Stages.Folds, slices.Concat(labels, t.Validation.Labels), seed)
		all := make([]stage, len(folds))
		for i, f := range folds {
			all[i] = stage{step: i + 1, frozen: s.FrozenLayers, training: f.Training, validation: f.Validation}
		}
		return all, err
	case t.Stages.Fidelity == Data:
		ninth, err := split.Subset(n, labels, 1./9, seed)
		if err != nil {
			return nil, err
		}
		third, err := split.Subset(n, labels, 1./3, seed)
		return []stage{
			{step: 1, frozen: s.FrozenLayers, training: ninth},
			{step: 3, frozen: s.FrozenLayers, training: third},
			{step: 9, frozen: s.FrozenLayers},
		}, err
	case t.Stages.Fidelity == Freezing:
		return []stage{
			{step: 1, frozen: t.Layers},
			{step: 3, frozen: (t.Layers + s.FrozenLayers + 1) / 2},
			{step: 9, frozen: s.FrozenLayers},
		}, nil
	}
	return []stage{{frozen: s.FrozenLayers}}, nil
}

// streamLoRA is the random stream of fresh low-rank terms; the fresh head has 0, package train
// others.
const streamLoRA = 1 << 40
