package sampler

import (
	"cmp"
	"math"
	"slices"
)

// warp returns the goals as numbers, the larger the better, with the poor ones
// pulled in: what is below the median of the values becomes the quantile that its
// rank has in a normal distribution around the median, whose deviation is that of
// the better half. So how bad the bad trials are no longer decides what the process takes
// for smooth, which matters where a few of them are far off. NaN ranks below all
// numbers, and goals without a value below NaN; equal ones share a quantile.
//
// Values without an even part, and those of which half are equal, stay as they
// are, and goals without a value lie below the lowest of them. See Song et al.,
// "The Vizier Gaussian Process Bandit Algorithm" (arXiv:2408.11527, 2024),
// half-rank warping.
func warp(goals []gpGoal) []float64 {
	n := len(goals)
	order := make([]int, n) // worst first
	warped := make([]float64, n)
	var values []float64
	for i, g := range goals {
		order[i], warped[i] = i, g.value
		if g.below == 0 {
			values = append(values, g.value)
		}
	}
	compare := func(i, j int) int {
		return cmp.Or(cmp.Compare(goals[j].below, goals[i].below), cmp.Compare(goals[i].value, goals[j].value))
	}
	slices.SortStableFunc(order, compare)
	v := len(values)
	poor := n - v
	middle, deviation := center(values)
	all := v > 0 && goals[order[n-1]].value > middle && !math.IsInf(middle, 0) // not if middle is NaN
	if !all {
		middle, deviation = lowest(values)
		v = 0
	}
	for first := 0; first < n && (first < poor || all && !(goals[order[first]].value >= middle)); {
		end := first + 1
		for end < n && compare(order[end], order[first]) == 0 {
			end++
		}
		quantile := float64(first+end) / float64(2*(2*poor+v)) // the middle of those that are equal
		for _, i := range order[first:end] {
			warped[i] = middle + deviation*math.Sqrt2*math.Erfinv(2*quantile-1)
		}
		first = end
	}
	return warped
}

// center returns the median of values and the deviation of the better half from
// it.
func center(values []float64) (middle, deviation float64) {
	n := len(values)
	if n == 0 {
		return 0, 1
	}
	sorted := slices.Sorted(slices.Values(values)) // NaN first
	middle = sorted[n/2]/2 + sorted[(n-1)/2]/2
	_, deviation = moments(mirrored(values, middle))
	return middle, deviation
}

// lowest returns the lowest finite value and the deviation of all, 0 and 1 if
// there is none.
func lowest(values []float64) (low, deviation float64) {
	low = math.Inf(1)
	for _, v := range values {
		if !math.IsInf(v, 0) && !math.IsNaN(v) {
			low = math.Min(low, v)
		}
	}
	if math.IsInf(low, 1) {
		return 0, 1
	}
	_, deviation = moments(values)
	return low, deviation
}

// mirrored returns the values from the middle on, and their mirror images.
func mirrored(values []float64, middle float64) []float64 {
	var all []float64
	for _, v := range values {
		if v >= middle {
			all = append(all, v, middle-(v-middle))
		}
	}
	return all
}
