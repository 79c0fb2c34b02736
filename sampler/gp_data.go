package sampler

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/sampler/internal/gp"
	"github.com/bluefin-hpo/bluefin/sampler/internal/rank"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// gpAxes returns the axes of the parameters: choices are their indices, other
// values their places in the unit interval.
func gpAxes(joint space.Space) []gp.Axis {
	axes := make([]gp.Axis, len(joint))
	for i, d := range joint {
		axes[i] = gp.Axis{Values: cube.Grid(d.Dist), Unordered: cube.IsCategorical(d.Dist)}
	}
	return axes
}

// gpData are trials with a goal for each.
type gpData struct {
	space   gpSpace
	trials  []*trial.Trial
	rows    [][]float64 // n×d: where the trials are
	goals   []gpGoal    // n
	pending [][]float64 // q×d: where running trials are
}

// A gpGoal is what a trial has reached: a value, the larger the better, or, of
// one that was pruned or failed, that it is below all that have a value.
type gpGoal struct {
	value float64 // not standardized
	below int     // 0: value counts; the larger, the worse
}

// gpPoor is how many pruned and failed trials the model looks back on at least,
// and gpPoorBlock how many it forgets at once, so that fits can be kept: what a
// draw costs grows with the square of the number of trials.
const (
	gpPoor      = 192
	gpPoorBlock = 64
)

// newGPData returns the finished trials from which the process learns: all
// complete ones, and of the others those that finished last.
func newGPData(sp gpSpace, finished []*trial.Trial, d trial.Direction) gpData {
	g := gpData{space: sp}
	poor := 0
	for _, t := range finished {
		if t.State != trial.Complete {
			poor++
		}
	}
	forgotten := max(0, poor-gpPoor) / gpPoorBlock * gpPoorBlock
	var prunedOnes []*trial.Trial
	for _, t := range finished {
		if t.State != trial.Complete {
			if forgotten--; forgotten >= 0 {
				continue
			}
		}
		goal := gpGoal{below: len(finished)}
		switch {
		case t.State == trial.Complete && d == trial.Minimize:
			goal = gpGoal{value: -t.Values[0]}
		case t.State == trial.Complete:
			goal = gpGoal{value: t.Values[0]}
		}
		if g.add(t, goal) && t.State == trial.Pruned {
			prunedOnes = append(prunedOnes, t)
		}
	}
	compare := rank.ByProgress(d)
	slices.SortStableFunc(prunedOnes, compare)
	place := map[*trial.Trial]int{}
	for i, t := range prunedOnes {
		place[t] = i + 1
		if i > 0 && compare(prunedOnes[i-1], t) == 0 {
			place[t] = place[prunedOnes[i-1]]
		}
	}
	for i, t := range g.trials {
		if t.State == trial.Pruned {
			g.goals[i].below = place[t]
		}
	}
	return g
}

// add appends a trial, if it has a place in the space.
func (g *gpData) add(t *trial.Trial, goal gpGoal) bool {
	x, ok := g.space.point(t)
	if ok {
		g.trials, g.rows, g.goals = append(g.trials, t), append(g.rows, x), append(g.goals, goal)
	}
	return ok
}

// values returns those of goals that all have one.
func (g gpData) values() []float64 {
	values := make([]float64, len(g.goals))
	for i, goal := range g.goals {
		values[i] = goal.value
	}
	return values
}

// order returns the indices of the trials that have not failed, the best first:
// the feasible ones, complete before pruned, then by violation.
func (g gpData) order(d trial.Direction) []int {
	var order []int
	for i, t := range g.trials {
		if t.State != trial.Failed {
			order = append(order, i)
		}
	}
	byValue := rank.ByValue(d)
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := g.trials[i], g.trials[j]
		if v, w := a.Violation(), b.Violation(); v != w {
			return rank.Compare(v, w, trial.Minimize)
		}
		if c := cmp.Compare(g.goals[i].below, g.goals[j].below); c != 0 || a.State == trial.Pruned {
			return c
		}
		return byValue(a, b)
	})
	return order
}

// highest returns the largest mean of the process at feasible complete trials,
// and at pruned ones only if there is no other.
func (g gpData) highest(p *gp.Posterior) float64 {
	best := math.Inf(-1)
	for _, state := range []trial.State{trial.Complete, trial.Pruned} {
		for i, t := range g.trials {
			if t.State == state && t.Violation() == 0 {
				mean, _ := p.At(g.rows[i])
				best = math.Max(best, mean)
			}
		}
		if !math.IsInf(best, -1) {
			break
		}
	}
	return best
}

// gpRanked returns the complete trials, or the pruned ones if there are none.
func gpRanked(finished []*trial.Trial) []*trial.Trial {
	var complete, pruned []*trial.Trial
	for _, t := range finished {
		switch t.State {
		case trial.Complete:
			complete = append(complete, t)
		case trial.Pruned:
			pruned = append(pruned, t)
		}
	}
	if len(complete) == 0 {
		return pruned
	}
	return complete
}

// gpConstraints returns the names of the constraints of the trials, sorted.
func gpConstraints(trials []*trial.Trial) []string {
	names := map[string]bool{}
	for _, t := range trials {
		for name := range t.Constraints {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// moments returns the mean and the standard deviation of the finite values, and
// a positive number instead of the latter if they are all equal.
func moments(values []float64) (mean, deviation float64) {
	var finite []float64
	unit := 0.0
	for _, v := range values {
		if !math.IsInf(v, 0) && !math.IsNaN(v) {
			finite = append(finite, v)
			unit = math.Max(unit, math.Abs(v))
		}
	}
	if unit == 0 { // no value, or all of them 0
		return 0, 1
	}
	// In units in which the squares neither overflow nor vanish.
	n, squares := float64(len(finite)), 0.0
	for _, v := range finite {
		mean += v / unit / n
	}
	for _, v := range finite {
		squares += (v/unit - mean) * (v/unit - mean) / n
	}
	deviation = math.Sqrt(squares)
	if deviation < 1e-14 { // equal, but for rounding
		deviation = 1
	}
	return mean * unit, math.Max(deviation*unit, math.SmallestNonzeroFloat64)
}
