package finetune

import (
	"fmt"
	"slices"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/split"
)

// Stages divides a trial into several trainings, so that a pruner can judge it
// by less than the whole. Each stage begins with the pretrained weights. At
// most one field is set.
type Stages struct {
	// Folds is for small data: the examples of training and validation together
	// are divided into so many parts, with the same share of each class in all
	// of them, and each part in turn is what the training on the others is
	// judged by. The value of a trial is the mean over the folds; after each
	// fold, 1, 2, …, the mean so far is reported. 0: no folds; else at least 2.
	Folds int `json:"folds,omitempty"`

	// Fidelity is what grows from stage to stage, three times: after stages of
	// a small, a larger and the whole cost, at steps 1, 3 and 9, the metrics of
	// that stage are reported. The value of a trial is that of the last one.
	Fidelity string `json:"fidelity,omitempty"`
}

// The fidelities.
const (
	// Epochs is the fidelity of a trial that is not divided: a pruner judges
	// by what is reported after each epoch.
	Epochs = ""
	// Data trains on a ninth, on a third and on all of the training examples,
	// of each class alike; each part is in the next.
	Data = "data"
	// Freezing freezes all blocks, then half of those that the settings train,
	// then as the settings say. More frozen blocks cost less time and memory.
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

// cost is how many times that of a single training a trial takes at most: a
// deeper freeze takes less than a training as the settings say.
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

// A stage is one training of a trial. Its examples are places in the training
// part followed by the validation part; nil means all of the part.
type stage struct {
	step                 int // at which its end is reported
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

// streamLoRA is the random stream of fresh low-rank terms; 0 is that of the
// fresh head, and train has streams of its own.
const streamLoRA = 1 << 40
