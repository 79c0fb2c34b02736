package cma

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// WarmStart returns a normal distribution N(mean, sigma²·cov) to start a search from,
// given points in the unit cube (n×d) of a similar search and their values (n), smaller
// being better: it covers the best fraction gamma of them, each blurred by alpha. It
// panics if that is less than one point. See Nomura et al., "Warm Starting CMA-ES for
// Hyperparameter Optimization" (AAAI 2021), whose gamma and alpha are 0.1.
func WarmStart(
	points [][]float64, values []float64, gamma, alpha float64,
) (mean []float64, sigma float64, cov *mat.SymDense) {
	best := int(gamma * float64(len(points)))
	if best < 1 {
		panic(fmt.Sprintf("cma: WarmStart from %v of %d points, want at least one", gamma, len(points)))
	}
	order := make([]int, len(points))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(values[i], values[j]) })
	d := len(points[0])
	mean = make([]float64, d)
	cov = mat.NewSymDense(d, nil)
	share := 1 / float64(best)
	for _, i := range order[:best] {
		floats.AddScaled(mean, share, points[i])
	}
	for _, i := range order[:best] { // eq. (9): the distribution with the least divergence from the mixture
		off := mat.NewVecDense(d, floats.SubTo(make([]float64, d), points[i], mean))
		cov.SymRankOne(cov, share, off)
	}
	for i := range d {
		cov.SetSym(i, i, cov.At(i, i)+alpha*alpha)
	}
	var chol mat.Cholesky
	if !chol.Factorize(cov) {
		panic("cma: WarmStart with points that are not finite")
	}
	sigma = math.Exp(chol.LogDet() / float64(2*d)) // cov gets determinant 1
	cov.ScaleSym(1/(sigma*sigma), cov)
	return mean, sigma, cov
}
