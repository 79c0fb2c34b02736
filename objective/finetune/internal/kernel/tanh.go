package kernel

import "math"

// Tanh sets y = tanh x, element by element, to about 1e-7. y may be x. It is plain Go everywhere,
// because networks have few of them.
func Tanh(y, x []float32) {
	same(len(y), len(x))
	for i, v := range x {
		y[i] = tanh(v)
	}
}

// TanhBackward sets dx = dy·(1 - y²), the gradient with respect to the argument of Tanh, given its
// result y. dx may be dy or y.
func TanhBackward(dx, y, dy []float32) {
	same(len(dx), len(y), len(dy))
	for i, v := range y {
		dx[i] = dy[i] * (1 - float32(v*v))
	}
}

// tanh follows S. L. Moshier, "Methods and Programs for Mathematical Functions" (Cephes), 1989,
// tanhf: a polynomial near 0, else exp.
func tanh(x float32) float32 {
	z := math.Float32frombits(math.Float32bits(x) &^ (1 << 31))
	// Near 0 the formula below would cancel.
	if z < 0.625 {
		s := float32(x * x)
		p := float32(-5.70498872745e-3)
		p = float32(p*s) + 2.06390887954e-2
		p = float32(p*s) - 5.37397155531e-2
		p = float32(p*s) + 1.33314422036e-1
		p = float32(p*s) - 3.33332819422e-1
		return float32(float32(p*s)*x) + x
	}
	// Of a negative argument, so it cannot overflow.
	e := exp(-2 * z)
	y := (1 - e) / (1 + e)
	if x < 0 {
		return -y
	}
	return y
}
