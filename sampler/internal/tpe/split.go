package tpe

import (
	"cmp"
	"slices"

	"github.com/bluefin-hpo/bluefin/internal/pareto"
	"github.com/bluefin-hpo/bluefin/sampler/internal/rank"
	"github.com/bluefin-hpo/bluefin/trial"
)

// The classes of ranked trials, best first.
const (
	feasible = iota // complete
	pruned
	infeasible
)

func class(t *trial.Trial) int {
	switch {
	case t.Violation() > 0:
		return infeasible
	case t.State == trial.Complete:
		return feasible
	}
	return pruned
}

// best returns the n best ranked trials: feasible complete ones, then pruned ones, then
// infeasible ones.
func best(ranked []*trial.Trial, directions []trial.Direction, n int) []*trial.Trial {
	var classes [infeasible + 1][]*trial.Trial
	for _, t := range slices.SortedFunc(slices.Values(ranked), byNumber) {
		classes[class(t)] = append(classes[class(t)], t)
	}
	good := bestComplete(classes[feasible], directions, n)
	good = append(good, bestBy(classes[pruned], n-len(good), rank.ByProgress(directions[0]))...)
	return append(good, bestBy(classes[infeasible], n-len(good), byViolation)...)
}

// bestComplete returns the n best feasible complete trials, or all if there are fewer. With
// several objectives it takes whole ranks of mutually non-dominated trials while they fit; from
// the next rank it takes the trials that together dominate the most volume.
func bestComplete(trials []*trial.Trial, directions []trial.Direction, n int) []*trial.Trial {
	if len(directions) == 1 {
		return bestBy(trials, n, byLoss(directions[0]))
	}
	if n >= len(trials) {
		return slices.Clip(trials)
	}
	losses := make([][]float64, len(trials))
	for i, t := range trials {
		for k, d := range directions {
			losses[i] = append(losses[i], rank.Loss(t.Values[k], d))
		}
	}
	ranks := pareto.Ranks(losses)
	var chosen []*trial.Trial
	for rank := 0; len(chosen) < n; rank++ {
		var tied []*trial.Trial
		var points [][]float64
		for i, t := range trials {
			if ranks[i] == rank {
				tied, points = append(tied, t), append(points, losses[i])
			}
		}
		for _, i := range pareto.Subset(points, pareto.ReferencePoint(points), n-len(chosen)) {
			chosen = append(chosen, tied[i])
		}
	}
	return chosen
}

// bestBy returns the first n trials in the given order, or all if there are fewer. Equal ones
// keep their order.
func bestBy(trials []*trial.Trial, n int, compare func(a, b *trial.Trial) int) []*trial.Trial {
	if n <= 0 {
		return nil
	}
	chosen := make([]*trial.Trial, 0, min(n, len(trials))+1)
	for _, t := range trials {
		if len(chosen) == n && compare(chosen[n-1], t) <= 0 {
			continue
		}
		i := len(chosen)
		for i > 0 && compare(chosen[i-1], t) > 0 {
			i--
		}
		chosen = slices.Insert(chosen, i, t)
		chosen = chosen[:min(n, len(chosen))]
	}
	return chosen
}

func byNumber(a, b *trial.Trial) int { return cmp.Compare(a.Number, b.Number) }

func byLoss(d trial.Direction) func(a, b *trial.Trial) int {
	return func(a, b *trial.Trial) int { return cmp.Compare(rank.Loss(a.Values[0], d), rank.Loss(b.Values[0], d)) }
}

func byViolation(a, b *trial.Trial) int { return cmp.Compare(a.Violation(), b.Violation()) }
