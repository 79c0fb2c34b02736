package cma

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Deviation returns the standard deviation of coordinate i.
func (s *State) Deviation(i int) float64 { return s.Sigma * s.deviation(i) }

// Axes returns the main axes of the distribution: unit vectors and the standard deviation along
// each, longest first.
func (s *State) Axes() (axes [][]float64, deviations []float64) {
	if s.Separable {
		order := make([]int, s.Dim)
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(i, j int) int {
			if s.Diagonal[i] > s.Diagonal[j] {
				return -1
			}
			return 1
		})
		for _, i := range order {
			axis := make([]float64, s.Dim)
			axis[i] = 1
			axes, deviations = append(axes, axis), append(deviations, s.Deviation(i))
		}
		return axes, deviations
	}
	var eigen mat.EigenSym
	eigen.Factorize(s.C, true) // has succeeded when the state was made
	var b mat.Dense
	eigen.VectorsTo(&b)
	values := eigen.Values(nil) // ascending
	for j := s.Dim - 1; j >= 0; j-- {
		axis := mat.Col(nil, j, &b)
		// The sign of an eigenvector is arbitrary: the largest entry becomes positive.
		largest := 0
		for i, v := range axis {
			if math.Abs(v) > math.Abs(axis[largest]) {
				largest = i
			}
		}
		if axis[largest] < 0 {
			for i := range axis {
				axis[i] = -axis[i]
			}
		}
		axes, deviations = append(axes, axis), append(deviations, s.Sigma*math.Sqrt(max(values[j], 0)))
	}
	return axes, deviations
}
