package importance

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A PEDANOVA measures how much each parameter decides whether a trial is among the best: the
// divergence between the density of its values in the best trials and in all of them. It is
// Optuna 5's default measure and gives the same numbers. It has no randomness, needs no model of
// the objective, and handles conditional parameters. A few trials beyond Target are enough, about
// five; parameters that only matter through an interaction get too little.
//
// See Watanabe, Bansal and Hutter, "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in
// Arbitrary Subspaces" (IJCAI 2023), and "Conditional PED-ANOVA" (arXiv:2601.20800, 2026) for
// parameters that not all trials have.
type PEDANOVA struct {
	Target float64 // the share of trials that counts as best, in (0, Region); 0: 0.1
	Region float64 // the share of trials to compare them with, in (Target, 1]; 0: 1
	Global bool    // compare with the uniform density instead of that of Region's trials
}

// Of implements Evaluator. The values of different studies are not comparable.
func (p PEDANOVA) Of(h trial.History, objective int) ([]Importance, error) {
	m, err := p.prepare(h, objective)
	if err != nil {
		return nil, err
	}
	return m.whole(), nil
}

// prepare sorts the trials into cells once, so that resampled ones need only be counted.
func (p PEDANOVA) prepare(h trial.History, objective int) (measure, error) {
	target, region := cmp.Or(p.Target, 0.1), cmp.Or(p.Region, 1)
	if !(0 < target && target < region && region <= 1) {
		return measure{}, fmt.Errorf("PEDANOVA has Target %v and Region %v, want 0 < Target < Region ≤ 1", target, region)
	}
	trials, err := finite(h, objective)
	if err != nil {
		return measure{}, err
	}
	d := h.Directions()[objective]
	order := ranked(trials, objective, d)
	params := columns(trials)
	split := make([][]regime, len(params))
	for k, c := range params {
		split[k] = regimes(c)
	}
	resample := func(counts []int) []Importance {
		best, all := order.share(counts, target), order.share(counts, region)
		share := float64(best.n) / float64(all.n) // γ'/γ
		list := make([]Importance, len(params))
		for k, c := range params {
			sum := 0.0
			for _, r := range split[k] {
				top, whole := r.count(counts, order, best.last), r.count(counts, order, all.last)
				if r.dist.Len() == 1 || top.n == 0 || whole.n < fewest {
					continue
				}
				alpha, beta := float64(top.n)/float64(best.n), float64(whole.n)/float64(all.n)
				// Theorem 4.2 of the second paper.
				sum += alpha * alpha / beta * p.divergence(r.density(top.cells), r.density(whole.cells))
			}
			list[k] = Importance{c.name, sum * share * share}
		}
		return sorted(list)
	}
	whole := func() []Importance { return resample(slices.Repeat([]int{1}, len(trials))) }
	return measure{len(trials), whole, resample}, nil
}

// fewest is how many trials must have a parameter with one distribution for that to count.
const fewest = 2

// divergence returns Pearson's divergence of the density of the top trials from that of all.
func (p PEDANOVA) divergence(top, all []float64) float64 {
	sum := 0.0
	for i := range top {
		q := all[i] + 1e-12
		if p.Global {
			q = 1 / float64(len(top))
		}
		ratio := (top[i]+1e-12)/q - 1
		sum += q * ratio * ratio
	}
	return sum
}

// A ranking is the order of trials by value.
type ranking struct {
	trials []int // the best first
	ranks  []int // of each trial, from 0; equal values share the last of their ranks
}

// ranked returns the order of the trials by an objective.
func ranked(trials []*trial.Trial, objective int, d trial.Direction) ranking {
	r := ranking{make([]int, len(trials)), make([]int, len(trials))}
	for i := range trials {
		r.trials[i] = i
	}
	value := func(i int) float64 { return trials[i].Values[objective] }
	slices.SortStableFunc(r.trials, func(i, j int) int {
		if d == trial.Maximize {
			i, j = j, i
		}
		return cmp.Compare(value(i), value(j))
	})
	for k := len(trials) - 1; k >= 0; k-- {
		i := r.trials[k]
		if r.ranks[i] = k; k+1 < len(trials) && value(i) == value(r.trials[k+1]) {
			r.ranks[i] = r.ranks[r.trials[k+1]]
		}
	}
	return r
}

// A part is the trials with a rank of at most last.
type part struct{ last, n int }

// share returns the best share of the trials, and those that equal the last of them.
func (r ranking) share(counts []int, share float64) part {
	total := 0
	for _, c := range counts {
		total += c
	}
	want, n := int(math.Ceil(share*float64(total))), 0
	last := len(r.trials)
	for k, i := range r.trials {
		if k > last {
			break
		}
		if n += counts[i]; n >= want && last == len(r.trials) {
			last = r.ranks[i]
		}
	}
	return part{last, n}
}

// A regime is the trials in which a parameter has one distribution.
type regime struct {
	dist   space.Dist
	trials []int
	cells  []int // of their values
	n      int   // how many cells there are
}

// regimes splits the trials that have a parameter by its distribution. A distribution that a single
// trial has is left out, as there is nothing to compare it with.
func regimes(c column) []regime {
	var list []regime
	index := map[space.Dist]int{} // a range may change with every trial, so a search of the list is too slow
	for j, p := range c.params {
		k := key(p.Dist)
		i, ok := index[k]
		if k == nil {
			i = slices.IndexFunc(list, func(r regime) bool { return space.Equal(r.dist, p.Dist) })
			ok = i >= 0
		}
		if !ok {
			i, list = len(list), append(list, regime{dist: p.Dist, n: grid(p.Dist)})
			index[k] = i
		}
		r := &list[i]
		r.trials, r.cells = append(r.trials, c.trials[j]), append(r.cells, cell(p.Dist, r.n, p.Value))
	}
	return slices.DeleteFunc(list, func(r regime) bool { return len(r.trials) < fewest })
}

// key returns what equal ranges share, nil for choices, which cannot be compared by ==.
func key(d space.Dist) space.Dist {
	switch d := d.(type) {
	case space.Float:
		if d.Step != 0 {
			d.High = d.Value(1) // a range may end off its grid
		}
		return d
	case space.Int:
		d.Step, d.High = max(d.Step, 1), int(d.Value(1))
		return d
	}
	return nil
}

// A tally is how many trials there are, and how many in each cell.
type tally struct {
	n     int
	cells []float64
}

// count counts the trials of the regime with a rank of at most last.
func (r regime) count(counts []int, order ranking, last int) tally {
	sum := tally{cells: make([]float64, r.n)}
	for j, i := range r.trials {
		if order.ranks[i] <= last {
			sum.n += counts[i]
			sum.cells[r.cells[j]] += float64(counts[i])
		}
	}
	return sum
}

// density estimates the probability of each cell.
func (r regime) density(counts []float64) []float64 {
	if _, ok := r.dist.(space.Categorical); ok {
		return ofChoices(counts)
	}
	return ofCells(counts)
}
