package nn

import (
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/kernel"
)

// AdamW is the optimizer of I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization",
// 2019, algorithm 2. As in other frameworks the decay is multiplied by the learning rate: the
// learning rate is the paper's η·α, and WeightDecay its λ/α.
//
// Parameters without Decay do not decay, the learning rate of each is multiplied by its Rate, and
// parameters that do not train stay unchanged. Moments start at 0 with the first Step, so
// parameters that start to train later need their own AdamW.
type AdamW struct {
	Beta1       float64 // decay of the mean of the gradient, in (0, 1); 0 means 0.9
	Beta2       float64 // decay of the mean of its square, in (0, 1); 0 means 0.999
	Epsilon     float64 // added to the root of the second moment; 0 means 1e-8
	WeightDecay float64 // at least 0

	steps int
	m, v  [][]float32 // moments, one slice per parameter, as long as its Value; nil if it has not trained
}

// Step updates the parameters from their gradients. Every call gets the same parameters.
func (o *AdamW) Step(params []*Param, learningRate float64) {
	if o.m == nil {
		// Moments are made late: frozen parameters need none.
		o.m, o.v = make([][]float32, len(params)), make([][]float32, len(params))
	}
	o.steps++
	for i, p := range params {
		if !p.Trains() {
			continue
		}
		if o.m[i] == nil {
			o.m[i], o.v[i] = make([]float32, len(p.Value)), make([]float32, len(p.Value))
		}
		o.step(p, o.m[i], o.v[i], learningRate*or(p.Rate, 1))
	}
}

// step changes p and its moments.
func (o *AdamW) step(p *Param, m, v []float32, learningRate float64) {
	beta1, beta2 := or(o.Beta1, 0.9), or(o.Beta2, 0.999)
	// θ ← θ - lr·λ·θ - lr·m̂/(√v̂ + ε) with m̂ = m/(1-β₁ᵗ) and v̂ = v/(1-β₂ᵗ),
	// with the divisions outside the loop.
	t := float64(o.steps)
	// Constants in float64, rounded once: 1-0.999 in float32 would have four digits.
	step := kernel.AdamWStep{
		Clip:    1,
		Beta1:   float32(beta1),
		Gain1:   float32(1 - beta1),
		Beta2:   float32(beta2),
		Gain2:   float32(1 - beta2),
		Size:    float32(learningRate / (1 - math.Pow(beta1, t))),
		Root:    float32(1 / math.Sqrt(1-math.Pow(beta2, t))),
		Epsilon: float32(or(o.Epsilon, 1e-8)),
		Keep:    1,
	}
	// Multiplied into one factor: decay costs no pass of its own.
	if p.Decay {
		step.Keep = float32(1 - float64(learningRate*o.WeightDecay))
	}
	kernel.AdamW(p.Value, m, v, p.Grad, step)
}

// Moments returns the moments, one slice per parameter, nil for one that has not trained, and nil
// before the first Step. The next Step overwrites them. With the number of steps they are the whole
// state of an AdamW.
func (o *AdamW) Moments() (m, v [][]float32) { return o.m, o.v }

// Restore sets o to the state of another AdamW after the given number of steps, with copies of its
// moments.
func (o *AdamW) Restore(steps int, m, v [][]float32) {
	o.steps, o.m, o.v = steps, nil, nil
	for i := range m {
		o.m, o.v = append(o.m, slices.Clone(m[i])), append(o.v, slices.Clone(v[i]))
	}
}

// or returns x, or def if x is 0.
func or(x, def float64) float64 {
	if x == 0 {
		return def
	}
	return x
}
