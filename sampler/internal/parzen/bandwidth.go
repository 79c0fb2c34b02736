package parzen

import (
	"cmp"
	"slices"
)

// Bandwidths returns the deviation of the kernel of each x, all in [0, 1]: the
// larger of the gaps to the neighbours on both sides, within
// [1/min(100, n+2), 1]. The outermost kernels have only the inner gap; a
// single one has the gaps to 0 and 1. The prior is no neighbour.
//
// Equal numbers are neighbours in the order in which they are given. Optuna
// leaves their order to an unstable sort.
//
// The lower bound is the "magic clip" of Bergstra et al.'s implementation.
func Bandwidths(x []float64) []float64 {
	n := len(x)
	sigma := make([]float64, n)
	if n == 1 {
		sigma[0] = max(x[0], 1-x[0]) // at least 1/2, above the clip
		return sigma
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(x[i], x[j]) })
	least := 1 / float64(min(100, n+2))
	for rank, i := range order {
		if rank > 0 {
			sigma[i] = x[i] - x[order[rank-1]]
		}
		if rank < n-1 {
			sigma[i] = max(sigma[i], x[order[rank+1]]-x[i])
		}
		sigma[i] = max(sigma[i], least)
	}
	return sigma
}

// RecencyWeights returns the weights of n observations, the oldest first: the
// newest 25 have weight 1, the others a ramp from 1/n to 1.
func RecencyWeights(n int) []float64 {
	const full = 25
	w := make([]float64, n)
	for i := range w {
		w[i] = 1
		if old := n - full; i < old {
			w[i] = 1 / float64(n)
			if old > 1 {
				w[i] += (1 - w[i]) * float64(i) / float64(old-1)
			}
		}
	}
	return w
}
