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

// fronts are the feasible complete trials of a study with several objectives, by rank.
type fronts struct {
	kept  pareto.Fronts
	index []int // of each of its points, in the finished trials

	// The last choice among the trials of one front; most trials do not change it.
	tied, chosen []int // indices in the finished trials
	room         int
}

// add adds the trial with index i, if it is feasible and complete.
func (f *fronts) add(t *trial.Trial, i int, directions []trial.Direction) {
	if class(t) == feasible {
		f.kept.Add(lossesOf(t, directions))
		f.index = append(f.index, i)
	}
}

func lossesOf(t *trial.Trial, directions []trial.Direction) []float64 {
	losses := make([]float64, len(directions))
	for k, d := range directions {
		losses[k] = rank.Loss(t.Values[k], d)
	}
	return losses
}

// best returns the indices of the n best ranked trials among the first seen of all: feasible complete
// ones, then pruned ones, then infeasible ones. Of the complete ones it takes whole fronts while they
// fit; from the next one it takes the trials that together dominate the most volume.
func (f *fronts) best(all []*trial.Trial, seen int, directions []trial.Direction, n int) []int {
	use := f
	if seen < len(all) { // a worker that is behind
		use = &fronts{}
		for i, t := range all[:seen] {
			if t.State != trial.Failed {
				use.add(t, i, directions)
			}
		}
	}
	var good []int
	for rank := 0; len(good) < n && use.kept.Front(rank) != nil; rank++ {
		front := slices.Clone(use.kept.Front(rank))
		slices.SortFunc(front, func(a, b int) int { return byNumber(all[use.index[a]], all[use.index[b]]) })
		good = append(good, use.some(front, n-len(good))...)
	}
	if len(good) == n {
		return good
	}
	var classes [infeasible + 1][]*trial.Trial
	index := map[*trial.Trial]int{}
	for i, t := range all[:seen] {
		if t.State != trial.Failed {
			classes[class(t)] = append(classes[class(t)], t)
			index[t] = i
		}
	}
	take := func(class []*trial.Trial, compare func(a, b *trial.Trial) int) {
		slices.SortFunc(class, byNumber)
		for _, t := range bestBy(class, n-len(good), compare) {
			good = append(good, index[t])
		}
	}
	take(classes[pruned], rank.ByProgress(directions[0]))
	take(classes[infeasible], byViolation)
	return good
}

// some returns n of a front, given by their places among the fronts' points, as indices in the
// finished trials.
func (f *fronts) some(front []int, n int) []int {
	tied := make([]int, len(front))
	for k, i := range front {
		tied[k] = f.index[i]
	}
	if n >= len(tied) {
		return tied
	}
	if n == f.room && slices.Equal(tied, f.tied) {
		return f.chosen
	}
	points := make([][]float64, len(front))
	for k, i := range front {
		points[k] = f.kept.Point(i)
	}
	f.tied, f.room, f.chosen = tied, n, nil
	for _, k := range pareto.Subset(points, pareto.ReferencePoint(points), n) {
		f.chosen = append(f.chosen, tied[k])
	}
	return f.chosen
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
