package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/bluefin-hpo/bluefin/objective/functions"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A tuning is a task of the fine-tuning benchmark: what to search, and how a setting trains. It is
// safe for concurrent use.
type tuning struct {
	name   string
	id     string             // of the data and the space: searches with other ids do not compare
	epochs int                // of a full training
	dims   space.Space        // all parameters that a setting may have
	first  map[string]float64 // the recommended setting, in internal form

	// draw asks for the parameters of a setting and returns it.
	draw func(ask functions.Ask) point

	// curve returns the value after each epoch of a training, at least of the first n epochs.
	curve func(ctx context.Context, p point, n int) ([]float64, error)

	best    bool                    // a training is worth its best epoch, not its last one
	minimum func() float64          // the least value of a full training that is known
	sibling func() (*tuning, error) // the same task with other data; nil: there is none
}

// A point is a setting: the values of its parameters in internal form, as they were asked for.
type point map[string]float64

// value is what a training with this curve is worth.
func (t *tuning) value(curve []float64) float64 {
	if t.best {
		return slices.Min(curve)
	}
	return curve[len(curve)-1]
}

// full trains a setting to its end.
func (t *tuning) full(ctx context.Context, p point) (float64, error) {
	curve, err := t.curve(ctx, p, t.epochs)
	if err != nil {
		return 0, err
	}
	return t.value(curve[:t.epochs]), nil
}

// answer is the ask that returns the values of p, and any value for others.
func (p point) answer() functions.Ask {
	return func(name string, d space.Dist) float64 {
		if x, ok := p[name]; ok && d.Contains(x) {
			return x
		}
		return d.Value(0.5)
	}
}

// A tried is a setting and the value of its full training.
type tried struct {
	point point
	value float64
}

// reference trains n random settings, always the same ones, and the recommended one at first. It
// returns all but that by value.
func (t *tuning) reference(ctx context.Context, n int) ([]tried, error) {
	if _, err := t.full(ctx, t.draw(point(t.first).answer())); err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(42, 0))
	list := make([]tried, n)
	for i := range list {
		p := t.draw(func(_ string, d space.Dist) float64 { return d.Value(rng.Float64()) })
		value, err := t.full(ctx, p)
		if err != nil {
			return nil, err
		}
		list[i] = tried{p, value}
	}
	slices.SortStableFunc(list, func(a, b tried) int {
		return cmp.Compare(a.value, b.value)
	})
	return list, nil
}

// beliefNames are the kinds of belief that a search may start with; earlier is an earlier study, which our
// engine learns from by WarmStart.
var beliefNames = []string{"none", "good", "vague", "wrong", "earlier"}

// referenceTrials is the number of random settings that beliefs are derived from.
const referenceTrials = 48

// A start is what every search of a task is given: the setting to try first, and, where the engine
// takes it, the belief that good settings are near it.
type start struct {
	first   point
	spread  space.Confidence // 0: nothing is believed
	earlier []trial.History  // studies of other data, for our engine
}

// earlierTrainings are those of the study that a good belief comes from.
const earlierTrainings = 40

// experience returns the best setting of an earlier study of a sibling task, and the study; a table has
// none, so there it is the best of 24 random settings. Both depend on the seed.
func (t *tuning) experience(ctx context.Context, seed int) (point, []trial.History, error) {
	if t.sibling == nil {
		list, err := t.reference(ctx, referenceTrials)
		if err != nil {
			return nil, nil, err
		}
		rng := rand.New(rand.NewPCG(uint64(seed), 7))
		return list[slices.Min(rng.Perm(len(list))[:len(list)/2])].point, nil, nil
	}
	sibling, err := t.sibling()
	if err != nil {
		return nil, nil, err
	}
	// Optuna's rules, which do not change with our samplers.
	by, err := openOwn(ctx, "tpe-optuna", sibling, start{first: sibling.draw(point(sibling.first).answer())}, uint64(seed))
	if err != nil {
		return nil, nil, err
	}
	steps, err := search(ctx, sibling, by, earlierTrainings*sibling.epochs)
	if err != nil {
		return nil, nil, err
	}
	h, err := by.study.History(ctx)
	return steps[len(steps)-1].point, []trial.History{h}, err
}

// start returns the start of a kind of belief. A good one is centred on what an earlier study found,
// a wrong one on a setting that nine of ten random ones beat.
func (t *tuning) start(ctx context.Context, belief string, seed int) (start, error) {
	recommended := t.draw(point(t.first).answer())
	switch belief {
	case "none":
		return start{first: recommended}, nil
	case "vague":
		return start{first: recommended, spread: space.Vague}, nil
	case "wrong":
		list, err := t.reference(ctx, referenceTrials)
		if err != nil {
			return start{}, err
		}
		// One of three neighbours, so that it is not always the same corner.
		return start{first: list[len(list)*9/10-seed%3].point, spread: space.Confident}, nil
	case "good":
		p, _, err := t.experience(ctx, seed)
		return start{first: t.draw(p.answer()), spread: space.Confident}, err
	case "earlier":
		p, studies, err := t.experience(ctx, seed)
		return start{first: t.draw(p.answer()), earlier: studies}, err
	}
	return start{}, fmt.Errorf("belief %q", belief)
}

// tableTuning is the task of a table with learning curves.
func tableTuning(p functions.Problem, first map[string]float64) (*tuning, error) {
	all, err := space.New(dims(p)...)
	if err != nil {
		return nil, err
	}
	t := &tuning{name: p.Name, id: p.Name, dims: all, first: first, minimum: func() float64 { return p.Minimum }}
	t.draw = func(ask functions.Ask) point {
		chosen := point{}
		p.Value(func(name string, d space.Dist) float64 {
			chosen[name] = ask(name, d)
			return chosen[name]
		})
		return chosen
	}
	t.curve = func(_ context.Context, at point, _ int) ([]float64, error) { return p.Curve(at.answer()), nil }
	middle := p.Curve(func(_ string, d space.Dist) float64 { return d.Value(0.5) })
	t.epochs = len(middle)
	if t.first == nil {
		// Nobody recommends a setting for a table: the middle of each range.
		t.first = t.draw(func(_ string, d space.Dist) float64 { return d.Value(0.5) })
	}
	if t.epochs < 2 || math.IsNaN(p.Minimum) {
		return nil, usagef("--table has %s, want a table with learning curves", p.Name)
	}
	return t, nil
}

// recommended are the settings that one would try first on our tables, as internal values: the
// usual textbook ones.
var recommended = map[string]map[string]float64{
	// Learning rate 0.01, batches of 32, two layers of 32, ReLU, dropout 0.2, cosine.
	"mlp_digits": {"lr_i": 2, "batch_i": 2, "width1_i": 2, "width2_i": 2, "activation": 0, "dropout_i": 1, "schedule": 1},
	// Everything is trained, learning rate 0.001, batches of 16, weight decay 0.01, dropout 0.1, linear with warmup.
	"ft_digits": {"method": 0, "lr_i": 2, "batch_i": 1, "weight_decay_i": 1, "dropout_i": 1, "schedule": 1, "warmup_i": 1,
		"frozen_i": 0},
}
