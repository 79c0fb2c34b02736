package bayesopt

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/gp"
	"github.com/bluefin-hpo/bluefin/sampler/internal/rank"
	"github.com/bluefin-hpo/bluefin/trial"
)

// data are n trials with their goals. The goal of a pruned trial has no value.
type data struct {
	space   Space
	trials  []*trial.Trial
	rows    [][]float64 // n×d: where the trials are
	goals   []gp.Goal
	pending [][]float64 // q×d: where running trials are
}

// The model looks back on at least fewestPoor pruned trials, and forgets
// poorBlock of them at a time so that fits can be reused: the cost of a draw grows
// with the square of the number of trials.
const (
	fewestPoor = 192
	poorBlock  = 64
)

// newData returns the finished trials that a model learns from: all complete ones,
// and the most recent of the pruned ones. Those that did not run say nothing about
// the value: they teach the chances to run.
func newData(sp Space, finished []*trial.Trial, d trial.Direction) data {
	g := data{space: sp}
	finished = slices.DeleteFunc(slices.Clone(finished), func(t *trial.Trial) bool {
		return t.State == trial.Failed || t.Infeasible()
	})
	poor := 0
	for _, t := range finished {
		if t.State != trial.Complete {
			poor++
		}
	}
	forgotten := max(0, poor-fewestPoor) / poorBlock * poorBlock
	var pruned []*trial.Trial
	for _, t := range finished {
		if t.State != trial.Complete {
			if forgotten--; forgotten >= 0 {
				continue
			}
		}
		goal := gp.Goal{Below: len(finished)}
		switch {
		case t.State == trial.Complete && d == trial.Minimize:
			goal = gp.Goal{Value: -t.Values[0]}
		case t.State == trial.Complete:
			goal = gp.Goal{Value: t.Values[0]}
		}
		if g.add(t, goal) && t.State == trial.Pruned {
			pruned = append(pruned, t)
		}
	}
	compare := rank.ByProgress(d)
	slices.SortStableFunc(pruned, compare)
	place := map[*trial.Trial]int{} // from 1; equal ones share it
	for i, t := range pruned {
		place[t] = i + 1
		if i > 0 && compare(pruned[i-1], t) == 0 {
			place[t] = place[pruned[i-1]]
		}
	}
	for i, t := range g.trials {
		if t.State == trial.Pruned {
			g.goals[i].Below = place[t]
		}
	}
	return g
}

// constrained returns the trials of g that have a constraint, which is their goal. A complete
// trial without it satisfies it, as does one that ran where others ended as infeasible: it
// counts as far below the limit as those that violate it are above.
func (g data) constrained(name string) data {
	some := data{space: g.space, pending: g.pending}
	sum, violating := 0.0, 0.0
	for _, t := range g.trials {
		if v := t.Constraints[name]; v > 0 {
			sum, violating = sum+v, violating+1
		}
	}
	for i, t := range g.trials {
		v, ok := t.Constraints[name]
		if !ok && t.State == trial.Complete && violating > 0 {
			v, ok = -sum/violating, true
		}
		if ok && !math.IsNaN(v) {
			some.trials, some.rows = append(some.trials, t), append(some.rows, g.rows[i])
			some.goals = append(some.goals, gp.Goal{Value: v})
		}
	}
	return some
}

// first returns the first n trials of g.
func (g data) first(n int) data {
	g.trials, g.rows, g.goals = g.trials[:n], g.rows[:n], g.goals[:n]
	return g
}

// add appends a trial, if it has a place in the space.
func (g *data) add(t *trial.Trial, goal gp.Goal) bool {
	x, ok := g.space.point(t)
	if ok {
		g.trials, g.rows, g.goals = append(g.trials, t), append(g.rows, x), append(g.goals, goal)
	}
	return ok
}

// values returns those of goals that all have one.
func (g data) values() []float64 {
	values := make([]float64, len(g.goals))
	for i, goal := range g.goals {
		values[i] = goal.Value
	}
	return values
}

// order returns the indices of the trials, the best first: by violation, complete before
// pruned, then by value.
func (g data) order(d trial.Direction) []int {
	var order []int
	for i := range g.trials {
		order = append(order, i)
	}
	byValue := rank.ByValue(d)
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := g.trials[i], g.trials[j]
		if v, w := a.Violation(), b.Violation(); v != w {
			return rank.Compare(v, w, trial.Minimize)
		}
		if c := cmp.Compare(g.goals[i].Below, g.goals[j].Below); c != 0 || a.State == trial.Pruned {
			return c
		}
		return byValue(a, b)
	})
	return order
}

// highest returns the largest mean of the process at feasible complete trials, at
// feasible pruned ones if there are none.
func (g data) highest(p *gp.Posterior) float64 {
	best, means := math.Inf(-1), p.Means()
	for _, state := range []trial.State{trial.Complete, trial.Pruned} {
		for i, t := range g.trials {
			if t.State == state && t.Violation() == 0 {
				best = math.Max(best, means[i])
			}
		}
		if !math.IsInf(best, -1) {
			break
		}
	}
	return best
}

// constraints returns the names of the constraints of the trials, sorted.
func (g data) constraints() []string {
	names := map[string]bool{}
	for _, t := range g.trials {
		for name := range t.Constraints {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}
