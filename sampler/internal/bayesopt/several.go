package bayesopt

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"github.com/bluefin-hpo/bluefin/internal/pareto"
	"github.com/bluefin-hpo/bluefin/sampler/internal/gp"
	"github.com/bluefin-hpo/bluefin/sampler/internal/rank"
	"github.com/bluefin-hpo/bluefin/trial"
)

// objectivePrefix begins the names of fits to one of several objectives; no constraint has it.
const objectivePrefix = "\x00"

// several returns the term of two or three objectives: the expected improvement of the hypervolume. The
// order has the fronts of the trials, the best first. Running trials count as observed with the
// predicted mean, so parallel workers stay apart.
func (m *Model) several(all data, directions []trial.Direction) (order []int, terms []term) {
	order, first := all.fronts(directions)
	if first == 0 || len(order) == 0 {
		return order, nil
	}
	losses := make([][]float64, len(all.trials)+len(all.pending)) // predicted
	var objectives []*gp.Posterior
	for k, d := range directions {
		g := all.objective(k, d)
		f := m.fit(g, objectivePrefix+strconv.Itoa(k), lastRefit(len(g.trials)))
		y := standardized(g.goals)
		p, ok := gp.Condition(f.kernel, f.noise, g.rows, y, nil)
		if !ok {
			return order, nil
		}
		for i, mean := range p.Means() {
			losses[i] = append(losses[i], -mean)
		}
		for i, x := range all.pending {
			mean, _ := p.At(x)
			y = append(y, mean)
			losses[len(all.trials)+i] = append(losses[len(all.trials)+i], -mean)
		}
		if len(all.pending) > 0 {
			if p, ok = gp.Condition(f.kernel, f.noise, slices.Concat(g.rows, all.pending), y, nil); !ok {
				return order, nil
			}
		}
		objectives = append(objectives, p)
	}
	var feasible [][]float64
	for _, i := range order[:first] {
		feasible = append(feasible, losses[i])
	}
	points := append(feasible, losses[len(all.trials):]...)
	lower, upper := pareto.Boxes(points, beyond(feasible))
	return order, []term{{Term: gp.NewLogEHVI(objectives, lower, upper)}}
}

// fronts returns the indices of the trials that have not failed: feasible complete ones by rank, then
// infeasible ones, by violation, then pruned ones; and how many are feasible and complete.
func (g data) fronts(directions []trial.Direction) (order []int, feasible int) {
	var points [][]float64
	var violations []float64
	var complete, pruned []int
	for i, t := range g.trials {
		switch t.State {
		case trial.Complete:
			var losses []float64
			for k, d := range directions {
				losses = append(losses, rank.Loss(t.Values[k], d))
			}
			complete, points, violations = append(complete, i), append(points, losses), append(violations, t.Violation())
			if t.Violation() == 0 {
				feasible++
			}
		case trial.Pruned:
			pruned = append(pruned, i)
		}
	}
	ranks := pareto.ConstrainedRanks(points, violations)
	places := make([]int, len(complete))
	for k := range places {
		places[k] = k
	}
	slices.SortStableFunc(places, func(a, b int) int { return cmp.Compare(ranks[a], ranks[b]) })
	for _, k := range places {
		order = append(order, complete[k])
	}
	return append(order, pruned...), feasible
}

// objective returns g with the goals of objective k.
func (g data) objective(k int, d trial.Direction) data {
	goals := make([]gp.Goal, len(g.goals))
	for i, t := range g.trials {
		switch {
		case t.State != trial.Complete:
			goals[i].Below = 1
		case d == trial.Minimize:
			goals[i].Value = -t.Values[k]
		default:
			goals[i].Value = t.Values[k]
		}
	}
	g.goals = goals
	return g
}

// beyond returns the reference point: a tenth of the front's extent beyond it in each objective, where
// the extent is that of all points if the front has none.
func beyond(points [][]float64) []float64 {
	ref := make([]float64, len(points[0]))
	front := pareto.Front(points)
	for k := range ref {
		extent := func(indices []int) (low, high float64) {
			low, high = math.Inf(1), math.Inf(-1)
			for _, i := range indices {
				low, high = min(low, points[i][k]), max(high, points[i][k])
			}
			return low, high
		}
		low, high := extent(front)
		width := high - low
		if width == 0 {
			every := make([]int, len(points))
			for i := range every {
				every[i] = i
			}
			low, worst := extent(every)
			width = max(worst-low, 1)
		}
		ref[k] = high + 0.1*width
	}
	return ref
}
