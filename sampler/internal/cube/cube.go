// Package cube places parameters on the axes that samplers model: choices are
// at their indices, all other values in the unit interval.
package cube

import (
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/splitmix"
	"github.com/bluefin-hpo/bluefin/space"
)

// GridLimit is the largest number of values of an ordered parameter that is not
// treated as continuous.
const GridLimit = 1000

// IsCategorical reports whether the values of d have no order.
func IsCategorical(d space.Dist) bool {
	_, ok := d.(space.Categorical)
	return ok
}

// Unit returns the coordinate of x, which is in internal form.
func Unit(d space.Dist, x float64) float64 {
	if IsCategorical(d) {
		return x
	}
	return d.Unit(x)
}

// Value is the inverse of Unit.
func Value(d space.Dist, u float64) float64 {
	if IsCategorical(d) {
		return u
	}
	return d.Value(u)
}

// Nth returns the coordinate of value k of a distribution with finitely many.
func Nth(d space.Dist, k int) float64 {
	switch d := d.(type) {
	case space.Categorical:
		return float64(k)
	case space.Int:
		return d.Unit(float64(d.Low + k*max(d.Step, 1)))
	}
	return (float64(k) + 0.5) / float64(d.Len())
}

// Grid returns the coordinates of all values in increasing order. It is nil if d
// is continuous, or ordered with more than GridLimit values.
func Grid(d space.Dist) []float64 {
	n := d.Len()
	if n == 0 || n > GridLimit && !IsCategorical(d) {
		return nil
	}
	values := make([]float64, n)
	for k := range values {
		values[k] = Nth(d, k)
	}
	return values
}

// Free returns the parameters that have more than one value.
func Free(sp space.Space) space.Space {
	return slices.DeleteFunc(slices.Clone(sp), func(d space.Dimension) bool { return d.Dist.Len() == 1 })
}

// IsFinite reports whether no parameter is continuous.
func IsFinite(sp space.Space) bool {
	return !slices.ContainsFunc(sp, func(d space.Dimension) bool { return d.Dist.Len() == 0 })
}

// Same reports whether a and b have equal dimensions.
func Same(a, b space.Space) bool {
	return slices.EqualFunc(a, b, func(a, b space.Dimension) bool {
		return a.Name == b.Name && space.Equal(a.Dist, b.Dist)
	})
}

// Hash mixes seed with the bits of xs.
func Hash(seed uint64, xs ...float64) uint64 {
	h := splitmix.Mix(seed)
	for _, x := range xs {
		h = splitmix.Mix(h ^ math.Float64bits(x))
	}
	return h
}
