package finetune

import (
	"context"
	"time"

	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// Rehearse runs one epoch with settings s on a fraction of the data, such as 0.05, and estimates
// the time and memory of a trial, so that mistakes show within seconds. Total is for all stages.
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
	rehearsal, err := train.Rehearse(ctx, net, t.Training, t.Validation, t.config(s, seed), fraction)
	rehearsal.Total = time.Duration(t.Stages.cost() * float64(rehearsal.Total))
	return rehearsal, err
}
