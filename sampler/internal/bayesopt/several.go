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
		y := f.scale.Apply(g.values())
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
	ref := beyond(feasible)
	// The search looks near the trials that dominate most together, since those of a front are equal.
	best := pareto.Subset(feasible, ref, 10)
	slices.Sort(best)
	for k, i := range best {
		best[k] = order[i]
	}
	order = append(best, slices.DeleteFunc(order, func(i int) bool { return slices.Contains(best, i) })...)
	lower, upper := pareto.Boxes(append(feasible, losses[len(all.trials):]...), ref)
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

// objective returns g with the goals of objective k: NaN, which counts as the worst, for trials that are
// not complete. Unlike a single objective they are not warped: the ends of a front are poor by one
// objective, and must not be moved.
func (g data) objective(k int, d trial.Direction) data {
	goals := make([]gp.Goal, len(g.goals))
	for i, t := range g.trials {
		switch {
		case t.State != trial.Complete:
			goals[i].Value = math.NaN()
		case d == trial.Minimize:
			goals[i].Value = -t.Values[k]
		default:
			goals[i].Value = t.Values[k]
		}
	}
	g.goals = goals
	return g
}

// beyond returns the reference point: a tenth of the extent of the points beyond the worst in each
// objective.
func beyond(points [][]float64) []float64 {
	ref := make([]float64, len(points[0]))
	for k := range ref {
		low, high := math.Inf(1), math.Inf(-1)
		for _, p := range points {
			low, high = min(low, p[k]), max(high, p[k])
		}
		ref[k] = high + 0.1*max(high-low, 1e-3)
	}
	return ref
}
