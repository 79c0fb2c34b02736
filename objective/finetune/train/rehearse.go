package train

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/split"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// A Rehearsal is what a training would take, measured on a part of the data.
type Rehearsal struct {
	Examples  int           // of the training set that were trained on
	Epoch     time.Duration // wall time of an epoch of the whole training set, estimated, with its evaluations
	Total     time.Duration // of all epochs, if the training does not stop early
	Footprint Footprint     // with the longest examples in one batch
	Metrics   Metrics       // after that epoch, on the parts of the data: they say that something was learned, no more
}

// Rehearse runs one epoch on a fraction of each set, in (0, 1], and one batch
// at least, so that mistakes show in seconds: it returns the errors that Fit
// would, also for the whole sets. What is unfrozen gradually trains at once.
// The network is as before in the end.
func Rehearse(ctx context.Context, net *nn.Network, training, validation Set, c Config, fraction float64) (Rehearsal, error) {
	return rehearse(ctx, net, training, validation, c, fraction, time.Now)
}

func rehearse(ctx context.Context, net *nn.Network, training, validation Set, c Config, fraction float64, now func() time.Time) (Rehearsal, error) {
	if err := check(net, training, validation, c); err != nil {
		return Rehearsal{}, err
	}
	if !(fraction > 0 && fraction <= 1) {
		return Rehearsal{}, fmt.Errorf("fraction is %v, want above 0 and at most 1", fraction)
	}
	c = c.withDefaults()
	c.GradualUnfreezing = false
	part := training.beginning(max(split.Share(training.Len(), fraction), c.BatchSize), c.Seed)
	judge := validation.beginning(split.Share(validation.Len(), fraction), c.Seed)
	f := newFit(net, part, c)
	before := snapshot(nil, f.params)
	defer func() {
		put(f.params, before)
		f.leave()
	}()

	r := Rehearsal{Examples: part.Len(), Metrics: Metrics{Epoch: 1}}
	start := now()
	if err := f.epoch(ctx, 1); err != nil {
		return Rehearsal{}, err
	}
	trained := now()
	r.Metrics.Validation = Evaluate(net, judge)
	judged := now()
	if s := f.scored(); s.Len() > 0 {
		r.Metrics.Train = Evaluate(net, s)
	}
	scored := now()
	per := func(d time.Duration, done, all int) time.Duration {
		return time.Duration(float64(d) / float64(done) * float64(all))
	}
	r.Epoch = per(trained.Sub(start), part.Len(), training.Len()) + per(judged.Sub(trained), judge.Len(), validation.Len())
	if n := c.scoredExamples(part.Len()); n > 0 {
		r.Epoch += per(scored.Sub(judged), n, c.scoredExamples(training.Len()))
	}
	r.Total = time.Duration(c.Epochs) * r.Epoch
	if !finite(r.Metrics.Train.Loss) || !finite(r.Metrics.Validation.Loss) {
		return Rehearsal{}, f.diverged("loss", 1)
	}
	f.longest(training)
	r.Footprint = measure(net)
	return r, nil
}

// beginning returns the first n examples of s in a stratified order, at most
// all.
func (s Set) beginning(n int, seed uint64) Set {
	if n >= s.Len() {
		return s
	}
	return s.Select(split.Order(s.Len(), s.Labels, seed)[:n])
}

// longest sends the longest examples through the network, as many as a batch
// has, in both directions. The gradients are of no use after it.
func (f *fit) longest(s Set) {
	order := make([]int, s.Len())
	for i := range order {
		order[i] = i
	}
	if s.Lens != nil {
		slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(s.Lens[j], s.Lens[i]) })
	}
	order = order[:min(f.c.BatchSize, len(order))]
	f.pass(s.Select(order), f.loss.weight(s, order), f.dropout(1))
}
