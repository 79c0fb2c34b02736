package sampler

import (
	"cmp"
	"math"
	"slices"
)

// warp returns values, at least one, of which the larger are the better, with the
// worse half
// pulled in: a value below the median becomes the quantile that its rank has in
// a normal distribution around the median, whose deviation is that of the better
// half. So how bad the bad trials are no longer decides what the process takes
// for smooth, which matters where a few of them are far off. NaN ranks last.
// Values without an even part, and those of which half are equal, stay as they
// are. See Song et al., "The Vizier Gaussian Process Bandit Algorithm"
// (arXiv:2408.11527, 2024), half-rank warping.
func warp(values []float64) []float64 {
	n := len(values)
	order := make([]int, n) // worst first
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(values[i], values[j]) })
	at := func(rank int) float64 { return values[order[rank]] }
	middle := at(n/2)/2 + at((n-1)/2)/2
	_, deviation := moments(mirrored(values, middle))
	if math.IsInf(middle, 0) || math.IsNaN(middle) || !(values[order[n-1]] > middle) {
		return values
	}
	warped := slices.Clone(values)
	for first := 0; at(first) < middle || math.IsNaN(at(first)); {
		end := first + 1
		for end < n && cmp.Compare(at(end), at(first)) == 0 {
			end++
		}
		quantile := float64(first+end) / float64(2*n) // the middle of those of equal values
		for _, i := range order[first:end] {
			warped[i] = middle + deviation*math.Sqrt2*math.Erfinv(2*quantile-1)
		}
		first = end
	}
	return warped
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
