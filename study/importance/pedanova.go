// Package importance measures how much each parameter of a study matters.
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

// An Importance is the importance of one parameter.
type Importance struct {
	Name  string
	Value float64 // ≥ 0; the values of different studies are not comparable
}

// Of returns the importance of every parameter of the complete trials of h, largest first, for one
// objective, counted from 0. Trials with an infinite or NaN value are ignored. It fails if fewer
// than two trials are left or a setting is out of range.
func (p PEDANOVA) Of(h trial.History, objective int) ([]Importance, error) {
	target, region := cmp.Or(p.Target, 0.1), cmp.Or(p.Region, 1)
	switch n := len(h.Directions()); {
	case !(0 < target && target < region && region <= 1):
		return nil, fmt.Errorf("PEDANOVA has Target %v and Region %v, want 0 < Target < Region ≤ 1", target, region)
	case objective < 0 || objective >= n:
		return nil, fmt.Errorf("objective is %d, want 0 to %d", objective, n-1)
	}
	trials := finite(h, objective)
	if len(trials) < 2 {
		return nil, fmt.Errorf("%d complete trials with finite values, want at least 2", len(trials))
	}
	d := h.Directions()[objective]
	best, all := quantile(trials, objective, d, target), quantile(trials, objective, d, region)
	isBest := map[*trial.Trial]bool{}
	for _, t := range best {
		isBest[t] = true
	}
	share := float64(len(best)) / float64(len(all)) // γ'/γ
	var list []Importance
	for _, name := range names(trials) {
		sum := 0.0
		for _, r := range regimes(name, all) {
			top := slices.DeleteFunc(slices.Clone(r.trials), func(t *trial.Trial) bool { return !isBest[t] })
			if r.dist.Len() == 1 || len(top) == 0 || len(r.trials) < fewest {
				continue
			}
			alpha, beta := float64(len(top))/float64(len(best)), float64(len(r.trials))/float64(len(all))
			sum += alpha * alpha / beta * p.divergence(name, r, top) // theorem 4.2 of the second paper
		}
		list = append(list, Importance{name, sum * share * share})
	}
	slices.SortStableFunc(list, func(a, b Importance) int { return cmp.Compare(b.Value, a.Value) })
	return list, nil
}

// Normalized returns the list with values that sum to 1. If all are 0 they become equal.
func Normalized(list []Importance) []Importance {
	total := 0.0
	for _, i := range list {
		total += i.Value
	}
	list = slices.Clone(list)
	for i := range list {
		if total > 0 {
			list[i].Value /= total
		} else {
			list[i].Value = 1 / float64(len(list))
		}
	}
	return list
}

// fewest is how many trials must have a parameter with one distribution for that to count.
const fewest = 2

// divergence returns Pearson's divergence of the density of the top trials from that of the regime.
func (p PEDANOVA) divergence(name string, r regime, top []*trial.Trial) float64 {
	a, b := density(name, r.dist, top), density(name, r.dist, r.trials)
	sum := 0.0
	for i := range a {
		q := b[i] + 1e-12
		if p.Global {
			q = 1 / float64(len(a))
		}
		ratio := (a[i]+1e-12)/q - 1
		sum += q * ratio * ratio
	}
	return sum
}

// finite returns the complete trials whose value of an objective is finite.
func finite(h trial.History, objective int) []*trial.Trial {
	var list []*trial.Trial
	for _, t := range h.Finished() {
		if t.State == trial.Complete && !math.IsInf(t.Values[objective], 0) && !math.IsNaN(t.Values[objective]) {
			list = append(list, t)
		}
	}
	return list
}

// quantile returns the best share of the trials, and those that equal the last of them.
func quantile(trials []*trial.Trial, objective int, d trial.Direction, share float64) []*trial.Trial {
	values := make([]float64, len(trials))
	for i, t := range trials {
		values[i] = t.Values[objective]
	}
	slices.Sort(values)
	if d == trial.Maximize {
		slices.Reverse(values)
	}
	last := values[int(math.Ceil(share*float64(len(values))))-1]
	return slices.DeleteFunc(slices.Clone(trials), func(t *trial.Trial) bool {
		return d.Better(last, t.Values[objective])
	})
}

// names returns the parameters of the trials, sorted.
func names(trials []*trial.Trial) []string {
	var list []string
	for _, t := range trials {
		for _, p := range t.Params {
			list = append(list, p.Name)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// A regime is the trials in which a parameter has one distribution.
type regime struct {
	dist   space.Dist
	trials []*trial.Trial
}

// regimes splits the trials that have a parameter by its distribution.
func regimes(name string, trials []*trial.Trial) []regime {
	var list []regime
	for _, t := range trials {
		p, ok := t.Param(name)
		if !ok {
			continue
		}
		i := slices.IndexFunc(list, func(r regime) bool { return space.Equal(r.dist, p.Dist) })
		if i < 0 {
			i, list = len(list), append(list, regime{dist: p.Dist})
		}
		list[i].trials = append(list[i].trials, t)
	}
	return list
}
