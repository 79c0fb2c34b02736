package gp

import "gonum.org/v1/gonum/floats"

// An UpperBound is the mean of a process plus Width standard deviations.
type UpperBound struct {
	Posterior *Posterior
	Width     float64
}

// Value implements Term.
func (b UpperBound) Value(x []float64) float64 {
	v := b.Posterior.whiten(x)
	return floats.Dot(v[:b.Posterior.n], b.Posterior.white) + b.Width*b.Posterior.deviation(v)
}

// Gradient implements Term.
func (b UpperBound) Gradient(x, grad []float64) float64 {
	p := b.Posterior
	v := p.whiten(x)
	sd := p.deviation(v)
	byV := make([]float64, len(v))
	floats.AddScaled(byV[:p.n], 1, p.white)
	floats.AddScaled(byV, -b.Width/sd, v) // ∂sd/∂v = -v/sd
	p.descend(x, byV, grad)
	return floats.Dot(v[:p.n], p.white) + b.Width*sd
}
