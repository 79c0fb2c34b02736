package parzen

import "slices"

// Bandwidths returns the deviation of the kernel of each x, all in [0, 1]: the
// larger of the gaps to the neighbours on both sides, within
// [1/min(100, n+2), 1]. The outermost kernels have only the inner gap; a
// single one has the gaps to 0 and 1. The prior is no neighbour, and neither is
// a Missing one, of which the deviation is 1.
//
// Equal numbers are neighbours in the order in which they are given. Optuna
// leaves their order to an unstable sort.
//
// The lower bound is the "magic clip" of Bergstra et al.'s implementation.
func Bandwidths(x []float64) []float64 {
	sigma := make([]float64, len(x))
	type observation struct {
		x float64
		i int
	}
	sorted := make([]observation, 0, len(x))
	for i, v := range x {
		if v == Missing {
			sigma[i] = 1
			continue
		}
		sorted = append(sorted, observation{v, i})
	}
	n := len(sorted)
	if n == 1 {
		only := sorted[0]
		sigma[only.i] = max(only.x, 1-only.x) // at least 1/2, above the clip
		return sigma
	}
	slices.SortFunc(sorted, func(a, b observation) int {
		switch { // cmp.Compare would look for NaN
		case a.x < b.x:
			return -1
		case a.x > b.x:
			return 1
		}
		return a.i - b.i
	})
	least := 1 / float64(min(100, len(x)+2))
	for k, o := range sorted {
		gap := least
		if k > 0 {
			gap = max(gap, o.x-sorted[k-1].x)
		}
		if k < n-1 {
			gap = max(gap, sorted[k+1].x-o.x)
		}
		sigma[o.i] = gap
	}
	return sigma
}

// RecencyWeights returns the weights of n observations, the oldest first: the
// newest 25 have weight 1, the others a ramp from 1/n to 1.
func RecencyWeights(n int) []float64 {
	w := make([]float64, n)
	for i := range w {
		w[i] = 1
		if old := n - recent; i < old {
			w[i] = 1 / float64(n)
			if old > 1 {
				w[i] += (1 - w[i]) * float64(i) / float64(old-1)
			}
		}
	}
	return w
}

// recent is how many of the newest observations have their full weight.
const recent = 25

// A ramp are RecencyWeights without their list.
type ramp struct {
	n     int
	young int     // the rank of the first one of full weight
	a, b  float64 // the weight of an old observation is a + b·rank
}

func newRamp(n int) ramp {
	r := ramp{n: n, young: max(0, n-recent), a: 1 / float64(n)}
	if r.young > 1 {
		r.b = (1 - r.a) / float64(r.young-1)
	}
	return r
}

func (r ramp) weight(rank int) float64 {
	if rank >= r.young {
		return 1
	}
	return r.a + r.b*float64(rank)
}

// sum returns the sum of all weights.
func (r ramp) sum() float64 {
	old, sum := float64(r.young), float64(r.n-r.young)
	if r.young > 0 {
		sum += old*r.a + r.b*old*(old-1)/2
	}
	return sum
}
