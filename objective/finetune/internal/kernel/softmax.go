package kernel

import "math"

// Softmax sets y to the softmax of x: exp(x - max x) / Σ exp(x - max x). Elements of -Inf, or more
// than 80 below the largest, give 0. If all are -Inf or one is NaN, all of y is NaN. y may be x.
func Softmax(y, x []float32) {
	same(len(y), len(x))
	softmax(choice().vector, y, x)
}

// SoftmaxBackward sets dx = y·(dy - Σ y·dy), the gradient with respect to the argument of Softmax,
// given its result y and the gradient dy. dx may be dy or y.
func SoftmaxBackward(dx, y, dy []float32) {
	same(len(dx), len(y), len(dy))
	softmaxBackward(choice().vector, dx, y, dy)
}

func softmaxGeneric(y, x []float32) {
	// Subtracting the largest keeps exp within range and does not change the result.
	top := float32(math.Inf(-1))
	for _, v := range x {
		if v > top {
			top = v
		}
	}
	var s [lanes]float32
	for i, v := range x {
		e := exp(v - top)
		y[i] = e
		s[i%lanes] += e
	}
	// One division, then products, as in the assembly.
	scale := 1 / total(&s)
	for i := range y {
		y[i] *= scale
	}
}

func softmaxBackwardGeneric(dx, y, dy []float32) {
	var s [lanes]float32
	for i, p := range y {
		s[i%lanes] += float32(p * dy[i])
	}
	mean := total(&s)
	for i, p := range y {
		dx[i] = p * (dy[i] - mean)
	}
}
