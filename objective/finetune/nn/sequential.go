package nn

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas32"
)

// A Sequential is the layer that applies its layers one after the other. A
// part of a Sequential, s[:k] or s[k:], is one too and shares the parameters;
// the empty one is the identity.
type Sequential []Layer

var _ Layer = Sequential(nil)

// Forward implements Layer.
func (s Sequential) Forward(x Batch, rng *rand.Rand) Batch {
	for _, l := range s {
		x = l.Forward(x, rng)
	}
	return x
}

// Backward implements Layer. It ends at the first layer that trains, if nobody
// wants dx.
func (s Sequential) Backward(dy blas32.General, wantDX bool) (dx blas32.General) {
	first := 0 // that has anything to do
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
