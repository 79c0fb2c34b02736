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

// A Rehearsal estimates the cost of a training from one epoch on part of the data.
type Rehearsal struct {
	Examples  int           // trained on
	Epoch     time.Duration // estimated wall time of an epoch on all data, with its evaluation
	Total     time.Duration // of all epochs, without early stopping
	Footprint Footprint     // with the longest examples in one batch
	Metrics   Metrics       // after the epoch, on the same part: a sanity check only
}

// Rehearse runs one epoch on a fraction of each set, in (0, 1], but at least one batch, so that
// mistakes show within seconds. It returns the errors that Fit would, also those about the whole
// sets. Gradual unfreezing is off. The network is unchanged in the end.
func Rehearse(ctx context.Context, net *nn.Network, training, validation Set, c Config,
	fraction float64) (Rehearsal, error) {
	return rehearse(ctx, net, training, validation, c, fraction, time.Now)
}

// rehearse is Rehearse with a clock for tests.
func rehearse(ctx context.Context, net *nn.Network, training, validation Set, c Config, fraction float64,
	now func() time.Time) (Rehearsal, error) {
	if err := check(net, training, validation, c); err != nil {
		return Rehearsal{}, err
	}
	if !(fraction > 0 && fraction <= 1) {
		return Rehearsal{}, fmt.Errorf("fraction is %v, want above 0 and at most 1", fraction)
	}
	c = c.withDefaults()
	// The first epoch would train the head alone and be too fast to judge by.
	c.GradualUnfreezing = false
	// A batch at least, or the estimate would rest on a smaller one than the training uses.
	part := training.beginning(max(split.Share(training.Len(), fraction), c.BatchSize), c.Seed)
	judge := validation.beginning(split.Share(validation.Len(), fraction), c.Seed)
	f := newFit(net, part, c)
	// The real training must start from the same weights.
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
	// Training, validation and scoring scale with different numbers of examples.
	trained := now()
	r.Metrics.Validation = Evaluate(net, judge)
	judged := now()
	if s := f.scored(); s.Len() > 0 {
		r.Metrics.Train = Evaluate(net, s)
	}
	scored := now()
	// Linear in the examples: everything passes through the network once.
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
	// Buffers grow to the longest batch, which may not have been in the part.
	f.longest(training)
	r.Footprint = measure(net)
	return r, nil
}

// beginning returns the first n examples of s, at most all, in a stratified order.
func (s Set) beginning(n int, seed uint64) Set {
	if n >= s.Len() {
		return s
	}
	// Stratified, so a small part of a classification still has every class.
	return s.Select(split.Order(s.Len(), s.Labels, seed)[:n])
}

// longest sends a batch of the longest examples through the network in both directions. The
// gradients are meaningless afterwards.
func (f *fit) longest(s Set) {
	order := make([]int, s.Len())
	for i := range order {
		order[i] = i
	}
	// Stable, so equal lengths give the same batch each time.
	if s.Lens != nil {
		slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(s.Lens[j], s.Lens[i]) })
	}
	order = order[:min(f.c.BatchSize, len(order))]
	f.pass(s.Select(order), f.loss.weight(s, order), f.dropout(1))
}
