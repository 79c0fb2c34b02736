package kernel

import "math"

// Constants of exp, after S. L. Moshier, "Methods and Programs for Mathematical Functions"
// (Cephes), 1989, expf.
const (
	expLowest = -80         // exp is 0 below, well before shares of it become subnormal
	expLog2E  = 1.44269504  // log₂e
	expShift  = 3 << 22     // adding it rounds to an integer in the lowest bits
	expLn2Hi  = 0.693359375 // ln 2 in two parts, the first with 9 bits
	expLn2Lo  = -2.12194440e-4
	expP0     = 1.9875691500e-4
	expP1     = 1.3981999507e-3
	expP2     = 8.3334519073e-3
	expP3     = 4.1665795894e-2
	expP4     = 1.6666665459e-1
	expP5     = 5.0000001201e-1
)

// exp returns eˣ for x ≤ 0 with a relative error of about 1e-7, and NaN for NaN.
func exp(x float32) float32 {
	// The sum ends in the integer nearest to x·log₂e, in the lowest bits of t.
	t := float32(x*expLog2E) + expShift
	n := t - expShift // x = n·ln 2 + r, |r| ≤ ln 2 / 2
	// Exact, because n·expLn2Hi has few bits.
	r := x - float32(n*expLn2Hi)
	r -= float32(n * expLn2Lo)
	// The conversions forbid fusing, which would change bits on some machines.
	p := float32(expP0)
	p = float32(p*r) + expP1
	p = float32(p*r) + expP2
	p = float32(p*r) + expP3
	p = float32(p*r) + expP4
	p = float32(p*r) + expP5
	p = float32(float32(p*r)*r) + r
	p++
	if x < expLowest {
		return 0
	}
	// 2ⁿ, built from the lowest bits of t, which hold n.
	return p * math.Float32frombits(math.Float32bits(t)<<23+127<<23)
}
