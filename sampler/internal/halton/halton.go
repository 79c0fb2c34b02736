// Package halton computes points of the Halton sequence, each from its index alone:
// coordinate dim has the digits of the index, in the base of the dim-th prime, mirrored
// at the point. See Halton, "On the efficiency of certain
// quasi-random sequences of points in evaluating multi-dimensional integrals"
// (Numer. Math. 2, 1960).
package halton

import (
	"math"
	"sync"

	"github.com/bluefin-hpo/bluefin/sampler/internal/splitmix"
)

// MaxDim is the largest number of dimensions.
const MaxDim = 1111

// primes returns the first MaxDim primes.
var primes = sync.OnceValue(func() []uint64 {
	list := make([]uint64, 0, MaxDim)
	for p := uint64(2); len(list) < MaxDim; p++ {
		prime := true
		for _, q := range list {
			if q*q > p {
				break
			}
			if p%q == 0 {
				prime = false
				break
			}
		}
		if prime {
			list = append(list, p)
		}
	}
	return list
})

// A Scramble replaces every digit d of a coordinate by a·d + c modulo the base,
// with a ≥ 1 and c by a hash of the dimension and the digit's place: random
// linear digit scrambling, Matoušek, "On the L2-discrepancy for anchored boxes"
// (J. Complexity 14, 1998). The points stay as even and become uniform, and coordinates
// with large bases are no longer correlated.
type Scramble struct{ Seed uint64 }

// At returns coordinate dim, from 0, of the point with the given index, from 0,
// in [0, 1). Without a scramble, nil, the first point is 0 in all coordinates.
// It panics unless 0 ≤ dim < MaxDim.
func At(index uint64, dim int, s *Scramble) float64 {
	base := primes()[dim]
	x, unit := 0.0, 1.0
	for place := uint64(0); index > 0 || s != nil && unit > 0x1p-54; place++ {
		digit := index % base
		index /= base
		if s != nil {
			h := splitmix.Mix(splitmix.Mix(s.Seed^splitmix.Mix(uint64(dim))) + place)
			digit = (digit*(1+h>>32%(base-1)) + h&0xffffffff) % base
		}
		unit /= float64(base)
		x += float64(digit) * unit
	}
	return math.Min(x, 1-0x1p-53)
}
