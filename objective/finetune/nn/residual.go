package nn

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/kernel"
)

// A Residual layer adds its input to a layer's output: y = x + f(x). K. He, X. Zhang, S. Ren, J.
// Sun, "Deep Residual Learning for Image Recognition", 2016.
type Residual struct {
	F        Layer
	Shortcut Layer // applied to x where f changes the shape: y = s(x) + f(x); nil: the identity

	y, dx buffer
}

var _ Layer = (*Residual)(nil)

// Forward implements Layer. F draws from rng before Shortcut does.
func (r *Residual) Forward(b Batch, rng *rand.Rand) Batch {
	// The order of draws is part of the contract: a resumed training must draw the same.
	f, s := r.F.Forward(b, rng), b
	if r.Shortcut != nil {
		s = r.Shortcut.Forward(b, rng)
	}
	f.X = r.sum(&r.y, f.X, s.X)
	return f
}

// Backward implements Layer.
func (r *Residual) Backward(dy blas32.General, wantDX bool) (dx blas32.General) {
	// Nothing below needs a gradient, so a frozen branch is skipped.
	if wantDX || trains(r.F) {
		dx = r.F.Backward(dy, wantDX)
	}
	s := dy
	if r.Shortcut != nil && (wantDX || trains(r.Shortcut)) {
		s = r.Shortcut.Backward(dy, wantDX)
	}
	if !wantDX {
		return blas32.General{}
	}
	return r.sum(&r.dx, dx, s)
}

// sum adds into memory of its own, because both terms belong to other layers.
func (r *Residual) sum(to *buffer, a, b blas32.General) blas32.General {
	sum := to.matrix(a.Rows, a.Cols)
	copy(sum.Data, a.Data)
	kernel.Add(sum.Data, b.Data[:len(sum.Data)])
	return sum
}

// Params implements Layer: F's, then Shortcut's.
func (r *Residual) Params() []*Param {
	all := r.F.Params()
	if r.Shortcut != nil {
		// A full slice, so append does not write into F's own.
		all = append(all[:len(all):len(all)], r.Shortcut.Params()...)
	}
	return all
}

// Trains reports whether a parameter of r trains.
func (r *Residual) Trains() bool {
	return trains(r.F) || r.Shortcut != nil && trains(r.Shortcut)
}
