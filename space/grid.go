package space

import (
	"math"
	"strconv"
	"strings"
)

// A grid is low + k·step for k = 0 … n-1, computed in decimal if the shortest decimals of low and
// step allow it.
type grid struct {
	low, high, step float64 // high may be off the grid
	n               int64

	// The same numbers as integers times 10^exp, if exact.
	exact     bool
	lowI, stI int64
	exp       int
}

// newGrid returns the grid of a valid Float. Decimal arithmetic makes 0.1 + 2·0.1 print as 0.3;
// where it does not apply, values are computed with one rounding.
func newGrid(low, high, step float64) grid {
	g := grid{low: low, high: high, step: step}
	k := int64(math.Floor((high-low)/step + 1e-8)) // of the last value
	g.n = k + 1
	lm, le := decimal(low)
	sm, se := decimal(step)
	g.exp = min(le, se)
	var okLow, okStep bool
	g.lowI, okLow = shift(lm, le-g.exp)
	g.stI, okStep = shift(sm, se-g.exp)
	// Integers of 15 digits and powers of ten up to 10^22 are exact floats, so their quotient is
	// the float nearest to the decimal, and no other decimal of 15 digits is as near to that float.
	if !okLow || !okStep || g.exp < -22 || g.exp > 0 || k+1 > (maxDecimal-g.lowI)/g.stI {
		return g
	}
	g.exact = true
	for g.at(k) > high {
		k--
	}
	for g.at(k+1) <= high {
		k++
	}
	g.n = k + 1
	return g
}

// at returns the k-th value.
func (g grid) at(k int64) float64 {
	if g.exact {
		return float64(g.lowI+k*g.stI) / math.Pow10(-g.exp)
	}
	return math.Min(math.FMA(float64(k), g.step, g.low), g.high)
}

// index returns the k whose value is nearest to x, at least 0.
func (g grid) index(x float64) int64 {
	return int64(math.Max(math.Round((x-g.low)/g.step), 0))
}

// decimal returns the shortest m·10^e that reads back as x. m has at most 17 digits.
func decimal(x float64) (m int64, e int) {
	digits, exp, _ := strings.Cut(strconv.FormatFloat(x, 'e', -1, 64), "e")
	whole, frac, _ := strings.Cut(digits, ".")
	m, _ = strconv.ParseInt(whole+frac, 10, 64)
	e, _ = strconv.Atoi(exp)
	return m, e - len(frac)
}

// maxDecimal is 10^15. A decimal of up to 15 digits is the shortest one of its float.
const maxDecimal = 1e15

// shift returns m·10^by and whether it is within ±maxDecimal.
func shift(m int64, by int) (int64, bool) {
	for ; by > 0 && m != 0; by-- {
		if m > maxDecimal/10 || m < -maxDecimal/10 {
			return 0, false
		}
		m *= 10
	}
	return m, m <= maxDecimal && m >= -maxDecimal
}
