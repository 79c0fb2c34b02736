package cma

import (
	"math"
	"slices"
	"sort"

	"github.com/bluefin-hpo/bluefin/sampler/internal/truncnorm"
)

// A Margin keeps a search from freezing in a coordinate with finitely many values: the
// neighbours of the value at the mean keep a probability of about Least. See Hamano et
// al., "CMA-ES with Margin: Lower-Bounding Marginal Probability for Mixed-Integer
// Black-Box Optimization" (GECCO 2022).
type Margin struct {
	// Values are those of each coordinate, increasing; nil for a continuous one.
	Values [][]float64 // d
	Least  float64     // α, 1/(d·λ) in the paper
}

// A Margined is a state with the scales that a margin demands. It never changes.
type Margined struct {
	*State
	Scale  []float64 // diagonal of A: drawn discrete coordinates are stretched by it
	margin *Margin
}

// Wrap returns the state of a search that starts at s.
func (m *Margin) Wrap(s *State) *Margined { return &Margined{s, ones(s.Dim), m} }

// Encode returns the point to evaluate for a drawn x: discrete coordinates,
// stretched about the mean, become the nearest value.
func (s *Margined) Encode(x []float64) []float64 {
	v := slices.Clone(x)
	for i, values := range s.margin.Values {
		if values == nil {
			continue
		}
		y := s.Mean[i] + s.Scale[i]*(x[i]-s.Mean[i])
		v[i] = values[sort.Search(len(values)-1, func(k int) bool { return y <= border(values, k) })]
	}
	return v
}

// Decode returns a point that Encode maps to v, for callers that did not keep the one
// that was drawn: each discrete coordinate is at the quantile u, in (0, 1), of its
// conditional distribution.
func (s *Margined) Decode(v, u []float64) []float64 {
	x := slices.Clone(v)
	for i, values := range s.margin.Values {
		if values == nil {
			continue
		}
		k, _ := slices.BinarySearch(values, v[i])
		k = min(k, len(values)-1)
		low, high := math.Inf(-1), math.Inf(1) // of the cell of v, in deviations
		deviation := s.Sigma * s.deviation(i)
		if k > 0 {
			low = (border(values, k-1) - s.Mean[i]) / (s.Scale[i] * deviation)
		}
		if k+1 < len(values) {
			high = (border(values, k) - s.Mean[i]) / (s.Scale[i] * deviation)
		}
		x[i] = s.Mean[i] + truncnorm.Quantile(u[i], low, high)*deviation
	}
	return x
}

// border is halfway between values k and k+1.
func border(values []float64, k int) float64 { return (values[k] + values[k+1]) / 2 }

// Tell returns the state after one generation, as State.Tell does, for points as drawn,
// before Encode.
func (s *Margined) Tell(points [][]float64, values []float64) *Margined {
	told := s.State.Tell(points, values)
	moved := *told
	next := &Margined{&moved, slices.Clone(s.Scale), s.margin}
	moved.Mean = slices.Clone(told.Mean)
	for i, values := range s.margin.Values {
		if len(values) > 1 {
			next.correct(i, values)
		}
	}
	return next
}

// correct moves the mean and the scale of coordinate i so that the values next to the
// mean are probable enough (algorithm 2 of the paper).
func (s *Margined) correct(i int, values []float64) {
	mean, least := s.Mean[i], s.margin.Least
	deviation := s.Sigma * s.deviation(i)
	k := sort.Search(len(values)-1, func(k int) bool { return mean <= border(values, k) })
	low := border(values, max(k-1, 0)) // the borders around the mean, the same one twice at an end
	high := border(values, min(k, len(values)-2))
	cdf := func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
	below := cdf((low - mean) / (deviation * s.Scale[i]))
	above := cdf((mean - high) / (deviation * s.Scale[i]))
	if k == 0 || k == len(values)-1 { // the mean is at an end, or on its border once rounding shows: eq. (10)
		if min(below, above) < least {
			s.Mean[i] = high + math.Copysign(deviation*s.Scale[i]*tail(least), mean-high)
		}
		return
	}
	// Eq. (13) to (16): raise the probabilities of both sides, at the cost of
	// the middle.
	middle := 1 - below - above
	below, above = max(below, least/2), max(above, least/2)
	rest, share := 1-below-above-middle, below+middle+above-1.5*least
	below, above = below+rest*(below-least/2)/share, above+rest*(above-least/2)/share
	below, above = min(max(below, 1e-10), 0.5-1e-10), min(max(above, 1e-10), 0.5-1e-10)
	// Eq. (19) and (20): the normal distribution with these tails.
	a, b := tail(below), tail(above)
	s.Scale[i] = (high - low) / ((a + b) * deviation)
	s.Mean[i] = (low*b + high*a) / (a + b)
}

// tail returns the number that a standard normal variable exceeds with probability p.
func tail(p float64) float64 { return -truncnorm.InvLogCDF(math.Log(p)) }

// deviation returns the square root of entry i of the diagonal of C.
func (s *State) deviation(i int) float64 {
	if s.Separable {
		return math.Sqrt(s.Diagonal[i])
	}
	return math.Sqrt(s.C.At(i, i))
}
