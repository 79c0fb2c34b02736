// Package parzentest separates the rules of the reference's estimators from the
// effects of the sort of the NumPy they ran on. It is for tests only.
package parzentest

// Bandwidths returns the kernels' deviations of x by the rule of
// parzen.Bandwidths, with the numbers in the order that numpy.argsort puts
// internal in: the same observations as they are stored. That order decides
// which of several equal observations is the outermost one and gets the gap.
// Values of one grid point may differ by rounding in their stored form.
func Bandwidths(x, internal []float64) []float64 {
	n := len(x)
	sigma := make([]float64, n)
	if n == 1 {
		sigma[0] = max(x[0], 1-x[0])
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	argsort(internal, order)
	for k := 1; k < n; k++ {
		gap := x[order[k]] - x[order[k-1]]
		sigma[order[k-1]] = max(sigma[order[k-1]], gap)
		sigma[order[k]] = max(sigma[order[k]], gap)
	}
	for i := range sigma {
		sigma[i] = max(sigma[i], 1/float64(min(100, n+2)))
	}
	return sigma
}

// argsort orders the indices by x as NumPy before 1.25 does: quicksort around
// the median of the first, middle and last element, and insertion sort for 16
// elements or fewer. Its heapsort for bad luck is left out.
func argsort(x []float64, order []int) {
	less := func(i, j int) bool { return x[order[i]] < x[order[j]] }
	swap := func(i, j int) { order[i], order[j] = order[j], order[i] }
	n := len(order)
	if n <= 16 {
		for i := 1; i < n; i++ {
			for j := i; j > 0 && less(j, j-1); j-- {
				swap(j, j-1)
			}
		}
		return
	}
	last, middle := n-1, (n-1)/2
	if less(middle, 0) {
		swap(middle, 0)
	}
	if less(last, middle) {
		swap(last, middle)
	}
	if less(middle, 0) {
		swap(middle, 0)
	}
	pivot := last - 1
	swap(middle, pivot)
	left, right := 0, pivot
	for {
		for left++; less(left, pivot); left++ {
		}
		for right--; less(pivot, right); right-- {
		}
		if left >= right {
			break
		}
		swap(left, right)
	}
	swap(left, pivot)
	argsort(x, order[:left])
	argsort(x, order[left+1:])
}
