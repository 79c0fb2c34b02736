package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vectors writes the functions over vectors. Each performs the same operations as the Generic
// version in package kernel, which has the formulas.
func vectors(s isa) {
	softmax(s)
	softmaxBackward(s)
	layerNorm(s)
	layerNormParams(s)
	layerNormBackward(s)
	gelu(s)
	geluBackward(s)
	relu(s)
	reluBackward(s)
	axpy(s)
	scale(s)
	sumSquares(s)
	adamW(s)
}

// exp returns eˣ for x ≤ 0.
func (p *pass) exp(x reg.VecVirtual) reg.VecVirtual {
	// The constants and steps are those of exp.go.
	t := p.add(p.mul(x, number(1.44269504)), number(3<<22))
	n := p.sub(t, number(3<<22))
	r := p.sub(x, p.mul(n, number(0.693359375)))
	r = p.sub(r, p.mul(n, number(-2.12194440e-4)))
	y := p.mul(r, number(1.9875691500e-4))
	for _, c := range []float64{1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1} {
		y = p.mul(p.add(y, number(c)), r)
	}
	y = p.add(y, number(5.0000001201e-1))
	y = p.add(p.mul(p.mul(y, r), r), r)
	y = p.add(y, number(1))
	power := p.vec()
	// Moves n into the exponent of a float32.
	VPSLLD(U8(23), t, power)
	VPADDD(bits(127<<23), power, power)
	// notLess is true for NaN, which passes through.
	return p.where(notLess, x, number(-80), p.mul(y, power))
}

// normal returns Φ(x) and e^(-x²/2).
func (p *pass) normal(x reg.VecVirtual) (cdf, e reg.VecVirtual) {
	z, one, zero := p.vec(), p.vec(), p.vec()
	// The absolute value.
	VANDPS(bits(1<<31-1), x, z)
	VMOVUPS(number(1), one)
	t := p.div(one, p.add(p.mul(z, number(0.3275911/math.Sqrt2)), number(1)))
	e = p.exp(p.mul(p.mul(z, z), number(-0.5)))
	y := p.mul(t, number(1.061405429/2))
	for _, c := range []float64{-1.453152027, 1.421413741, -0.284496736, 0.254829592} {
		y = p.mul(p.add(y, number(c/2)), t)
	}
	y = p.mul(y, e)
	VXORPS(zero, zero, zero)
	VMOVUPS(number(1), one)
	return p.choose(less, x, zero, y, p.sub(one, y)), e
}

// softmax makes three passes: the maximum, exp and their sum, the division.
func softmax(s isa) {
	p := vectorFunc(s, "softmax", "func(y, x []float32)", "is Softmax.", "x")
	y, x := p.pointer("y"), p.pointer("x")
	tops := p.copies(number(math.Inf(-1)))
	p.each(func(part int) {
		v := p.vec()
		switch {
		case !p.masked:
			VMOVUPS(p.at(x, part), v)
		// Padding must not be the largest number, so the maximum stays there.
		case s == avx512:
			VMOVAPS(tops[part], v)
			VMOVUPS(p.at(x, part), p.mask, v)
		default:
			mask := p.part(part)
			VMASKMOVPS(p.at(x, part), mask, v)
			VBLENDVPS(mask, v, tops[part], v)
		}
		VMAXPS(tops[part], v, tops[part])
	})
	top := p.broadcast(p.reduce(VMAXPS, tops))
	sums := p.copies(number(0))
	p.each(func(part int) {
		e := p.exp(p.sub(p.load(x, part), top))
		p.store(e, y, part)
		// Padding would add exp(0 - top).
		VADDPS(p.clip(e, part), sums[part], sums[part])
	})
	total := p.reduce(VADDPS, sums)
	one := XMM()
	VMOVSS(number(1), one)
	// One division for all elements.
	VDIVSS(total, one, one)
	factor := p.broadcast(one)
	p.each(func(part int) { p.store(p.mul(p.load(y, part), factor), y, part) })
	p.end()
}

func softmaxBackward(s isa) {
	p := vectorFunc(s, "softmaxBackward", "func(dx, y, dy []float32)", "is SoftmaxBackward.", "y")
	dx, y, dy := p.pointer("dx"), p.pointer("y"), p.pointer("dy")
	sums := p.copies(number(0))
	p.each(func(part int) {
		VADDPS(p.mul(p.load(y, part), p.load(dy, part)), sums[part], sums[part])
	})
	mean := p.broadcast(p.reduce(VADDPS, sums))
	p.each(func(part int) {
		p.store(p.mul(p.load(y, part), p.sub(p.load(dy, part), mean)), dx, part)
	})
	p.end()
}

// layerNorm makes three passes: mean, variance, result. The first two need padding of 0.
func layerNorm(s isa) {
	p := vectorFunc(s, "layerNorm", "func(y, x, gain, bias []float32, eps float32, stats *[2]float32)", "is LayerNorm, with the mean and rstd in stats.", "x")
	y, x, gain, bias := p.pointer("y"), p.pointer("x"), p.pointer("gain"), p.pointer("bias")
	stats := Load(Param("stats"), GP64())
	n := p.length()
	sums := p.copies(number(0))
	p.each(func(part int) { VADDPS(p.load(x, part), sums[part], sums[part]) })
	mean := p.reduce(VADDPS, sums)
	VDIVSS(n, mean, mean)
	VMOVSS(mean, Mem{Base: stats})
	means := p.broadcast(mean)
	sums = p.copies(number(0))
	p.each(func(part int) {
		// Padding would add mean².
		d := p.clip(p.sub(p.load(x, part), means), part)
		VADDPS(p.mul(d, d), sums[part], sums[part])
	})
	variance := p.reduce(VADDPS, sums)
	VDIVSS(n, variance, variance)
	VADDSS(Load(Param("eps"), XMM()), variance, variance)
	VSQRTSS(variance, variance, variance)
	rstd := XMM()
	VMOVSS(number(1), rstd)
	VDIVSS(variance, rstd, rstd)
	VMOVSS(rstd, Mem{Base: stats, Disp: 4})
	rstds := p.broadcast(rstd)
	p.each(func(part int) {
		v := p.mul(p.sub(p.load(x, part), means), rstds)
		p.store(p.add(p.mul(v, p.load(gain, part)), p.load(bias, part)), y, part)
	})
	p.end()
}

// layerNormParams has no sums over x, so padding does no harm.
func layerNormParams(s isa) {
	p := vectorFunc(s, "layerNormParams", "func(dgain, dbias, dy, x []float32, mean, rstd float32)", "is the part of LayerNormBackward for the parameters.", "dy")
	dgain, dbias, dy, x := p.pointer("dgain"), p.pointer("dbias"), p.pointer("dy"), p.pointer("x")
	mean, rstd := p.param("mean"), p.param("rstd")
	p.each(func(part int) {
		g := p.load(dy, part)
		v := p.mul(p.sub(p.load(x, part), mean), rstd)
		p.store(p.add(p.load(dgain, part), p.mul(g, v)), dgain, part)
		p.store(p.add(p.load(dbias, part), g), dbias, part)
	})
	p.end()
}

// layerNormBackward computes x̂ twice, which costs less than storing it.
func layerNormBackward(s isa) {
	p := vectorFunc(s, "layerNormBackward", "func(dx, dy, x, gain []float32, mean, rstd float32)", "is the part of LayerNormBackward for the argument.", "dy")
	dx, dy, x, gain := p.pointer("dx"), p.pointer("dy"), p.pointer("x"), p.pointer("gain")
	mean, rstd := p.param("mean"), p.param("rstd")
	normalized := func(part int) reg.VecVirtual { return p.mul(p.sub(p.load(x, part), mean), rstd) }
	g, gx := p.copies(number(0)), p.copies(number(0))
	p.each(func(part int) {
		v := p.mul(p.load(dy, part), p.load(gain, part))
		VADDPS(v, g[part], g[part])
		VADDPS(p.mul(v, normalized(part)), gx[part], gx[part])
	})
	n := p.length()
	mg, mgx := p.reduce(VADDPS, g), p.reduce(VADDPS, gx)
	VDIVSS(n, mg, mg)
	VDIVSS(n, mgx, mgx)
	meanG, meanGX := p.broadcast(mg), p.broadcast(mgx)
	p.each(func(part int) {
		v := p.sub(p.mul(p.load(dy, part), p.load(gain, part)), meanG)
		p.store(p.mul(p.sub(v, p.mul(normalized(part), meanGX)), rstd), dx, part)
	})
	p.end()
}

func gelu(s isa) {
	p := vectorFunc(s, "gelu", "func(y, x []float32)", "is GELU.", "x")
	y, x := p.pointer("y"), p.pointer("x")
	p.each(func(part int) {
		v := p.load(x, part)
		cdf, _ := p.normal(v)
		p.store(p.mul(v, cdf), y, part)
	})
	p.end()
}

func geluBackward(s isa) {
	p := vectorFunc(s, "geluBackward", "func(dx, x, dy []float32)", "is GELUBackward.", "x")
	dx, x, dy := p.pointer("dx"), p.pointer("x"), p.pointer("dy")
	p.each(func(part int) {
		v := p.load(x, part)
		cdf, e := p.normal(v)
		slope := p.add(cdf, p.mul(v, p.mul(e, number(0.39894228))))
		p.store(p.mul(p.load(dy, part), slope), dx, part)
	})
	p.end()
}

func relu(s isa) {
	p := vectorFunc(s, "relu", "func(y, x []float32)", "is ReLU.", "x")
	y, x := p.pointer("y"), p.pointer("x")
	zero := p.copies(number(0))[0]
	p.each(func(part int) { p.store(p.max(zero, p.load(x, part)), y, part) })
	p.end()
}

// reluBackward compares without a branch.
func reluBackward(s isa) {
	p := vectorFunc(s, "reluBackward", "func(dx, y, dy []float32)", "is ReLUBackward.", "y")
	dx, y, dy := p.pointer("dx"), p.pointer("y"), p.pointer("dy")
	zero := p.copies(number(0))[0]
	p.each(func(part int) {
		p.store(p.where(less, zero, p.load(y, part), p.load(dy, part)), dx, part)
	})
	p.end()
}

func axpy(s isa) {
	p := vectorFunc(s, "axpy", "func(y []float32, alpha float32, x []float32)", "is Axpy.", "x")
	y, x, alpha := p.pointer("y"), p.pointer("x"), p.param("alpha")
	p.each(func(part int) { p.store(p.add(p.load(y, part), p.mul(p.load(x, part), alpha)), y, part) })
	p.end()
}

func scale(s isa) {
	p := vectorFunc(s, "scale", "func(y []float32, alpha float32)", "is Scale.", "y")
	y, alpha := p.pointer("y"), p.param("alpha")
	p.each(func(part int) { p.store(p.mul(p.load(y, part), alpha), y, part) })
	p.end()
}

// sumSquares has two registers of float64 for each of float32, added in the order of
// lanes.
func sumSquares(s isa) {
	p := vectorFunc(s, "sumSquares", "func(x []float32) float64", "is SumSquares.", "x")
	x := p.pointer("x")
	sums := append(p.copies(number(0)), p.copies(number(0))...) // twice as many registers of float64
	p.each(func(part int) {
		v := p.load(x, part)
		for half := range 2 {
			d := p.vec()
			switch {
			case s == avx512 && half == 0:
				VCVTPS2PD(v.AsY(), d)
			case s == avx512:
				upper := YMM()
				VEXTRACTF64X4(U8(1), v, upper)
				VCVTPS2PD(upper, d)
			case half == 0:
				VCVTPS2PD(v.AsX(), d)
			default:
				upper := XMM()
				VEXTRACTF128(U8(1), v, upper)
				VCVTPS2PD(upper, d)
			}
			VMULPD(d, d, d)
			VADDPD(d, sums[2*part+half], sums[2*part+half])
		}
	})
	y := YMM()
	if s == avx512 {
		VADDPD(sums[1], sums[0], sums[0])
		VEXTRACTF64X4(U8(1), sums[0], y)
		VADDPD(sums[0].AsY(), y, y)
	} else {
		VADDPD(sums[2], sums[0], sums[0])
		VADDPD(sums[3], sums[1], sums[1])
		VADDPD(sums[1], sums[0], y)
	}
	lower, upper := XMM(), XMM()
	VEXTRACTF128(U8(1), y, lower)
	VADDPD(y.AsX(), lower, lower)
	VUNPCKHPD(lower, lower, upper)
	VADDSD(upper, lower, lower)
	Store(lower, ReturnIndex(0))
	p.end()
}

// adamW is one pass over four arrays: memory is its bottleneck.
func adamW(s isa) {
	p := vectorFunc(s, "adamW", "func(value, m, v, grad []float32, c *[9]float32)", "is AdamW. It takes subnormal numbers as 0.", "grad")
	undo := flushSubnormals()
	value, m, v, grad := p.pointer("value"), p.pointer("m"), p.pointer("v"), p.pointer("grad")
	c := Load(Param("c"), GP64())
	field := 0
	next := func() reg.VecVirtual { // the fields of AdamWStep, in order
		x := p.broadcast(Mem{Base: c, Disp: field})
		field += 4
		return x
	}
	clip, beta1, gain1, beta2, gain2, size, root, epsilon, keep := next(), next(), next(), next(), next(), next(), next(), next(), next()
	p.each(func(part int) {
		g := p.mul(p.load(grad, part), clip)
		mi := p.add(p.mul(p.load(m, part), beta1), p.mul(g, gain1))
		vi := p.add(p.mul(p.load(v, part), beta2), p.mul(p.mul(g, gain2), g))
		// Rounds away what would become subnormal; see flush in package kernel.
		mi = p.sub(p.add(mi, number(1e-20)), number(1e-20))
		vi = p.sub(p.add(vi, number(1e-20)), number(1e-20))
		p.store(mi, m, part)
		p.store(vi, v, part)
		root2 := p.vec()
		// The exact root: the approximate one differs between processors.
		VSQRTPS(vi, root2)
		step := p.div(p.mul(mi, size), p.add(p.mul(root2, root), epsilon))
		p.store(p.sub(p.mul(p.load(value, part), keep), step), value, part)
	})
	undo()
	p.end()
}
