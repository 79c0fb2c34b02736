package kernel

import "math"

// An AdamWStep has the constants of one step of AdamW.
type AdamWStep struct {
	Clip    float32 // factor of the gradient; 1 changes nothing
	Beta1   float32 // β₁, decay of the mean of the gradient
	Gain1   float32 // 1 - β₁
	Beta2   float32 // β₂, decay of the mean of its square
	Gain2   float32 // 1 - β₂
	Size    float32 // learning rate / (1 - β₁ᵗ) in step t
	Root    float32 // 1 / √(1 - β₂ᵗ)
	Epsilon float32 // ε
	Keep    float32 // 1 - learning rate · weight decay
}

// flush is added and subtracted to round moments to multiples of 2⁻⁹⁰, about 8e-28. Moments of
// units that no longer get a gradient fade, and would otherwise end, with their products, as
// subnormal numbers, which are slow. Against ε they are nothing. It takes no branch, and moments
// above 1e-12 keep their bits.
const flush = 1e-20

// AdamW takes one step of I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization",
// 2019, algorithm 2: it updates value and its moments m and v from the gradient g.
//
//	m ← β₁·m + (1-β₁)·g
//	v ← β₂·v + (1-β₂)·g²
//	value ← Keep·value - Size·m / (Root·√v + ε)
//
// AVX2 and AVX512 treat a subnormal value as 0; other subnormal numbers make no difference.
func AdamW(value, m, v, grad []float32, step AdamWStep) {
	same(len(value), len(m), len(v), len(grad))
	adamW(choice().vector, value, m, v, grad, &step)
}

// adamWGeneric is the reference for the assembly: the same operations in the same order,
// each rounded.
func adamWGeneric(value, m, v, grad []float32, c *AdamWStep) {
	for i, g := range grad {
		// Clipping costs nothing here, where the gradient is read anyway.
		g = float32(g * c.Clip)
		mi := float32(c.Beta1*m[i]) + float32(c.Gain1*g)
		vi := float32(c.Beta2*v[i]) + float32(float32(c.Gain2*g)*g)
		// The conversion keeps the compiler from simplifying this to mi.
		m[i] = float32(mi+flush) - flush
		v[i] = float32(vi+flush) - flush
		step := float32(c.Size*m[i]) / (float32(c.Root*float32(math.Sqrt(float64(v[i])))) + c.Epsilon)
		value[i] = float32(c.Keep*value[i]) - step
	}
}
