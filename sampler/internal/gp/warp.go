package gp

import (
	"cmp"
	"math"
	"slices"
)

// A Goal is the result of an observation: a value, the larger the better, or the
// fact that it ranks below every value.
type Goal struct {
	Value float64
	Below int // 0: Value counts; the larger, the worse
}

// Warp returns the goals as numbers, the larger the better, with the poor ones
// pulled in: a value below the median becomes the quantile of its rank in a normal
// distribution around the median, with the deviation of the better half. So a few
// very bad values no longer decide how smooth the process is. NaN ranks below all
// numbers, and goals without a value below NaN; equal goals share a quantile.
//
// If the median is infinite or NaN, or no value is above it, values stay as they
// are and goals without a value lie below the lowest of them. See Song et al., "The
// Vizier Gaussian Process Bandit Algorithm" (arXiv:2408.11527, 2024), half-rank
// warping.
func Warp(goals []Goal) []float64 {
	n := len(goals)
	order := make([]int, n) // worst first
	warped := make([]float64, n)
	var values []float64
	for i, g := range goals {
		order[i], warped[i] = i, g.Value
		if g.Below == 0 {
			values = append(values, g.Value)
		}
	}
	compare := func(i, j int) int {
		return cmp.Or(cmp.Compare(goals[j].Below, goals[i].Below), cmp.Compare(goals[i].Value, goals[j].Value))
	}
	slices.SortStableFunc(order, compare)
	v := len(values)
	poor := n - v
	middle, deviation := center(values)
	all := v > 0 && goals[order[n-1]].Value > middle && !math.IsInf(middle, 0) // false if middle is NaN
	if !all {
		middle, deviation = lowest(values)
		v = 0
	}
	for first := 0; first < n && (first < poor || all && !(goals[order[first]].Value >= middle)); {
		end := first + 1
		for end < n && compare(order[end], order[first]) == 0 {
			end++
		}
		quantile := float64(first+end) / float64(2*(2*poor+v)) // the middle of equal ones
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
	var mirrored []float64 // the values from the middle on, and their mirror images
	for _, v := range values {
		if v >= middle {
			mirrored = append(mirrored, v, middle-(v-middle))
		}
	}
	return middle, ScaleOf(mirrored).Unit
}

// lowest returns the lowest finite value and the deviation of all, 0 and 1 if
// there is none.
func lowest(values []float64) (low, deviation float64) {
	low = math.Inf(1)
	for _, v := range values {
		if isFinite(v) {
			low = math.Min(low, v)
		}
	}
	if math.IsInf(low, 1) {
		return 0, 1
	}
	return low, ScaleOf(values).Unit
}
