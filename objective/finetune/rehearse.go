package finetune

import (
	"context"

	"github.com/bluefin-hpo/bluefin/objective/train"
)

// Rehearse runs one epoch with settings s on a small part of the data, such as
// 0.05 of it, and says what a trial would take in time and memory. So mistakes
// show in seconds, before a study begins. The first trainings of several stages
// cost less, folds as often as there are folds.
func (t *Task) Rehearse(ctx context.Context, s Settings, seed uint64, fraction float64) (train.Rehearsal, error) {
	if err := t.check(s); err != nil {
		return train.Rehearsal{}, err
	}
	if err := t.start(); err != nil {
		return train.Rehearsal{}, err
	}
	r := run{Task: t, settings: s, seed: seed}
	net, err := r.network(s.FrozenLayers)
	if err != nil {
		return train.Rehearsal{}, err
	}
	return train.Rehearse(ctx, net, t.Training, t.Validation, t.config(s, seed), fraction)
}
