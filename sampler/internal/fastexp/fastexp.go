// Package fastexp is the exponential function of the inner loops of samplers.
package fastexp

import "math"

// Neg returns eˣ for x ≤ 0 to a few units in the last place, faster than math.Exp.
// Subnormal results are 0. It also serves x up to 700, within 1e-14.
//
// With k the integer nearest to x·32/ln 2, eˣ = 2^(k/32)·e^r with |r| ≤ ln 2/64, so a
// Taylor polynomial of degree 6 is enough (Tang, "Table-Driven
// Implementation of the Exponential Function in IEEE Floating-Point
// Arithmetic", ACM TOMS 15, 1989).
func Neg(x float64) float64 {
	if !(x > -708) {
		return 0
	}
	const (
		high = 0x1.62e42fefap-6   // ln 2/32, short enough for k·high to be exact
		low  = math.Ln2/32 - high // the rest
	)
	k := int(x*(32/math.Ln2) - 0.5)
	r := x - float64(k)*high - float64(k)*low
	r2 := r * r
	p := (1.0/2 + r*(1.0/6)) + r2*(1.0/24+r*(1.0/120)+r2*(1.0/720))
	scale := math.Float64frombits(uint64(1023+k>>5)<<52) * powers[k&31]
	return scale + scale*(r+r2*p)
}

// powers are 2^(i/32).
var powers = [32]float64{
	0x1.0000000000000p0, 0x1.059b0d3158574p0, 0x1.0b5586cf9890fp0, 0x1.11301d0125b51p0,
	0x1.172b83c7d517bp0, 0x1.1d4873168b9aap0, 0x1.2387a6e756238p0, 0x1.29e9df51fdee1p0,
	0x1.306fe0a31b715p0, 0x1.371a7373aa9cbp0, 0x1.3dea64c123422p0, 0x1.44e086061892dp0,
	0x1.4bfdad5362a27p0, 0x1.5342b569d4f82p0, 0x1.5ab07dd485429p0, 0x1.6247eb03a5585p0,
	0x1.6a09e667f3bcdp0, 0x1.71f75e8ec5f74p0, 0x1.7a11473eb0187p0, 0x1.82589994cce13p0,
	0x1.8ace5422aa0dbp0, 0x1.93737b0cdc5e5p0, 0x1.9c49182a3f090p0, 0x1.a5503b23e255dp0,
	0x1.ae89f995ad3adp0, 0x1.b7f76f2fb5e47p0, 0x1.c199bdd85529cp0, 0x1.cb720dcef9069p0,
	0x1.d5818dcfba487p0, 0x1.dfc97337b9b5fp0, 0x1.ea4afa2a490dap0, 0x1.f50765b6e4540p0,
}
