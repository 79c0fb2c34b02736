package nn

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas32"
)

// A Sequential applies its layers in order. A subslice is a Sequential too and shares the
// parameters; the empty one is the identity.
type Sequential []Layer

var _ Layer = Sequential(nil)

// Forward implements Layer.
func (s Sequential) Forward(x Batch, rng *rand.Rand) Batch {
	for _, l := range s {
		x = l.Forward(x, rng)
	}
	return x
}

// Backward implements Layer. Without wantDX it stops at the first layer that trains.
func (s Sequential) Backward(dy blas32.General, wantDX bool) (dx blas32.General) {
	first := 0 // layer with anything to do
	// Layers below it only pass gradients on to nobody.
	for !wantDX && first < len(s) && !trains(s[first]) {
		first++
	}
	for i := len(s) - 1; i >= first; i-- {
		dy = s[i].Backward(dy, wantDX || i > first)
	}
	if !wantDX {
		return blas32.General{}
	}
	return dy
}

// Params implements Layer.
func (s Sequential) Params() []*Param {
	var all []*Param
	for _, l := range s {
		all = append(all, l.Params()...)
	}
	return all
}

// Trains reports whether a parameter of s trains.
func (s Sequential) Trains() bool {
	for _, l := range s {
		if trains(l) {
			return true
		}
	}
	return false
}
