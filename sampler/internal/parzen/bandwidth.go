package parzen

import "slices"

// Bandwidths returns the deviation of the kernel at each of n numbers in [0, 1]: the larger of
// the gaps to its two neighbours, but at least 1/min(100, n+2). The outermost kernels have only
// the inner gap; a single one has the gaps to 0 and 1. The prior is not a neighbour. A Missing
// number is not one either and has deviation 1.
//
// Equal numbers are neighbours in the order given. In Optuna their order depends on an unstable
// sort.
func Bandwidths(x []float64) []float64 {
	sigma := make([]float64, len(x))
	sorted := make([]int32, 0, len(x))
	for i, v := range x {
		if sigma[i] = 1; v != Missing {
			sorted = append(sorted, int32(i))
		}
	}
	slices.SortFunc(sorted, func(a, b int32) int {
		if c := compare(x[a], x[b]); c != 0 {
			return c
		}
		return int(a - b)
	})
	for k, i := range sorted {
		sigma[i] = deviation(x, sorted, k, leastDeviation(len(x)))
	}
	return sigma
}

// deviation returns the deviation of the k-th kernel in sorted order, at least least.
func deviation(x []float64, sorted []int32, k int, least float64) float64 {
	v := x[sorted[k]]
	if len(sorted) == 1 {
		return max(v, 1-v) // at least 1/2, more than least
	}
	if k > 0 {
		least = max(least, v-x[sorted[k-1]])
	}
	if k < len(sorted)-1 {
		least = max(least, x[sorted[k+1]]-v)
	}
	return least
}

// compare is cmp.Compare without the checks for NaN, which make it slower.
func compare(x, y float64) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// leastDeviation is the "magic clip" in the implementation of Bergstra et al., for n
// observations.
func leastDeviation(n int) float64 { return max(1/float64(n+2), narrowest) }

const narrowest = 1.0 / 100 // the least deviation for any n

// RecencyWeights returns the weights of n observations, the oldest first: the newest 25 have
// weight 1, the others a ramp from 1/n to 1.
func RecencyWeights(n int) []float64 {
	w := make([]float64, n)
	for i := range w {
		w[i] = recencyWeight(i, n)
	}
	return w
}

func recencyWeight(i, n int) float64 {
	old := n - 25
	switch first := 1 / float64(n); {
	case i >= old:
		return 1
	case old == 1:
		return first
	default:
		return first + (1-first)*float64(i)/float64(old-1)
	}
}
