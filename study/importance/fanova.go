package importance

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/bluefin-hpo/bluefin/trial"
)

// A FANOVA measures how much of the variance of the objective over the whole search space each
// parameter explains on its own: a random forest learns the objective from the trials, and the
// variances in it are computed exactly. What parameters explain only together counts for none of
// them, so the importances sum to at most 1. It wants trials from all over the space, such as those
// of random search. Values count as they are, so a few that are huge hide the others; PEDANOVA goes
// by ranks.
//
// A parameter that a trial does not have cannot matter to it, so the trial gets a random value. A
// conditional parameter thus counts as much as the part of the space in which it exists allows. If
// a range changed, the space has all of it.
//
// See Hutter, Hoos and Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter Importance"
// (ICML 2014). Optuna's evaluator of this name leaves out conditional parameters and those whose
// range changed, and weighs values otherwise: see Plain.
type FANOVA struct {
	Trees int    // 0: 64
	Seed  uint64 // of the forest
	Plain bool   // weigh values as Optuna does: no logarithms, and half a cell for the ends of a grid
}

// Of implements Evaluator.
func (f FANOVA) Of(h trial.History, objective int) ([]Importance, error) {
	m, err := f.prepare(h, objective)
	if err != nil {
		return nil, err
	}
	return m.whole(), nil
}

func (f FANOVA) prepare(h trial.History, objective int) (measure, error) {
	if f.Trees < 0 {
		return measure{}, fmt.Errorf("FANOVA has Trees %d, want at least 1, or 0 for 64", f.Trees)
	}
	trials, err := finite(h, objective)
	if err != nil {
		return measure{}, err
	}
	g := grove{values: centred(trials, objective)}
	absent := rand.New(rand.NewPCG(f.Seed, math.MaxUint64)) // no tree has this stream
	params := columns(trials)
	for _, c := range params {
		cut := f.cut(c, g.values)
		g.edges, g.cells = append(g.edges, cut.edges), append(g.cells, cut.place(c, len(trials), absent))
	}
	list := func(fractions []float64) []Importance {
		list := make([]Importance, len(params))
		for k, c := range params {
			list[k].Name = c.name
			if fractions != nil {
				list[k].Value = fractions[k]
			}
		}
		return sorted(list)
	}
	whole := func() []Importance { return list(g.forest(cmp.Or(f.Trees, 64), f.Seed)) }
	resample := func(counts []int) []Importance {
		var rows []int
		for i, n := range counts {
			for range n {
				rows = append(rows, i)
			}
		}
		r := rand.New(rand.NewPCG(f.Seed, math.MaxUint64-1))
		r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		return list(g.tree(rows[:min(len(rows), rowsMost)], r))
	}
	return measure{len(trials), whole, resample}, nil
}

// centred returns the values less their mean, in [-2, 2], so that no sum of squares overflows.
func centred(trials []*trial.Trial, objective int) []float64 {
	values, most, mean := make([]float64, len(trials)), 0.0, 0.0
	for _, t := range trials {
		most = max(most, math.Abs(t.Values[objective]))
	}
	for i, t := range trials {
		if most > 0 {
			values[i] = t.Values[objective] / most
		}
		mean += values[i] / float64(len(trials))
	}
	for i := range values {
		values[i] -= mean
	}
	return values
}
