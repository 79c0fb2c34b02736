package nn

import "math"

// AdamW is the optimizer of I. Loshchilov and F. Hutter, "Decoupled Weight
// Decay Regularization", 2019, algorithm 2, with the decay multiplied by the
// learning rate, as frameworks do: η·α of the paper is the learning rate here,
// and WeightDecay is the paper's λ/α. Parameters with Decay unset do not
// decay; the learning rate of each is multiplied by its Rate. Those that do not
// train stay as they are. The moments start at 0 with the first Step;
// parameters that begin to train later need an AdamW of their own.
type AdamW struct {
	Beta1       float64 // decay of the mean of the gradient, in (0, 1); 0 means 0.9
	Beta2       float64 // decay of the mean of its square, in (0, 1); 0 means 0.999
	Epsilon     float64 // added to the root of the second moment; 0 means 1e-8
	WeightDecay float64 // at least 0

	steps int
	m, v  [][]float32 // moments: one slice per parameter, as long as its Value, or nil if it has not trained
}

// flush rounds moments to multiples of 2⁻⁹⁰, about 8e-28, when it is added and
// subtracted: those of units that no longer get a gradient fade away, and they
// and their products with a learning rate would otherwise end as subnormals,
// which processors are slow with. Against Epsilon such moments are nothing. No
// branch is needed, and moments above 1e-12 keep their bits.
const flush = 1e-20

// Step changes the values of the parameters by their gradients. Every call
// gets the same parameters.
func (o *AdamW) Step(params []*Param, learningRate float64) {
	if o.m == nil {
		o.m, o.v = make([][]float32, len(params)), make([][]float32, len(params))
	}
	o.steps++
	for i, p := range params {
		if !p.Trains() {
			continue
		}
		if o.m[i] == nil {
			o.m[i], o.v[i] = aligned(len(p.Value)), aligned(len(p.Value))
		}
		o.step(p, o.m[i], o.v[i], learningRate*or(p.Rate, 1))
	}
}

// step changes p and its moments.
func (o *AdamW) step(p *Param, m, v []float32, learningRate float64) {
	beta1, beta2, epsilon := or(o.Beta1, 0.9), or(o.Beta2, 0.999), or(o.Epsilon, 1e-8)
	// θ ← θ - lr·λ·θ - lr·m̂/(√v̂ + ε) with m̂ = m/(1-β₁ᵗ) and v̂ = v/(1-β₂ᵗ),
	// the divisions taken out of the loop.
	t := float64(o.steps)
	size := float32(learningRate / (1 - math.Pow(beta1, t)))
	root := float32(1 / math.Sqrt(1-math.Pow(beta2, t)))
	b1, c1 := float32(beta1), float32(1-beta1)
	b2, c2 := float32(beta2), float32(1-beta2)
	eps := float32(epsilon)
	keep := float32(1)
	if p.Decay {
		keep = float32(1 - float64(learningRate*o.WeightDecay))
	}
	value, m, v := p.Value, m[:len(p.Value)], v[:len(p.Value)]
	// The conversions keep compilers from fusing a product and a sum into
	// one rounding, which would make the bits depend on the machine.
	for j, g := range p.Grad[:len(p.Value)] {
		mj := float32(b1*m[j]) + float32(c1*g)            // m ← β₁·m + (1-β₁)·g
		vj := float32(b2*v[j]) + float32(float32(c2*g)*g) // v ← β₂·v + (1-β₂)·g²
		m[j] = float32(mj+flush) - flush
		v[j] = float32(vj+flush) - flush
		step := float32(size*m[j]) / (float32(root*float32(math.Sqrt(float64(v[j])))) + eps)
		value[j] = float32(keep*value[j]) - step
	}
}

// Moments returns the moments, one slice per parameter, or nil for one that has
// not trained: nothing at all before the first Step, and changed by the next.
// With the number of steps they are all that an AdamW remembers.
func (o *AdamW) Moments() (m, v [][]float32) { return o.m, o.v }

// Restore sets o to where another AdamW was after so many steps, with copies of
// its moments.
func (o *AdamW) Restore(steps int, m, v [][]float32) {
	o.steps, o.m, o.v = steps, nil, nil
	for i := range m {
		o.m, o.v = append(o.m, restored(m[i])), append(o.v, restored(v[i]))
	}
}

// restored returns a copy of x, or nil.
func restored(x []float32) []float32 {
	if x == nil {
		return nil
	}
	y := aligned(len(x))
	copy(y, x)
	return y
}

// or returns x, or def if x is 0.
func or(x, def float64) float64 {
	if x == 0 {
		return def
	}
	return x
}
