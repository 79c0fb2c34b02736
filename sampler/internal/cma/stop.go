package cma

import (
	"math"
	"slices"
)

// The criteria of Hansen, "Benchmarking a BI-Population CMA-ES on the BBOB-2009
// Function Testbed" (GECCO 2009), section 2.1, with the limits of the library
// cmaes.
const (
	tolFun   = 1e-12 // of values, absolute
	tolX     = 1e-12 // of deviations, relative to the first σ
	tolXUp   = 1e4   // of deviations, relative to the first σ
	tolShift = 0.2   // of a coordinate or an axis that no longer moves the mean
)

// A Watch follows the generations of one search and tells when it should end. It is a
// value.
type Watch struct {
	sigma0 float64
	bests  []float64 // of the last generations, oldest first
}

// NewWatch returns a watch for a search that starts with the given σ.
func NewWatch(sigma0 float64) Watch { return Watch{sigma0: sigma0} }

// See returns the watch after a generation with the given values and the state s, and
// whether the search should end: because values or points hardly change any more,
// because they diverge, or because C has degenerated.
func (w Watch) See(s *State, values []float64) (next Watch, stop bool) {
	keep := 10 + int(math.Ceil(30*float64(s.Dim)/float64(s.Lambda)))
	w.bests = append(slices.Clip(w.bests), slices.Min(values))
	w.bests = w.bests[max(0, len(w.bests)-keep):]
	flat := len(w.bests) == keep && width(w.bests) < tolFun && width(values) < tolFun
	return w, flat || s.kept || s.degenerate(w.sigma0)
}

// width returns the difference between the largest and the smallest value.
func width(values []float64) float64 {
	low, high := slices.Min(values), slices.Max(values)
	if low == high { // infinite ones too
		return 0
	}
	return high - low
}

// degenerate reports whether the distribution is no longer useful.
func (s *State) degenerate(sigma0 float64) bool {
	if s.condition > maxCondition {
		return true
	}
	small, still := true, false
	for i := range s.Dim {
		deviation := s.Sigma * s.deviation(i)
		if deviation > tolXUp*sigma0 {
			return true
		}
		small = small && deviation < tolX*sigma0 && s.Sigma*math.Abs(s.PC[i]) < tolX*sigma0
		still = still || s.Mean[i] == s.Mean[i]+tolShift*deviation
	}
	return small || still
}
